package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"

	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/sample"
)

// What show, history, query and search say of one data store.
func TestGoldenCommands(t *testing.T) {
	w := newWorld(t)
	w.env["CLOUD_RUN_EXECUTION"] = "create-vertex-metadata-x7k2p"
	golden(t, "history-none.golden", w.run([]string{"history"}).stdout)
	w.sync("imported")
	w.exec(`UPDATE posts SET ai_answer = '春に咲く花です。', location = NULL WHERE post_id = $1`, sample.PostID(0))
	w.exec(`DELETE FROM posts WHERE post_id = $1`, sample.PostID(1))
	w.exec(`UPDATE images SET mime_type = 'image/gif' WHERE img_id = $1`, sample.ImageID(2))
	w.exec(`UPDATE images SET gcs_uri = 'https://elsewhere/x.png' WHERE img_id = $1`, sample.ImageID(3))

	golden(t, "plan-diff.golden", w.run([]string{"plan", "--diff"}, "MAX_FAILED=5").stdout)
	r := w.run([]string{"plan"})
	golden(t, "plan-failed.golden", r.stdout)
	w.want(w.run(nil), "failed")                                                 // as the plan said
	if r.code != exitFailure || strings.Contains(r.stderr, "document refused") { // which the plan itself shows
		t.Errorf("plan: exit %d, standard error %s", r.code, r.stderr)
	}
	w.exec(`UPDATE posts SET ai_answer = '夏に咲く花です。' WHERE post_id = $1`, sample.PostID(0))
	for name, id := range map[string]any{"changed": sample.PostID(0), "deleted": sample.PostID(1), "skipped": sample.PostID(2), "refused": sample.PostID(3), "same": sample.PostID(10)} {
		r := w.run([]string{"show", fmt.Sprint(id)})
		golden(t, "show-"+name+".golden", r.stdout)
		if r.code != 0 || r.stderr != "" {
			t.Errorf("show %s: exit %d, %s", name, r.code, r.stderr)
		}
	}
	golden(t, "history.golden", times.ReplaceAllString(w.run([]string{"history"}).stdout, "YYYY-MM-DD hh:mm:ss"))
	golden(t, "query.golden", w.run([]string{"query"}).stdout)
	golden(t, "query-own.golden", w.run([]string{"query"}, `SYNC_QUERY=SELECT 1 AS id, now() AS at, ARRAY[1.5] AS sizes, '{}'::jsonb AS extra, true AS ok, 2 AS "größe"`).stdout)
	golden(t, "search-all.golden", w.run([]string{"search", "--all", "--limit=1", "花"}).stdout)
	golden(t, "search-json.golden", w.run([]string{"search", "--json", "--limit=1", "花"}).stdout)
}

var times = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// Fields whose names nobody has seen to work are named.
func TestCheckNames(t *testing.T) {
	w := newDocs(t, database, 2)
	w.env["SYNC_QUERY"] = `SELECT id, body AS "a.b", body AS "Preis €", body AS "größe", body AS plain_name, 'gs://bucket/' || id AS content_uri, 'image/png' AS content_mime_type FROM docs`
	const want = "WARN  names        whether Vertex AI Search filters, sorts and returns fields of such names is not documented: \"a.b\", \"Preis €\", \"größe\"\n" +
		"                   use letters, digits, _ and - alone: rename the column with AS\n"
	if r := w.run([]string{"check"}); r.code != 0 || !strings.Contains(r.stdout, want) {
		t.Errorf("exit %d\n%s", r.code, r.stdout)
	}
}

