// Package e2e proves the deployed system on one machine: the real gcloud and the real Pulumi provider deploy into the sandbox's
// control plane, its schedule fires, and its job runs as a process.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/project"
)

const (
	jobName     = "projects/" + dataplane.Project + "/locations/" + dataplane.Region + "/jobs/create-vertex-metadata"
	triggerName = "projects/" + dataplane.Project + "/locations/" + dataplane.Region + "/jobs/trigger-vertex-metadata"
	jobAccount  = "vertex-metadata-sa@" + dataplane.Project + ".iam.gserviceaccount.com"
	jobMember   = "serviceAccount:" + jobAccount
	projectName = "//cloudresourcemanager.googleapis.com/projects/" + dataplane.Project
)

// system is a project and its clock.
type system struct {
	*project.Project
	ahead time.Duration // of the real time; only the test's own goroutine moves it, between ticks
}

// newSystem starts a project as the seed document supposes it, with the real job for its images.
func newSystem(t *testing.T, changes ...func(*project.Options)) *system {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := &system{}
	options := project.Options{
		Job: jobBinary(t), Logger: testLogger(t), Now: func() time.Time { return time.Now().Add(s.ahead) },
		// Table statistics arrive seconds after a change; tests do not wait for them.
		Env: []string{"RESCAN_INTERVAL=0"},
	}
	for _, change := range changes {
		change(&options)
	}
	c, err := project.Start(ctx, options)
	must(t, err)
	s.Project = c
	t.Cleanup(func() { must(t, c.Close()) })
	return s
}

// tick lets three minutes pass, which is when the trigger is due, and waits for the run that it starts. It answers how the run
// ended.
func (s *system) tick(t *testing.T) error {
	t.Helper()
	s.ahead += 3 * time.Minute
	fired := s.Scheduler.Tick(context.Background())
	if a := fired[triggerName]; len(fired) != 1 || a.Status != "OK" {
		t.Fatalf("the due triggers fired %v, want %s with OK", fired, triggerName)
	}
	executions := s.Control.Executions(jobName)
	if len(executions) == 0 {
		t.Fatal("no execution was started")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	failure, err := s.Control.WaitExecution(ctx, executions[len(executions)-1])
	must(t, err)
	return failure
}

// lastLine is the last line of the newest run: its payload.
func (s *system) lastLine(t *testing.T) map[string]any {
	t.Helper()
	entries, err := s.Control.Logs(dataplane.Project, `resource.type="cloud_run_job" AND jsonPayload.message="sync finished"`)
	must(t, err)
	if len(entries) == 0 {
		t.Fatal("no run has logged its end")
	}
	return entries[len(entries)-1]["jsonPayload"].(map[string]any)
}

// change runs SQL in the app's database.
func (s *system) change(t *testing.T, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Data.Postgres.URL(""))
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	_, err = conn.Exec(t.Context(), sql, args...)
	must(t, err)
	// Statistics of a change arrive up to ten seconds later; runs that go by them would not see it yet.
	must(t, postgres.FlushStatistics(t.Context(), conn))
}

// column is the first column of what a query returns, sorted.
func (s *system) column(t *testing.T, query string) (values []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Data.Postgres.URL(""))
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	must(t, conn.QueryRow(t.Context(), "SELECT array_agg(id ORDER BY id COLLATE \"C\") FROM ("+query+") AS q").Scan(&values))
	return values
}

// built is a binary of one of the modules, which the first test that needs it builds.
type built struct {
	once sync.Once
	path string
	err  error
}

func (b *built) build(t *testing.T, module string, flags ...string) string {
	t.Helper()
	b.once.Do(func() {
		b.path = filepath.Join(binaries, module)
		build := exec.Command("go", append(append([]string{"build", "-o", b.path}, flags...), ".")...)
		build.Dir = filepath.Join(repository, module)
		if output, err := build.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("build %s: %w\n%s", module, err, output)
		}
	})
	must(t, b.err)
	return b.path
}

var job built

// jobBinary builds the job once.
func jobBinary(t *testing.T) string {
	t.Helper()
	return job.build(t, "job")
}

// binaries is the folder of what the tests build.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if binaries, err = os.MkdirTemp("", "e2e"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(binaries)
		return m.Run()
	}())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
