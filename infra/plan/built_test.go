package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"vertexmetadata/infra/stack"
)

// An image that is built says what it was built from; a build argument of the settings wins.
func TestImageSaysWhatItWasBuiltFrom(t *testing.T) {
	_, given, err := settings("../..", fixture("seed"))
	if err != nil {
		t.Fatal(err)
	}
	given.values["vertex-metadata:imageBuildArgs"] = `{"SOURCE":"https://example.com/mirror","GO_IMAGE":"mirror/go"}`
	plan, err := recordProgram("vertex-metadata", "seed", "../..", given, func(ctx *pulumi.Context) error {
		return stack.DeployBuilt(ctx, map[string]string{"REVISION": "abc", "SOURCE": "https://example.com/owner/repository"})
	})
	if err != nil {
		t.Fatal(err)
	}
	build := ofType(plan, "docker:index/image:Image").Inputs["build"].(map[string]any)
	want := map[string]any{"REVISION": "abc", "SOURCE": "https://example.com/mirror", "GO_IMAGE": "mirror/go"}
	if diff := cmp.Diff(want, build["args"]); diff != "" {
		t.Errorf("build arguments (-want +got):\n%s", diff)
	}
}
