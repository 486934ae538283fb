// Package workflows holds the rules for what runs on GitHub: nothing but tests. `make lint` runs actionlint beside them.
package workflows

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// top is the folder of the repository.
const top = "../.."

// workflow is a file of .github/workflows, as far as the rules look at it.
type workflow struct {
	file string
	text string

	On          yaml.Node
	Permissions yaml.Node
	Concurrency yaml.Node
	Jobs        map[string]job
}

type job struct {
	If          string
	Uses        string
	With        map[string]string
	Needs       names
	Permissions map[string]string
	RunsOn      string `yaml:"runs-on"`
	Environment string
	Env         map[string]string
	Timeout     int `yaml:"timeout-minutes"`
	Strategy    struct{ Matrix map[string]yaml.Node }
	Concurrency struct {
		Group  string
		Cancel bool `yaml:"cancel-in-progress"`
	}
	Steps []step
}

type step struct {
	If   string
	Uses string
	Run  string
	With map[string]string
	Env  map[string]string
}

// names is one name or a list of them.
type names []string

func (n *names) UnmarshalYAML(value *yaml.Node) error {
	if value.Kind == yaml.ScalarNode {
		*n = names{value.Value}
		return nil
	}
	return value.Decode((*[]string)(n))
}

// on says whether a workflow runs on an event.
func (w workflow) on(event string) bool {
	if w.On.Kind == yaml.ScalarNode {
		return w.On.Value == event
	}
	return slices.ContainsFunc(w.On.Content, func(n *yaml.Node) bool { return n.Value == event })
}

// signsIn says whether a job can become an account of the cloud.
func (j job) signsIn() bool { return j.Permissions["id-token"] == "write" }

// readsOnly says whether the account of the job's environment can change nothing.
func (j job) readsOnly() bool {
	return strings.HasSuffix(j.Environment, "-preview") || strings.HasSuffix(j.Environment, "-audit")
}

// uses returns the steps of a job that use an action.
func (j job) uses(action string) (found []step) {
	for _, s := range j.Steps {
		if strings.HasPrefix(s.Uses, action) {
			found = append(found, s)
		}
	}
	return found
}

// after says whether a job waits, directly or not, for another that calls a workflow or has a name.
func (w workflow) after(id, first string) bool {
	return slices.ContainsFunc(w.Jobs[id].Needs, func(need string) bool {
		return need == first || strings.HasSuffix(w.Jobs[need].Uses, first) || w.after(need, first)
	})
}

func parse(t *testing.T, file, text string) workflow {
	t.Helper()
	w := workflow{file: filepath.Base(file), text: text}
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return w
}

// workflows reads every workflow.
func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, ".github/workflows/*.y*ml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	all := map[string]workflow{}
	for _, file := range files {
		all[filepath.Base(file)] = parse(t, file, read(t, file))
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
