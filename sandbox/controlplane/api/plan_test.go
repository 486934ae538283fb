package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vertexmetadata/sandbox/controlplane/fields"
)

// TestDeployPlan deploys the golden plans of infra/, every type of resource that the program has.
func TestDeployPlan(t *testing.T) {
	plans, err := filepath.Glob(filepath.Join("..", "..", "..", "infra", "plan", "testdata", "*.json"))
	ok(t, err)
	if len(plans) < 4 {
		t.Fatalf("infra/plan/testdata has %d plans, want its four at least", len(plans))
	}
	for _, path := range plans {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			content, err := os.ReadFile(path)
			ok(t, err)
			s := New(Options{})
			t.Cleanup(s.Close)
			project := projectOf(t, content)
			s.NewProject(project, "123456789012") // the number in every plan
			ok(t, s.Suppose(project, content, func(string, string) string { return "x" }))
			made, err := s.DeployPlan(t.Context(), content)
			ok(t, err)
			if got, want := len(made), strings.Count(string(content), `"custom": true`); got != want {
				t.Errorf("made %d resources of %d", got, want)
			}
			if unknown := s.Unknown(); len(unknown) > 0 {
				t.Errorf("requests that the sandbox does not know: %q", unknown)
			}
		})
	}
}

// projectOf is the project that a plan enables its APIs in.
func projectOf(t *testing.T, plan []byte) string {
	t.Helper()
	resources, err := readPlan(plan)
	ok(t, err)
	for _, r := range resources {
		if r.Type == "gcp:projects/service:Service" {
			return fields.Text(r.Inputs, "project")
		}
	}
	t.Fatal("the plan enables no API")
	return ""
}
