package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/testkit"
)

const project = testkit.Project

// processTime is how long a process may take; one that takes longer is killed, and its test fails.
const processTime = 40 * time.Second

var worlds atomic.Int64

// world is one source, one bucket and one data store.
type world struct {
	t      *testing.T
	server *postgres.Server
	name   string // of database, bucket and data store
	conn   *pgx.Conn
	store  *discoveryengine.DataStore
	env    map[string]string // of every process
}

// newWorld returns a world whose database is a copy of the sample posts.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldFrom(t, database, func(ctx context.Context, name string) (string, error) {
		return database.NewDatabaseFrom(ctx, name, samplePosts)
	})
}

// newDocs returns a world with a plain table of n documents, doc-0001 and so on, in a database of that server.
func newDocs(t *testing.T, server *postgres.Server, n int) *world {
	t.Helper()
	w := newWorldFrom(t, server, server.NewDatabase)
	w.env["SYNC_QUERY"] = columns + ` FROM docs`
	w.exec(`CREATE TABLE docs (id text PRIMARY KEY, body text)`)
	w.exec(`INSERT INTO docs SELECT 'doc-' || lpad(g::text, 4, '0'), 'body ' || g FROM generate_series(1, $1::int) g`, n)
	return w
}

func newWorldFrom(t *testing.T, server *postgres.Server, create func(context.Context, string) (string, error)) *world {
	t.Helper()
	name := fmt.Sprintf("world%d", worlds.Add(1))
	url, err := create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, server: server, name: name}
	w.store = servers.NewStore(name, discoveryenginepb.DataStore_CONTENT_REQUIRED)
	w.env = servers.Environment(name)
	maps.Copy(w.env, map[string]string{
		"DATABASE_URL": url, "GCP_PROJECT": project, "GEMINI_API_KEY": newSecret("gemini-"), "RESCAN_INTERVAL": "0", "TZ": "Asia/Tokyo",
	})
	w.connect()
	return w
}

// connect opens the test's own session.
func (w *world) connect() {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.server.URL(w.name))
	if err != nil {
		w.t.Fatal(err)
	}
	w.conn = conn
	w.t.Cleanup(func() { conn.Close(context.Background()) })
}

// exec changes the source.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	testkit.Exec(w.t, w.conn, sql, args...)
}

// flushStatistics has what the test changed counted at once.
func (w *world) flushStatistics() {
	w.t.Helper()
	if err := postgres.FlushStatistics(context.Background(), w.conn); err != nil {
		w.t.Fatal(err)
	}
}

// process is a running job.
type process struct {
	w              *world
	cmd            *exec.Cmd
	begin          time.Time
	stdout, stderr bytes.Buffer
}

// result is how a process ended.
type result struct {
	code           int // -1: by a signal
	stdout, stderr string
	took           time.Duration
	lines          []map[string]any // of stderr
}

// variable replaces or, when it has no value, removes one of the environment: NAME=value, or NAME.
type variable string

// start starts the job with args and a changed environment.
func (w *world) start(args []string, changes ...variable) *process {
	w.t.Helper()
	p := &process{w: w, cmd: w.command(args, changes...), begin: time.Now()}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	kill := time.AfterFunc(processTime, func() { p.signal(syscall.SIGKILL) })
	w.t.Cleanup(func() {
		kill.Stop()
		if p.cmd.ProcessState == nil {
			p.signal(syscall.SIGKILL)
			_ = p.cmd.Wait()
		}
	})
	return p
}

func (w *world) command(args []string, changes ...variable) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that a signal reaches it and nobody else
	cmd.Env = w.environ(changes...)
	return cmd
}

// environ is a process's whole environment: nothing of the test's own reaches it.
func (w *world) environ(changes ...variable) (environ []string) {
	env := make(map[string]string, len(w.env))
	for name, value := range w.env {
		env[name] = value
	}
	for _, c := range changes {
		name, value, set := strings.Cut(string(c), "=")
		delete(env, name)
		if set {
			env[name] = value
		}
	}
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	slices.Sort(environ)
	return environ
}

