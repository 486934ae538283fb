package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSmoke runs what `make smoke` runs in a real project: it passes here, so that a failure there is the project's.
func TestSmoke(t *testing.T) {
	findPulumi(t)
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("gcloud is not installed: https://cloud.google.com/sdk/docs/install")
	}
	t.Parallel()
	s := serve(t)
	dir := projectOf(t, filepath.Join(repository, "Pulumi.yaml"), programBinary(t))
	project, _ := s.config["gcp:project"].(string)
	out, err := s.run(t, dir, compile(t, "infra", "./smoke"), "-project", project, "-settings", s.stack, "-name", "smoke-test", "-search", "花")
	if err != nil {
		t.Fatalf("smoke: %v\n%s", err, out)
	}
	records, err := filepath.Glob(filepath.Join(dir, "smoke-*.md"))
	if err != nil || len(records) != 1 {
		t.Fatalf("records %v: %v, want one", records, err)
	}
	text, err := os.ReadFile(records[0])
	must(t, err)
	if lines := strings.Count(string(text), "| ok |"); lines != 9 || !strings.Contains(string(text), ": passed\n") {
		t.Errorf("%d of 9 steps are ok:\n%s", lines, text)
	}
	if left, err := s.run(t, dir, "pulumi", "stack", "ls"); err != nil || strings.Contains(left, "smoke-test") {
		t.Errorf("the stack is left behind (%v):\n%s", err, left)
	}
}
