package main

import (
	"os/exec"
	"strings"
	"testing"
)

// What is shipped depends on nothing that is there for tests.
func TestNothingForTestsIsShipped(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 100 {
		t.Fatalf("go list names only %d packages", len(packages))
	}
	for _, p := range packages {
		for _, wall := range []string{"vertexmetadata/sandbox", "vertexmetadata/infra", "testing", "net/http/httptest", "github.com/google/go-cmp", "github.com/creack/pty", "github.com/fsouza"} {
			if p == wall || strings.HasPrefix(p, wall+"/") {
				t.Errorf("the job depends on %s", p)
			}
		}
	}
}