func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// wait returns how the process ended.
func (p *process) wait() result {
	p.w.t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.w.t.Fatal(err)
	}
	r := result{code: p.cmd.ProcessState.ExitCode(), stdout: p.stdout.String(), stderr: p.stderr.String(), took: time.Since(p.begin)}
	inspect("standard output", p.stdout.Bytes())
	inspect("standard error", p.stderr.Bytes())
	p.w.inspectBucket()
	if r.took >= processTime {
		p.w.t.Fatalf("the process hung\n%s", r.stderr)
	}
	for line := range strings.Lines(r.stderr) {
		var parsed map[string]any
		if err := json.Unmarshal([]byte(line), &parsed); err != nil {
			if r.code >= 0 || strings.HasSuffix(line, "\n") { // a killed process may leave half a line
				p.w.t.Errorf("log line is no JSON object: %q", line)
			}
			continue
		}
		for _, key := range []string{"time", "severity", "message"} {
			if text, ok := parsed[key].(string); !ok || text == "" {
				p.w.t.Errorf("log line has no %s: %s", key, line)
			}
		}
		r.lines = append(r.lines, parsed)
	}
	return r
}

// inspectBucket looks for secrets in every object.
func (w *world) inspectBucket() {
	for _, o := range objects.List(w.name, "") {
		if data, err := objects.Read(w.name, o.Name); err == nil { // deleted meanwhile otherwise
			inspect("gs://"+w.name+"/"+o.Name, data)
		}
	}
}

// run runs the job to its end.
func (w *world) run(args []string, changes ...variable) result {
	w.t.Helper()
	return w.start(args, changes...).wait()
}

// sync runs a sync to its end and fails the test unless it ends with an outcome, and its last line says so.
func (w *world) sync(outcome string, changes ...variable) result {
	w.t.Helper()
	r := w.run(nil, changes...)
	w.want(r, outcome)
	return r
}

// want checks that a sync ended with an outcome.
func (w *world) want(r result, outcome string) {
	w.t.Helper()
	code := 0
	if outcome == "failed" {
		code = 1
	}
	if got := r.last(w.t)["outcome"]; r.code != code || got != outcome {
		w.t.Fatalf("exit %d, outcome %v; want %s\n%s", r.code, got, outcome, r.stderr)
	}
}

// last is the last line of a sync. It fails the test unless that is what it should be.
func (r result) last(t *testing.T) map[string]any {
	t.Helper()
	if len(r.lines) == 0 || r.lines[len(r.lines)-1]["message"] != "sync finished" {
		t.Fatalf("exit %d, and the last line is not sync finished\n%s", r.code, r.stderr)
	}
	last := r.lines[len(r.lines)-1]
	for _, key := range []string{"outcome", "documents", "upserted", "deleted", "skipped", "failed", "bytes", "duration_ms", "execution", "task", "version"} {
		if _, ok := last[key]; !ok {
			t.Fatalf("the last line lacks %s: %v", key, last)
		}
	}
	return last
}

// truth is what the data store should hold of docs: id -> body.
func (w *world) truth() map[string]string {
	w.t.Helper()
	return testkit.Source(w.t, w.conn, `SELECT id, body FROM docs`)
}

// held is what the data store holds of docs.
func (w *world) held() map[string]string {
	w.t.Helper()
	return testkit.Stored(w.t, w.store)
}

func (w *world) inStep() bool { return cmp.Equal(w.truth(), w.held()) }

// wantInStep fails the test unless the data store holds what is in docs.
func (w *world) wantInStep() {
	w.t.Helper()
	if diff := cmp.Diff(w.truth(), w.held()); diff != "" {
		w.t.Fatalf("data store differs from the source (-source +data store):\n%s", diff)
	}
}

// until waits for something to become true.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	testkit.Eventually(w.t, processTime, what, ok)
}
