package e2e

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/project"
	"vertexmetadata/sandbox/storage"
)

// tasksSystem deploys the golden plan of the seed's stack with a number of tasks, over posts enough for a change of many to go by
// way of the bucket. It names no syncs, so that the first task has all the work. Its idle runs go by the table statistics, as in the cloud.
func tasksSystem(t *testing.T, tasks int, changes ...func(*project.Options)) *system {
	t.Helper()
	s := newSystem(t, append(changes, func(o *project.Options) {
		o.Data = dataplane.Options{Posts: 1200, Seed: 7}
		o.Env = []string{"RESCAN_INTERVAL=1h"}
	})...)
	s.deploy(t, "seed.json", "acme-search", dataplane.Project, `"taskCount": 1`, fmt.Sprintf(`"taskCount": %d, "parallelism": %d`, tasks, tasks))
	return s
}

// What happens to the posts between executions, by name.
const (
	manyChange = "UPDATE posts SET location = location || ', again' WHERE post_rarity < 3"
	fewChange  = "UPDATE posts SET location = 'one of ten' WHERE post_id IN (SELECT post_id FROM posts WHERE is_public ORDER BY post_id LIMIT 10)"
	someGo     = "DELETE FROM posts WHERE post_id IN (SELECT post_id FROM posts WHERE is_public ORDER BY post_id DESC LIMIT 30)"
)

// TestTasks makes the same changes where one task runs and where four do: each execution leaves the same documents and needs the
// same single import.
func TestTasks(t *testing.T) {
	t.Parallel()
	one, four := tasksSystem(t, 1), tasksSystem(t, 4)
	for _, step := range []struct {
		name, sql string
		imports   discoveryengine.Stats
		outcome   string // of the first task
	}{
		{"full", "", discoveryengine.Stats{ImportsFull: 1, ImportsStorage: 1}, "imported"},
		{"many changes", manyChange, discoveryengine.Stats{ImportsIncremental: 1, ImportsStorage: 1}, "imported"},
		{"few changes", fewChange, discoveryengine.Stats{ImportsIncremental: 1, ImportsInline: 1}, "imported"},
		{"removals", someGo, discoveryengine.Stats{}, "imported"},
		{"nothing", "", discoveryengine.Stats{}, "unchanged"},
	} {
		t.Run(step.name, func(t *testing.T) {
			var did [2]discoveryengine.Stats
			for i, s := range []*system{one, four} {
				if step.sql != "" {
					s.change(t, step.sql)
				}
				s.Data.DataStore.ResetStats()
				if err := s.tick(t); err != nil {
					t.Fatal(err)
				}
				did[i] = s.Data.DataStore.Stats()
			}
			if diff := cmp.Diff(did[0], did[1]); diff != "" {
				t.Errorf("four tasks asked for other things than one (-one +four):\n%s", diff)
			}
			did[1].Written, did[1].Deleted = 0, 0
			if diff := cmp.Diff(step.imports, did[1]); diff != "" {
				t.Errorf("imports of the execution (-want +got):\n%s", diff)
			}
			sameDocuments(t, one, four)
			outcomes := four.outcomes(t)
			if want := []string{step.outcome, "skipped", "skipped", "skipped"}; !slices.Equal(outcomes, want) {
				t.Errorf("the tasks ended as %q, want %q", outcomes, want)
			}
		})
	}
}

// TestTaskKilled kills the task that has the work at three points: Cloud Run tries it again, the execution ends well and leaves what
// one task leaves.
func TestTaskKilled(t *testing.T) {
	t.Parallel()
	pids := t.TempDir()
	one, four := tasksSystem(t, 1), tasksSystem(t, 4, func(o *project.Options) { o.Job = traced(t, o.Job, pids) })
	for _, step := range []struct {
		name, sql string
		watch     func(kill func()) // calls kill in the middle of the execution
		imports   int
	}{
		{"while it uploads", "", func(kill func()) {
			four.Data.Storage.SetHooks(func(r storage.Request) {
				if strings.HasSuffix(r.Object, "/metadata.jsonl") && r.Method != "GET" {
					kill()
				}
			}, nil)
		}, 1},
		{"when it has written down what it begins", manyChange, func(kill func()) {
			four.Data.Storage.SetHooks(nil, func(r storage.Request) {
				if strings.Contains(r.Object, "/ledger/") && r.Method != "GET" {
					kill()
				}
			})
		}, 1},
		// Nobody has written down the operation that has begun, so its documents are sent again.
		{"when the import has begun", manyChange, func(kill func()) {
			four.Data.Search.SetHooks(nil, func(c discoveryengine.Call) {
				if c.Method == "ImportDocuments" {
					kill()
				}
			})
		}, 2},
	} {
		t.Run(step.name, func(t *testing.T) {
			for _, s := range []*system{one, four} {
				if step.sql != "" {
					s.change(t, step.sql)
				}
			}
			var once sync.Once
			step.watch(func() { once.Do(func() { killTask(t, pids, 0) }) })
			four.Data.DataStore.ResetStats()
			if err := errors.Join(one.tick(t), four.tick(t)); err != nil {
				t.Fatalf("execution whose task was killed: %v", err)
			}
			four.Data.Storage.SetHooks(nil, nil)
			four.Data.Search.SetHooks(nil, nil)
			if retried := four.retried(t); !slices.Equal(retried, []int{0}) {
				t.Errorf("tasks %v were tried again, want the one that was killed", retried)
			}
			sameDocuments(t, one, four)
			// What was left open, the next execution settles; after it there is nothing to do.
			for range 2 {
				if err := four.tick(t); err != nil {
					t.Fatal(err)
				}
			}
			if outcomes := four.outcomes(t); !slices.Equal(outcomes, []string{"unchanged", "skipped", "skipped", "skipped"}) {
				t.Errorf("two executions later the tasks ended as %q", outcomes)
			}
			if stats := four.Data.DataStore.Stats(); stats.ImportsFull+stats.ImportsIncremental != step.imports {
				t.Errorf("the change needed %+v, want %d imports", stats, step.imports)
			}
			sameDocuments(t, one, four)
		})
	}
}

