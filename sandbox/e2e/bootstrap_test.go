package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestBootstrap creates with the real engine and provider what a repository needs once, begins a stack in the state that it makes,
// and takes it down: state, key and images stay.
func TestBootstrap(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := serve(t)
	folder := filepath.Join(repository, "infra/bootstrap")
	dir := projectOf(t, filepath.Join(folder, "Pulumi.yaml"), compile(t, "infra", "./bootstrap"))
	pulumi := func(args ...string) string {
		t.Helper()
		out, err := s.run(t, dir, "pulumi", append(args, "--non-interactive")...)
		if err != nil {
			t.Fatalf("pulumi %s: %v\n%s", args[0], err, out)
		}
		return out
	}
	pulumi("stack", "init", "main")
	set := []string{"config", "set-all"}
	for key, value := range s.config {
		if !strings.HasPrefix(key, "vertex-metadata:") {
			set = append(set, "--plaintext", fmt.Sprintf("%s=%v", key, value))
		}
	}
	pulumi(append(set, "--plaintext", "repository=owner/repository", "--plaintext", "repositoryId=123456789")...)
	pulumi("config", "set", "--path", "stacks[0]", fmt.Sprintf("dev=%v", s.config["gcp:project"]))
	pulumi("config", "set", "--path", "stacks[1]", fmt.Sprintf("prod=%v", s.config["gcp:project"]))

	pulumi("up", "--yes", "--skip-preview")
	pulumi("preview", "--refresh", "--expect-no-changes", "--diff")

	var outputs struct {
		GitHubVariables map[string]string `json:"githubVariables"`
		GitHubCommands  string            `json:"githubCommands"`
	}
	must(t, json.Unmarshal([]byte(pulumi("stack", "output", "--json")), &outputs))
	if provider := outputs.GitHubVariables["WORKLOAD_IDENTITY_PROVIDER"]; !strings.HasSuffix(provider, "/locations/global/workloadIdentityPools/github/providers/repository") {
		t.Errorf("identity provider %q", provider)
	}
	if !strings.Contains(outputs.GitHubCommands, "gh variable set SERVICE_ACCOUNT --repo owner/repository --env prod --body 'deploy-prod@") {
		t.Errorf("commands for GitHub:\n%s", outputs.GitHubCommands)
	}
	pulumi("destroy", "--yes", "--skip-preview")
}
