package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/reconcile"
)

// A mistake in the program is one entry with its stack, and the run ends as every failed one does.
func TestPanicEndsTheRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	getenv := func(string) string { return "" }
	r := newSyncRun(environment{getenv: getenv, screen: newScreen(out, getenv)}, config.Config{Execution: "job-x7k", Task: 2})
	err = r.await(context.Background(), func() (reconcile.Summary, error) {
		var rows []string
		return reconcile.Summary{Outcome: reconcile.Outcome(rows[5])}, nil
	})
	if code := exitCode(err); code != exitFailure {
		t.Errorf("exit %d, want %d", code, exitFailure)
	}
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []map[string]any
	for line := range bytes.Lines(log) {
		var entry map[string]any
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatalf("not an entry: %s", line)
		}
		lines = append(lines, entry)
	}
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2:\n%s", len(lines), log)
	}
	stack, _ := lines[0]["stack_trace"].(string)
	if !strings.Contains(stack, "TestPanicEndsTheRun") {
		t.Errorf("the stack does not show who panicked: %s", stack)
	}
	for _, line := range lines {
		for _, key := range []string{"time", "duration_ms", "stack_trace"} {
			delete(line, key)
		}
	}
	want := []map[string]any{
		{"severity": "ERROR", "message": "sync failed", "error": "panic: runtime error: index out of range [5] with length 0", "hint": "report this mistake of the program with its stack trace; the next run tries again"},
		{
			"severity": "ERROR", "message": "sync finished", "outcome": "failed", "documents": 0.0, "upserted": 0.0, "deleted": 0.0,
			"skipped": 0.0, "failed": 0.0, "bytes": 0.0, "changed": 0.0, "execution": "job-x7k", "task": 2.0, "version": version,
		},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// After SIGTERM no other sync is begun, and each still has its last line.
func TestNoSyncBeginsAfterTheSignal(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("terminated signal received"))
	getenv := func(string) string { return "" }
	r := newSyncRun(environment{getenv: getenv, screen: newScreen(out, getenv)}, config.Config{})
	err = r.await(ctx, func() (reconcile.Summary, error) {
		t.Error("work has begun")
		return failedSummary, nil
	})
	if code := exitCode(err); code != exitFailure {
		t.Errorf("exit %d, want %d", code, exitFailure)
	}
	log, err := os.ReadFile(out.Name())
	if err != nil || !strings.Contains(string(log), `"error":"stopped: terminated signal received: the sync was not started"`) || !strings.Contains(string(log), `"outcome":"failed"`) {
		t.Errorf("%v\n%s", err, log)
	}
}

// A run that was stopped says once by what.
func TestStopped(t *testing.T) {
	cause := errors.New("terminated signal received")
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"the error says it": {fmt.Errorf("read gs://b/o: %w", cause), "stopped: read gs://b/o: terminated signal received"},
		"it does not":       {errors.New("read rows: it was interrupted"), "stopped: terminated signal received: read rows: it was interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := stopped(cause, tt.err); got.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", got, tt.want)
			}
		})
	}
}

// Every sync of a task is the first one some time, and at every attempt another is.
func TestSyncsTakeTurns(t *testing.T) {
	syncs := []config.Config{{Sync: config.Sync{Name: "a"}}, {Sync: config.Sync{Name: "b"}}, {Sync: config.Sync{Name: "c"}}}
	order := func(execution string, attempt int) (names string) {
		for _, s := range inTurn(syncs, execution, attempt) {
			names += s.Sync.Name
		}
		return names
	}
	if got := order("", 0); got != "abc" {
		t.Errorf("without Cloud Run %s, want abc", got)
	}
	first := map[string]bool{}
	for i := range 30 {
		first[order(fmt.Sprintf("sync-%d", i), 0)] = true
	}
	if want := map[string]bool{"abc": true, "bca": true, "cab": true}; !cmp.Equal(first, want) {
		t.Errorf("orders %v, want %v", first, want)
	}
	for attempt := range 3 {
		if got := order("sync-x", attempt)[2:]; got != order("sync-x", attempt+1)[1:2] {
			t.Errorf("attempt %d: %s, then %s", attempt, order("sync-x", attempt), order("sync-x", attempt+1))
		}
	}
}