// TestTasksGrants takes one grant after the other from the job's account: the execution fails, and every task that needs the grant says
// what is missing.
func TestTasksGrants(t *testing.T) {
	t.Parallel()
	s := tasksSystem(t, 4)
	if err := s.tick(t); err != nil {
		t.Fatal(err)
	}
	for _, grant := range []struct {
		role, says string
		tasks      int
	}{
		{"roles/secretmanager.secretAccessor", "Permission denied on secret: ", 4},
		{"roles/cloudsql.client", "the instance is not mounted: check CLOUD_SQL_INSTANCE", 1},
		{"roles/storage.objectAdmin", "grant roles/storage.objectAdmin on bucket", 1},
		{"roles/discoveryengine.editor", "grant roles/discoveryengine.editor on project", 1},
	} {
		t.Run(grant.role, func(t *testing.T) {
			must(t, s.Control.Revoke(projectName, grant.role, jobMember))
			s.change(t, manyChange)
			if s.tick(t) == nil {
				t.Error("the execution succeeded")
			}
			var say []int
			for task := range 4 {
				lines := s.newest(t, fmt.Sprintf(`severity>=ERROR AND labels."run.googleapis.com/task_index"="%d"`, task))
				if strings.Contains(fmt.Sprint(lines), grant.says) {
					say = append(say, task)
				}
			}
			if len(say) != grant.tasks {
				t.Errorf("tasks %v say %q, want %d", say, grant.says, grant.tasks)
			}
			must(t, s.Control.Grant(projectName, grant.role, jobMember))
			if err := s.tick(t); err != nil {
				t.Errorf("run with %s again: %v", grant.role, err)
			}
		})
	}
}

// retried are the tasks of the newest execution that had more than one attempt.
func (s *system) retried(t *testing.T) (tasks []int) {
	t.Helper()
	executions := s.Control.Executions(jobName)
	newest := executions[len(executions)-1]
	for task := range 4 {
		name := fmt.Sprintf("%s/tasks/%s-task%d", newest, path.Base(newest), task)
		if again, _ := s.Control.Resource("run", name)["retried"].(float64); again > 0 {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// traced wraps the job so that each attempt of a task first writes down its process.
func traced(t *testing.T, job, dir string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "job")
	must(t, os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\necho $$ >'%s'/$CLOUD_RUN_TASK_INDEX\nexec '%s' \"$@\"\n", dir, job), 0o755))
	return script
}

// killTask kills the process of a task's newest attempt as kill -9 does.
func killTask(t *testing.T, dir string, task int) {
	content, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(task)))
	if err == nil {
		var pid int
		if pid, err = strconv.Atoi(strings.TrimSpace(string(content))); err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("kill task %d: %v", task, err)
	}
}

// ended are the outcomes of the newest execution's tasks that have logged their end, by index.
func (s *system) ended(t *testing.T) map[int]string {
	t.Helper()
	ended := map[int]string{}
	for _, line := range s.newest(t, `jsonPayload.message="sync finished"`) {
		payload := line["jsonPayload"].(map[string]any)
		ended[int(payload["task"].(float64))] = payload["outcome"].(string)
	}
	return ended
}

// outcomes are those of ended in the order of the tasks.
func (s *system) outcomes(t *testing.T) (outcomes []string) {
	t.Helper()
	ended := s.ended(t)
	for task := range len(ended) {
		outcomes = append(outcomes, ended[task])
	}
	return outcomes
}

func sameDocuments(t *testing.T, one, four *system) {
	t.Helper()
	if diff := cmp.Diff(one.Data.DataStore.Documents(), four.Data.DataStore.Documents()); diff != "" {
		t.Errorf("one task and four left different documents (-one +four):\n%s", diff)
	}
	if one.Data.DataStore.Len() == 0 {
		t.Error("there are no documents")
	}
}
