package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/project"
)

// TestPulumiImage lets pulumi up build the image, push it to a registry of this machine and deploy it by digest. What the trigger then
// runs is the binary of the image that was pushed.
func TestPulumiImage(t *testing.T) {
	findPulumi(t)
	findProvider(t, "docker", dockerVersion)
	docker := engine(t)
	docker.standIns(t)
	t.Parallel()
	registry := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(registry.Close)
	host := strings.TrimPrefix(registry.URL, "http://")
	name := host + "/" + dataplane.Project + "/" + project.Repository + "/create-vertex-metadata"
	t.Cleanup(func() { docker.output(t, "image", "rm", "--force", name) })

	pushed := &images{docker: docker, dir: t.TempDir(), pulled: map[string]string{}}
	s := newSystem(t, func(o *project.Options) { o.Image = pushed.binary })
	before, err := s.Control.Snapshot()
	must(t, err)
	stack := newStack(t, s, map[string]string{
		"image": "", "imageRegistry": host, "imageBuildNetwork": "none",
		"imageBuildArgs.GO_IMAGE": goImageNow(t), "imageBuildArgs.RUNTIME_IMAGE": runtimeImage,
	})
	for _, part := range []string{"Dockerfile", ".dockerignore", "job"} {
		if out, err := exec.Command("cp", "-r", filepath.Join(repository, part), stack.dir).CombinedOutput(); err != nil {
			t.Fatalf("copy %s: %v: %s", part, err, out)
		}
	}
	stack.must("up", "--yes", "--skip-preview")
	reference := strings.TrimSpace(stack.must("stack", "output", "image"))
	if !regexp.MustCompile("^" + regexp.QuoteMeta(name) + "@sha256:[0-9a-f]{64}$").MatchString(reference) {
		t.Errorf("the job runs image %s, want one of %s by digest", reference, name)
	}
	stack.must("preview", "--expect-no-changes")
	stack.must("preview", "--refresh", "--expect-no-changes")
	checkPreviewOnlyReads(t, s, stack)
	checkNoToken(t, stack, s.Control.AdminToken())
	checkSyncs(t, s)
	if ran := slices.Collect(maps.Keys(pushed.pulled)); !slices.Equal(ran, []string{reference}) {
		t.Errorf("images %q ran, want %s", ran, reference)
	}
	stack.must("destroy", "--yes", "--skip-preview")
	checkLeft(t, s.Control, before)
	if unknown := s.Control.Unknown(); len(unknown) > 0 {
		t.Errorf("requests that the sandbox does not know: %q", unknown)
	}
}

// images are the binaries of the images that were pulled.
type images struct {
	docker client
	dir    string

	mu     sync.Mutex
	pulled map[string]string // binary by reference
}

// binary pulls an image and takes the job out of it.
func (i *images) binary(reference string) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if binary := i.pulled[reference]; binary != "" {
		return binary, nil
	}
	if output, err := i.docker.command("pull", reference).CombinedOutput(); err != nil {
		return "", fmt.Errorf("pull %s: %w: %s", reference, err, output)
	}
	created, err := i.docker.command("create", reference).Output()
	if err != nil {
		return "", fmt.Errorf("make container of %s: %w", reference, err)
	}
	container := strings.TrimSpace(string(created))
	binary := filepath.Join(i.dir, fmt.Sprint("job", len(i.pulled)))
	copied := i.docker.command("cp", container+":/job", binary).Run()
	if err := errors.Join(copied, i.docker.command("rm", container).Run()); err != nil {
		return "", fmt.Errorf("copy the job out of %s: %w", reference, err)
	}
	i.pulled[reference] = binary
	return binary, nil
}

// checkNoToken looks at what the state keeps of the image: a token of Google's is neither for a registry that is not Google's nor for
// the readers of a state.
func checkNoToken(t *testing.T, stack *pulumiStack, token string) {
	t.Helper()
	var state struct {
		Deployment struct {
			Resources []struct {
				Type            string
				Inputs, Outputs json.RawMessage
			}
		}
	}
	must(t, json.Unmarshal([]byte(stack.must("stack", "export")), &state))
	images := 0
	for _, resource := range state.Deployment.Resources {
		if resource.Type == "docker:index/image:Image" {
			images++
			if strings.Contains(string(resource.Inputs)+string(resource.Outputs), token) {
				t.Error("the token of the gcp provider is in the state of the image for all to read")
			}
		}
	}
	if images != 1 {
		t.Errorf("the state has %d images, want 1", images)
	}
}
