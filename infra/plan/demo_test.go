package main

import (
	"bytes"
	"os"
	"testing"
)

// The plan that make demo deploys is that of its stack file. It does not depend on the stacks of the user who runs it.
func TestDemoPlan(t *testing.T) {
	var got bytes.Buffer
	if err := planFile(t, "demo", "../../sandbox/testdata/Pulumi.demo.yaml").writeJSON(&got); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../sandbox/testdata/demo.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("sandbox/testdata/demo.json is not the plan of sandbox/testdata/Pulumi.demo.yaml: run make plan-demo")
	}
}
