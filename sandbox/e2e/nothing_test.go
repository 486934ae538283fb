package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	control "vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/sample"
)

// TestFromNothing deploys into a project that has an instance with the tables and nothing else: one up makes bucket, data store, search
// app, secret and all the rest, though what it makes takes effect late, as it does in a cloud; after the next run a search finds a
// document.
func TestFromNothing(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := newSystem(t)
	s.Control.SetSpread(control.Spread{
		Grants: control.Delay{Time: 45 * time.Second}, Agents: control.Delay{Calls: 1}, APIs: control.Delay{Calls: 1},
	})
	stack := newStack(t, s, map[string]string{
		"bucket": "made-by-up", "createBucket": "true", "dataStore": "made-by-up", "createDataStore": "true",
		"dataStoreParser": "layout", "createSearchApp": "true", "database": s.Data.Source.Database, "secrets.DB_USER": "user_by_up",
		"dbPasswordSecret": "made_by_up", "createSecrets": "true",
	})
	stack.must("config", "set", "--secret", "--path", "secretValues.made_by_up", s.Data.Source.Password)
	stack.must("config", "set", "--secret", "--path", "secretValues.user_by_up", s.Data.Source.User)
	output := stack.must("up", "--yes", "--skip-preview")
	for _, waited := range []string{
		"waiting for an API that was just enabled to take effect; next try in 2s, for at most 10m",
		"waiting for an account that was just made to take effect", "waiting for a grant on a secret that was just made to take effect",
	} {
		if !strings.Contains(output, waited) {
			t.Errorf("up does not say that it is %s:\n%s", waited, output)
		}
	}
	stack.must("preview", "--expect-no-changes")
	stack.must("preview", "--refresh", "--expect-no-changes")
	if state := stack.must("stack", "export"); strings.Contains(state, s.Data.Source.Password) {
		t.Error("the password is in the state in the clear")
	}
	if err := s.tick(t); err != nil {
		t.Fatalf("run: %v\n%v", err, s.lastLine(t))
	}
	if line := s.lastLine(t); line["outcome"] != "imported" || fmt.Sprint(line["documents"]) != fmt.Sprint(sample.Documents()) {
		t.Errorf("the run ended with %v, want %d documents imported", line, sample.Documents())
	}
	if s.Data.DataStore.Len() > 0 {
		t.Error("the documents went into another data store than the one that was made")
	}
	if found := s.search(t, "赤い花"); !strings.Contains(found, "gs://") {
		t.Errorf("the search found %q", found)
	}
	if unknown := s.Control.Unknown(); len(unknown) > 0 {
		t.Errorf("requests that the sandbox does not know: %q", unknown)
	}
	// What holds data is protected; everything else goes.
	if output, err := stack.run("destroy", "--yes", "--skip-preview"); err == nil || !strings.Contains(output, "protect") {
		t.Errorf("destroy did not stop at the data store (%v):\n%s", err, output)
	}
	stack.must("destroy", "--yes", "--skip-preview", "--exclude-protected")
	for _, kept := range []string{
		"storage b/made-by-up", "discoveryengine projects/" + dataplane.Project + "/locations/global/collections/default_collection/dataStores/made-by-up",
	} {
		service, name, _ := strings.Cut(kept, " ")
		if s.Control.Resource(service, name) == nil {
			t.Errorf("destroy took %s", name)
		}
	}
	if s.Control.Resource("run", jobName) != nil {
		t.Error("destroy left the job")
	}
}

// search runs the deployed job's own search and answers what it printed.
func (s *system) search(t *testing.T, text string) string {
	t.Helper()
	_, err := s.Control.Request("POST", "/run/v2/"+jobName+":run", map[string]any{
		"overrides": map[string]any{"containerOverrides": []any{map[string]any{"args": []any{"search", "--limit=1", text}}}},
	})
	must(t, err)
	executions := s.Control.Executions(jobName)
	newest := executions[len(executions)-1]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	failure, err := s.Control.WaitExecution(ctx, newest)
	must(t, err)
	must(t, failure)
	entries, err := s.Control.Logs(dataplane.Project, fmt.Sprintf(`labels."run.googleapis.com/execution_name"=%q`, newest[strings.LastIndex(newest, "/")+1:]))
	must(t, err)
	var printed strings.Builder
	for _, entry := range entries {
		fmt.Fprintln(&printed, entry["textPayload"])
	}
	return printed.String()
}
