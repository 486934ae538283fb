package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/sample"
)

// volatile is what differs from run to run in what the program writes.
var volatile = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`"time":"[^"]*"`), `"time":"TIME"`},
	{regexp.MustCompile(`"(duration_ms|pending_age_ms)":\d+`), `"$1":0`},
	{regexp.MustCompile(`"version":"[^"]*"`), `"version":"VERSION"`},
	{regexp.MustCompile(`"pid":\d+`), `"pid":1`},
	{regexp.MustCompile(`"since":"[^"]*"`), `"since":"TIME"`},
	{regexp.MustCompile(`import-documents-\d+`), `import-documents-1`},
	{regexp.MustCompile(`world\d+`), `world`},
	{regexp.MustCompile(`/tmp/vmpg-\w+|/[^ ]*/vmpg-\w+`), `/tmp/vmpg`},
}

// golden compares text with a file, or writes that with -update.
func golden(t *testing.T, name, text string) {
	t.Helper()
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.mask)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got), go test -update writes it:\n%s", file, diff)
	}
}

// What the job says, in the life of one data store.
func TestGolden(t *testing.T) {
	w := newWorld(t)
	w.env["CLOUD_RUN_EXECUTION"] = "create-vertex-metadata-x7k2p\n"
	w.env["RESCAN_INTERVAL"] = "1h"
	golden(t, "plan-first.golden", w.run([]string{"plan"}).stdout)

	full := w.sync("imported")
	golden(t, "full.golden", full.stderr)
	golden(t, "search.golden", w.run([]string{"search", "--limit=2", "花"}).stdout)
	golden(t, "search-nothing.golden", w.run([]string{"search", "plutonium"}).stdout)
	golden(t, "check.golden", w.run([]string{"check"}).stdout)

	w.exec(`UPDATE posts SET ai_answer = '春に咲く花です。' WHERE post_id = $1`, sample.PostID(0))
	w.exec(`UPDATE posts SET is_public = false WHERE post_id = $1`, sample.PostID(1))
	w.exec(`UPDATE images SET mime_type = 'IMAGE/PNG' WHERE img_id = $1`, sample.ImageID(2))
	w.flushStatistics()
	golden(t, "plan.golden", w.run([]string{"plan"}).stdout)
	golden(t, "dry-run.golden", w.run([]string{"sync", "--dry-run", "--full"}).stdout)
	golden(t, "incremental.golden", w.sync("imported").stderr)
	golden(t, "unchanged.golden", w.sync("unchanged").stderr)
	golden(t, "plan-nothing.golden", w.run([]string{"plan"}).stdout)
	golden(t, "unchanged-debug.golden", w.sync("unchanged", "LOG_LEVEL=\uFEFFdebug\n").stderr)

	w.exec(`DELETE FROM posts`)
	w.flushStatistics()
	golden(t, "guard.golden", w.sync("failed").stderr)
	plan := w.run([]string{"plan"})
	golden(t, "plan-guard.golden", plan.stdout)
	if plan.code != exitFailure || plan.stderr != "" {
		t.Errorf("plan of a sync that would stop: exit %d, standard error %q", plan.code, plan.stderr)
	}
}

// An import that takes longer than the run waits, and a run that comes meanwhile.
func TestGoldenPendingAndSkipped(t *testing.T) {
	w := newWorld(t)
	engine.Hold()
	defer engine.Release()
	golden(t, "pending.golden", w.sync("pending", "IMPORT_WAIT=100ms").stderr)

	waiting := w.start(nil) // for two minutes, if need be
	w.until("the second run to take the lock", w.locked)
	golden(t, "skipped.golden", w.sync("skipped").stderr)
	golden(t, "plan-pending.golden", w.run([]string{"plan"}).stdout)
	engine.Release()
	r := waiting.wait()
	w.want(r, "imported") // what it committed was counted by the run that sent it
	golden(t, "picked-up.golden", r.stderr)
}

// locked reports whether a run holds its lock.
func (w *world) locked() bool {
	w.t.Helper()
	var n int
	if err := w.conn.QueryRow(w.t.Context(), `SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
		WHERE locktype = 'advisory' AND datname = current_database()`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n > 0
}

func TestHelpAndVersion(t *testing.T) {
	w := newWorld(t)
	golden(t, "help.golden", w.run([]string{"--help"}).stdout)
	golden(t, "help-sync.golden", w.run([]string{"sync", "--help"}).stdout)
	r := w.run([]string{"--version"})
	if ok, err := regexp.MatchString(`^job \S+, revision .+, go1\.\d+\S* \w+/\w+\n$`, r.stdout); r.code != 0 || !ok || err != nil {
		t.Errorf("exit %d, version %q", r.code, r.stdout)
	}
}