// What one place does not say, the others do.
func TestShowWithoutOnePlace(t *testing.T) {
	w := newDocs(t, database, 2)
	w.sync("imported")
	for name, tt := range map[string]struct {
		id     string
		change variable
		want   []string
	}{
		"database":      {"doc-0001", "DATABASE_URL=postgres://app:" + variable(newSecret("")) + "@127.0.0.1:1/app", []string{"Query: cannot be read: connect to database", "Data store: holds this document", "Ledger: confirmed: "}},
		"data store":    {"doc-0001", "DATA_STORE_ID=absent", []string{`"body": "body 1"`, "Data store: cannot be read: get projects/", "Ledger: "}},
		"bucket":        {"doc-0001", "GCS_BUCKET=absent-bucket", []string{`"body": "body 1"`, "Data store: holds the same", "Ledger: cannot be read: list gs://absent-bucket/"}},
		"no such thing": {"doc-0009", "X=y", []string{"Query: no row with this id", "Data store: holds no document with this id", "Ledger: absent: no run has sent it"}},
	} {
		r := w.run([]string{"show", tt.id}, tt.change)
		for _, want := range tt.want {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s: no %q in\n%s", name, want, r.stdout)
			}
		}
		if r.code != exitFailure || len(failures(r)) != 1 {
			t.Errorf("%s: exit %d, %v", name, r.code, failures(r))
		}
	}
}

// A document under way is known to be.
func TestShowPending(t *testing.T) {
	w := newDocs(t, database, 2)
	engine.Hold()
	defer engine.Release()
	w.sync("pending", "IMPORT_WAIT=0")
	out := w.run([]string{"show", "doc-0002"}).stdout
	if !regexp.MustCompile(`Ledger: unknown: .*\n  It is being imported since \S+Z by projects/\S+/operations/\S+\.\n$`).MatchString(out) {
		t.Error(out)
	}
	if out := w.run([]string{"history"}).stdout; !strings.HasPrefix(out, "Pending since ") {
		t.Error(out)
	}
}

// A plan that cannot be finished is not begun, and whatever it does, it lists no more than was asked for.
func TestPlanIsWholeOrNothing(t *testing.T) {
	w := newDocs(t, database, 2000)
	r := w.run([]string{"plan", "--all"}, `SYNC_QUERY=`+columns+`, 1 / (id <> 'doc-1900')::int AS one FROM docs`)
	if r.code != exitFailure || r.stdout != "" || len(failures(r)) != 1 {
		t.Errorf("exit %d, standard output of %d bytes, %v", r.code, len(r.stdout), failures(r))
	}
	some, all := w.run([]string{"plan"}), w.run([]string{"plan", "--all"})
	if n := strings.Count(some.stdout, "\n"); n > 24 || !strings.Contains(some.stdout, "  and 1,995 more (--all)\n") {
		t.Errorf("%d lines:\n%s", n, some.stdout)
	}
	if n := strings.Count(all.stdout, "\n  + doc-"); n != 2000 || strings.Contains(all.stdout, "more") {
		t.Errorf("%d documents listed", n)
	}
}

