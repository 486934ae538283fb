package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"vertexmetadata/sandbox/dataplane"
)

// TestBootstrap creates with the real engine and provider what a repository needs once, and then works on a stack as the accounts
// that it made: each can do its part and no more. Taken down, it leaves state, key and images.
func TestBootstrap(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := newSystem(t)
	main := newStack(t, s, nil)
	main.must("config", "rm", "artifactRepository") // the image is in a repository of the bootstrap's
	once := bootstrapStack(t, main)

	once.must("up", "--yes", "--skip-preview")
	once.must("preview", "--refresh", "--expect-no-changes", "--diff")
	var outputs struct {
		GitHubVariables map[string]string `json:"githubVariables"`
		GitHubCommands  string            `json:"githubCommands"`
	}
	must(t, json.Unmarshal([]byte(once.must("stack", "output", "--json", "--stack", once.name)), &outputs))
	if provider := outputs.GitHubVariables["WORKLOAD_IDENTITY_PROVIDER"]; !strings.HasSuffix(provider, "/locations/global/workloadIdentityPools/github/providers/repository") {
		t.Errorf("identity provider %q", provider)
	}
	if want := "gh variable set SERVICE_ACCOUNT --repo owner/repository --env prod --body 'deploy-prod@" + dataplane.Project; !strings.Contains(outputs.GitHubCommands, want) {
		t.Errorf("the commands for GitHub lack %q:\n%s", want, outputs.GitHubCommands)
	}

	as := func(account string) {
		t.Helper()
		token := s.Control.Token("serviceAccount:" + account + "@" + dataplane.Project + ".iam.gserviceaccount.com")
		main.must("config", "set", "--plaintext", "gcp:accessToken", token)
	}
	as("deploy-dev")
	main.must("up", "--yes", "--skip-preview")
	main.must("preview", "--expect-no-changes")
	as("audit-dev")
	main.must("preview", "--refresh", "--expect-no-changes")
	main.must("config", "set", "schedule", "*/5 * * * *")
	if out, err := main.run("up", "--yes", "--skip-preview"); err == nil {
		t.Errorf("who may only compare has deployed:\n%s", out)
	}
	as("preview-dev")
	if out := main.must("preview"); !strings.Contains(out, "~ 1 to update") {
		t.Errorf("the preview does not show the change:\n%s", out)
	}
	if out, err := main.run("up", "--yes", "--skip-preview"); err == nil {
		t.Errorf("who may only preview has deployed:\n%s", out)
	}

	as("deploy-dev")
	main.must("up", "--yes", "--skip-preview") // a destroy signs in as the state says
	main.must("destroy", "--yes", "--skip-preview")
	once.must("destroy", "--yes", "--skip-preview")
}

// bootstrapStack makes a stack of infra/bootstrap in the project of another stack.
func bootstrapStack(t *testing.T, other *pulumiStack) *pulumiStack {
	t.Helper()
	dir := projectOf(t, filepath.Join(repository, "infra/bootstrap/Pulumi.yaml"), compile(t, "infra", "./bootstrap"))
	s := &pulumiStack{t: t, dir: dir, name: "main", env: other.env}
	s.must("stack", "init", s.name)
	text, err := os.ReadFile(filepath.Join(other.dir, "Pulumi."+other.name+".yaml"))
	must(t, err)
	var file struct{ Config map[string]any }
	must(t, yaml.Unmarshal(text, &file))
	set := []string{"config", "set-all", "--plaintext", "repository=owner/repository", "--plaintext", "repositoryId=123456789"}
	for key, value := range file.Config {
		if strings.HasPrefix(key, "gcp:") {
			set = append(set, "--plaintext", fmt.Sprintf("%s=%v", key, value))
		}
	}
	s.must(set...)
	s.must("config", "set", "--path", "stacks[0]", "dev="+dataplane.Project)
	s.must("config", "set", "--path", "stacks[1]", "prod="+dataplane.Project)
	return s
}
