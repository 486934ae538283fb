// Package workflows holds the rules for the workflows in .github: nothing but tests.
package workflows

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

var pinned = regexp.MustCompile(`^\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)

type workflow struct {
	On          yaml.Node
	Permissions yaml.Node
	Concurrency yaml.Node
	Jobs        map[string]job
}

type job struct {
	If          string
	Uses        string
	Needs       string
	Permissions map[string]string
	Timeout     int `yaml:"timeout-minutes"`
	Concurrency struct {
		Group  string
		Cancel bool `yaml:"cancel-in-progress"`
	}
	Steps []struct {
		Uses string
		Run  string
		With map[string]string
	}
}

func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			_, action, ok := strings.Cut(line, "uses: ")
			if action = strings.TrimSpace(action); ok && !strings.HasPrefix(action, "./") && !pinned.MatchString(action) {
				t.Errorf("%s: %s is not pinned by commit with its version beside it", name, action)
			}
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if w.Permissions.IsZero() {
			t.Errorf("%s: no permissions at the top, so the token has the repository's default ones", name)
		}
		checkJobs(t, name, w)
		checkRuns(t, name, w)
	}
}

func checkJobs(t *testing.T, name string, w workflow) {
	onPullRequest := strings.Contains(keys(w.On), "pull_request")
	if strings.Contains(keys(w.On), "pull_request_target") {
		t.Errorf("%s: pull_request_target runs a stranger's code with this repository's rights", name)
	}
	for id, job := range w.Jobs {
		if onPullRequest && job.Permissions["id-token"] == "write" && !strings.Contains(job.If, "head.repo.full_name == github.repository") {
			t.Errorf("%s: %s signs in to the cloud for pull requests from anywhere", name, id)
		}
		for _, step := range job.Steps {
			if step.With["credentials_json"] != "" {
				t.Errorf("%s: %s uses a key", name, id)
			}
			if strings.Contains(step.Run, "${{") {
				t.Errorf("%s: %s puts an expression into a shell script", name, id)
			}
			if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != "false" {
				t.Errorf("%s: %s leaves the token in the checkout", name, id)
			}
		}
	}
}

// checkRuns looks at when jobs run, beside each other and after each other.
func checkRuns(t *testing.T, name string, w workflow) {
	if strings.Contains(keys(w.On), "pull_request") && w.Concurrency.IsZero() {
		t.Errorf("%s: every push to a pull request adds a run and ends none", name)
	}
	for id, j := range w.Jobs {
		if len(j.Steps) > 0 && j.Timeout == 0 {
			t.Errorf("%s: %s may hang for six hours", name, id)
		}
		if strings.HasSuffix(j.Uses, "/up.yml") && !comesAfter(w.Jobs, j, "/test.yml") {
			t.Errorf("%s: %s deploys what was not tested", name, id)
		}
		for _, step := range j.Steps {
			if step.With["command"] == "up" && (!strings.Contains(j.Concurrency.Group, "${{ inputs.stack }}") || j.Concurrency.Cancel) {
				t.Errorf("%s: %s may meet another update of its stack, or be cut off by one", name, id)
			}
		}
	}
}

// comesAfter says whether a job waits, directly or not, for one that calls a workflow.
func comesAfter(jobs map[string]job, j job, workflow string) bool {
	first, ok := jobs[j.Needs]
	return ok && (strings.HasSuffix(first.Uses, workflow) || comesAfter(jobs, first, workflow))
}

// keys joins the events a workflow runs on.
func keys(on yaml.Node) string {
	var names []string
	for i := 0; i < len(on.Content); i += 2 {
		names = append(names, on.Content[i].Value)
	}
	return strings.Join(names, " ") + on.Value
}