// An unchanged source is not read by a plan either.
func TestPlanOfAnUnchangedSource(t *testing.T) {
	w := newDocs(t, database, 3)
	w.env["RESCAN_INTERVAL"] = "1h"
	w.sync("imported")
	reads := func() (n int64) {
		// A session reports what it read when it ends, which may be after its process has.
		w.until("the job's session to end", func() bool {
			var sessions int
			err := w.conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name LIKE 'vertex-metadata%'`).Scan(&sessions)
			return err == nil && sessions == 0
		})
		if err := postgres.FlushStatistics(t.Context(), w.conn); err != nil { // PostgreSQL 14 shows them later still
			t.Fatal(err)
		}
		if err := w.conn.QueryRow(t.Context(), `SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'docs'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := reads()
	r := w.run([]string{"plan"})
	if r.code != 0 || r.stdout != "Nothing to do: nothing that is read has changed since the last sync; it found 3 documents.\n" {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if after := reads(); after != before {
		t.Errorf("the table was read %d times", after-before)
	}
	if r := w.run([]string{"plan", "--full"}); r.code != 0 || reads() == before {
		t.Errorf("a full plan read nothing:\n%s", r.stdout)
	}
}

// Every command goes through all syncs, tells them apart, and takes one by its name.
func TestCommandsOfSeveralSyncs(t *testing.T) {
	w := newDocs(t, database, 2)
	other := w.name + "-other"
	servers.NewStore(other, discoveryenginepb.DataStore_NO_CONTENT)
	syncs, err := json.Marshal([]map[string]string{
		{"name": "first"},
		{"name": "second", "data_store": other, "query": "SELECT 'only' AS id, 'body of the other' AS body"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.env["SYNCS"] = string(syncs)
	if r := w.run([]string{"sync"}); r.code != 0 {
		t.Fatal(r.stderr)
	}
	const first, second = "== first (data store {W} in global)\n", "== second (data store {W}-other in global)\n"
	for _, args := range [][]string{{"plan"}, {"check"}, {"history"}, {"query"}, {"search", "body"}, {"show", "only"}} {
		out := w.run(args).stdout
		both := strings.NewReplacer("{W}", w.name)
		if i, j := strings.Index(out, both.Replace(first)), strings.Index(out, both.Replace(second)); i != 0 || j < i {
			t.Errorf("%v:\n%s", args, out)
		}
		one := w.run(append(args, "--only=second"))
		if one.code != 0 || !strings.HasPrefix(one.stdout, both.Replace(second)) || strings.Contains(one.stdout, "first") {
			t.Errorf("%v --only=second: exit %d\n%s", args, one.code, one.stdout)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(w.run(append(args, "--json")).stdout) {
			var entry struct{ Sync string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Errorf("%v --json: %v: %s", args, err, line)
			}
			seen[entry.Sync] = true
		}
		if len(seen) != 2 || !seen["first"] || !seen["second"] {
			t.Errorf("%v --json names %v", args, seen)
		}
		if all := w.run(args); all.code != 0 {
			t.Errorf("%v: exit %d, %v", args, all.code, failures(all))
		}
		if none := w.run(append(args, "--only=third")); none.code != exitConfiguration || len(failures(none)) != 1 {
			t.Errorf("%v --only=third: exit %d, %v", args, none.code, failures(none))
		}
	}
}

// A document that is in one of several syncs is found; one that is in none of them is missing once.
func TestShowInSeveralSyncs(t *testing.T) {
	s := newSyncs(t, 2, 1)
	s.exec(`INSERT INTO b VALUES ('only-b', 'body')`)
	if r := s.run([]string{"show", "only-b"}); r.code != 0 || r.stderr != "" {
		t.Errorf("exit %d, %s", r.code, r.stderr)
	}
	r := s.run([]string{"show", "nowhere"})
	const want = `show failed: there is no document "nowhere" in the query, in the data store or in the ledger: check the id; job plan and job search show some`
	if got := failures(r); r.code != exitFailure || len(got) != 1 || got[0] != want {
		t.Errorf("exit %d, got %q, want %s", r.code, got, want)
	}
}

// A search answers with or without a database, which only orders the fields, and gives up in time.
func TestSearchWithoutOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sync("imported")
	r := w.run([]string{"search", "--limit=1", "花"}, "DATABASE_URL=postgres://app:"+variable(newSecret(""))+"@127.0.0.1:1/app")
	if at, then := strings.Index(r.stdout, "ai_answer"), strings.Index(r.stdout, "user_question"); r.code != 0 || at < 0 || then < at {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for _, args := range [][]string{{"search", "花"}, {"history"}} {
		r = w.run(args, "DISCOVERYENGINE_ENDPOINT=127.0.0.1:1", "STORAGE_EMULATOR_HOST=127.0.0.1:1")
		if r.code != exitFailure || len(failures(r)) != 1 || !strings.Contains(failures(r)[0], "127.0.0.1:1") || r.took > patience {
			t.Errorf("%v: exit %d after %v: %v", args, r.code, r.took, failures(r))
		}
	}
}
