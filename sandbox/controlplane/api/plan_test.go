package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
			project := "example-dev"
			if strings.Contains(string(content), "projects/example-prod/") {
				project = "example-prod"
			}
			s := plannedCloud(t, project)
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

// plannedCloud has what the plans' settings suppose: their projects, secrets, buckets, a repository and a key.
func plannedCloud(t *testing.T, project string) *Server {
	t.Helper()
	s := New(Options{})
	t.Cleanup(s.Close)
	s.NewProject("other-project", "999999999999")
	ok(t, s.NewSecret("other-project", "db_password", "x"))
	ok(t, s.NewSecret("other-project", "database_url", "x"))
	ok(t, s.AddSecretVersion("other-project", "database_url", "x"))
	ok(t, s.AddSecretVersion("other-project", "database_url", "x"))
	s.NewProject(project, "123456789012") // the number in every plan
	ok(t, s.NewBucket(project, project+"-posts", "asia-northeast1"))
	for _, id := range strings.Fields("gcp_project db_name db_user gcs_bucket project_id secret_id version_id gemini_api_key data_store_id db_password database_url") {
		ok(t, s.NewSecret(project, id, "x"))
	}
	ok(t, s.NewRepository(project, "asia", "jobs"))
	const ring = "/cloudkms/v1/projects/example-dev/locations/asia-northeast1/keyRings"
	if project == "example-dev" {
		must(t, s, "POST", "/serviceusage/v1/projects/example-dev/services/cloudkms.googleapis.com:enable", "")
		must(t, s, "POST", ring+"?keyRingId=ring", "{}")
		must(t, s, "POST", ring+"/ring/cryptoKeys?cryptoKeyId=key", "{}")
	}
	return s
}
