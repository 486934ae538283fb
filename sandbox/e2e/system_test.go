package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/sample"
)

// planSystem deploys the golden plan of the seed's stack, under this project's name.
func planSystem(t *testing.T) *system {
	t.Helper()
	s := newSystem(t)
	s.deploy(t, "seed.json", "acme-search", dataplane.Project)
	return s
}

// deploy deploys a golden plan, in which the pairs of rename are replaced.
func (s *system) deploy(t *testing.T, file string, rename ...string) {
	t.Helper()
	plan, err := os.ReadFile(filepath.Join("..", "..", "infra", "plan", "testdata", file))
	must(t, err)
	for i := 0; i < len(rename); i += 2 {
		if !strings.Contains(string(plan), rename[i]) {
			t.Fatalf("plan %s does not say %s", file, rename[i])
		}
	}
	_, err = s.Control.DeployPlan(t.Context(), plan, rename...)
	must(t, err)
}

// checkSyncs lets the trigger fire three times: everything is imported, then what changed, then nothing.
func checkSyncs(t *testing.T, s *system) {
	t.Helper()
	if err := s.tick(t); err != nil {
		t.Fatalf("first run: %v\n%v", err, s.lastLine(t))
	}
	if got := s.Data.DataStore.Len(); got != sample.Documents() || s.lastLine(t)["outcome"] != "imported" {
		t.Errorf("after the first run the data store has %d documents, want %d; %v", got, sample.Documents(), s.lastLine(t))
	}
	var hidden, changed string
	for id := range s.Data.DataStore.Documents() {
		hidden, changed = changed, id
	}
	s.change(t, "UPDATE posts SET is_public = false WHERE post_id = $1", hidden)
	s.change(t, "UPDATE posts SET location = 'the tick after' WHERE post_id = $1", changed)
	if err := s.tick(t); err != nil {
		t.Fatalf("second run: %v", err)
	}
	documents := s.Data.DataStore.Documents()
	if _, has := documents[hidden]; has || len(documents) != sample.Documents()-1 || !strings.Contains(documents[changed], "the tick after") {
		t.Errorf("after the second run the data store has %d documents, the hidden one %v, the changed one %s", len(documents), has, documents[changed])
	}
	if err := s.tick(t); err != nil || s.lastLine(t)["outcome"] != "unchanged" {
		t.Errorf("third run: %v, %v", err, s.lastLine(t))
	}
}

// checkFails lets the trigger fire and wants a run that fails and names the permission in its log.
func checkFails(t *testing.T, s *system, says string) {
	t.Helper()
	checkLog(t, s, s.tick(t), says)
}

// checkLog wants the newest run to have failed with a log that says something.
func checkLog(t *testing.T, s *system, failure error, says string) {
	t.Helper()
	if failure == nil {
		t.Errorf("a run without %s succeeded: %v", says, s.lastLine(t))
		return
	}
	executions := s.Control.Executions(jobName)
	newest := executions[len(executions)-1]
	entries, err := s.Control.Logs(dataplane.Project, fmt.Sprintf(`labels."run.googleapis.com/execution_name"=%q severity>=ERROR`, newest[strings.LastIndex(newest, "/")+1:]))
	must(t, err)
	content, err := json.Marshal(entries)
	must(t, err)
	if !strings.Contains(string(content), says) {
		t.Errorf("the log of a run without %s does not name it:\n%s", says, content)
	}
}

// TestSystem deploys the plan, lets the trigger fire and looks at the data store.
func TestSystem(t *testing.T) {
	t.Parallel()
	checkSyncs(t, planSystem(t))
}

// TestGrants takes one grant after the other from the job's account: the next run fails and its log names what is missing. With
// the grant back, the run after that succeeds.
func TestGrants(t *testing.T) {
	t.Parallel()
	s := planSystem(t)
	if err := s.tick(t); err != nil {
		t.Fatal(err)
	}
	for _, grant := range []struct{ role, says string }{
		{"roles/secretmanager.secretAccessor", "Permission denied on secret"},
		{"roles/cloudsql.client", "cloudsql.instances.connect"},
		{"roles/storage.objectAdmin", "grant roles/storage.objectAdmin on bucket"},
		{"roles/discoveryengine.editor", "grant roles/discoveryengine.editor on project"},
	} {
		t.Run(grant.role, func(t *testing.T) {
			must(t, s.Control.Revoke(projectName, grant.role, jobMember))
			s.change(t, "UPDATE posts SET location = location || '!'")
			checkFails(t, s, grant.says)
			must(t, s.Control.Grant(projectName, grant.role, jobMember))
			if err := s.tick(t); err != nil {
				t.Errorf("run with %s again: %v", grant.role, err)
			}
		})
	}
}
