package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The query's author may read what the role may read. A query that writes, runs a program or ends early and goes on is
// refused, even where the role is a superuser, and trying again is useless.
func TestQueriesThatDoMoreThanRead(t *testing.T) {
	w := newDocs(t, database, 3)
	marked := filepath.Join(t.TempDir(), "program-ran")
	for name, query := range map[string]string{
		"two statements":         `SELECT id, body FROM docs; DELETE FROM docs`,
		"after a comment":        `SELECT id, body FROM docs /* ; */ ; -- end` + "\nDROP TABLE docs",
		"after a literal":        `SELECT id, E'\'' AS body FROM docs; DELETE FROM docs; --'`,
		"after a dollar quote":   `SELECT id, $a$;$a$ AS body FROM docs; DELETE FROM docs`,
		"closes the bracket":     `SELECT id, body FROM docs) TO PROGRAM 'touch ` + marked + `' --`,
		"closes the subquery":    `SELECT id, body FROM docs) AS q; DELETE FROM docs; SELECT (1`,
		"a program":              `COPY docs TO PROGRAM 'touch ` + marked + `'`,
		"a file":                 `COPY docs TO '` + marked + `'`,
		"a deletion":             `DELETE FROM docs RETURNING id, body`,
		"a deletion inside":      `WITH gone AS (DELETE FROM docs RETURNING id, body) SELECT * FROM gone`,
		"an insertion":           `INSERT INTO docs VALUES ('x', 'x') RETURNING id, body`,
		"a lock":                 `SELECT id, body FROM docs FOR UPDATE`,
		"a table":                `SELECT id, body INTO copy FROM docs`,
		"a writable transaction": `SET TRANSACTION READ WRITE`,
		"a function that writes": `SELECT id, planted() AS body FROM docs`,
		"one that lifts it":      `SELECT id, set_config('transaction_read_only', 'off', false) || planted() AS body FROM docs`,
		"a sequence":             `SELECT id, nextval('planted_seq')::text AS body FROM docs`,
		"an anonymous block":     `DO $$ BEGIN DELETE FROM docs; END $$`,
		"a large object":         `SELECT id, lo_create(4711)::text AS body FROM docs`,
	} {
		t.Run(name, func(t *testing.T) {
			w.exec(`CREATE SEQUENCE IF NOT EXISTS planted_seq`)
			w.exec(`CREATE OR REPLACE FUNCTION planted() RETURNS text LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.docs; RETURN 'x'; END $$`)
			file := filepath.Join(t.TempDir(), "query.sql")
			if err := os.WriteFile(file, []byte(query), 0o600); err != nil {
				t.Fatal(err)
			}
			r := w.run([]string{"sync"}, "SYNC_QUERY", variable("SYNC_QUERY_FILE="+file))
			if r.code == exitDone {
				t.Errorf("exit %d\n%s", r.code, r.stderr)
			}
			var rows, others int
			var called bool
			err := w.conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM docs), (SELECT count(*) FROM pg_largeobject_metadata) + (SELECT count(*) FROM pg_class WHERE relname = 'copy'),
				(SELECT is_called FROM planted_seq)`).Scan(&rows, &others, &called)
			if err != nil || rows != 3 || others != 0 || called {
				t.Errorf("the query wrote: %d rows of 3, %d objects, sequence advanced: %v, %v", rows, others, called, err)
			}
			if _, err := os.Stat(marked); err == nil {
				t.Error("a program ran, or a file was written")
			}
		})
	}
}

// What the operator sets in DATABASE_URL's options does not lift what holds the session.
func TestOptionsOfTheURL(t *testing.T) {
	w := newDocs(t, database, 3)
	w.exec(`CREATE FUNCTION planted() RETURNS text LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.docs; RETURN 'x'; END $$`)
	w.exec(`CREATE SCHEMA first`)
	w.exec(`CREATE TABLE first.docs AS SELECT 'first-' || id AS id, body FROM docs`)
	w.env["SYNC_QUERY"] = strings.Replace(w.env["SYNC_QUERY"], "body", "body || planted() AS body", 1)
	for _, options := range []string{"-c%20default_transaction_read_only%3Doff", "-c%20transaction_read_only%3Doff", "-cdefault_transaction_read_only%3D0%20-c%20statement_timeout%3D0"} {
		r := w.run([]string{"sync"}, variable("DATABASE_URL="+w.env["DATABASE_URL"]+"&options="+options))
		if r.code == exitDone {
			t.Errorf("%s: exit %d\n%s", options, r.code, r.stderr)
		}
	}
	if n := len(w.truth()); n != 3 {
		t.Errorf("%d rows are left of 3", n)
	}
	w.env["SYNC_QUERY"] = strings.Replace(w.env["SYNC_QUERY"], "body || planted() AS body", "body", 1)
	w.sync("imported", variable("DATABASE_URL="+w.env["DATABASE_URL"]+"&options=-c%20search_path%3Dfirst,pg_catalog"))
	for id := range w.held() {
		if !strings.HasPrefix(id, "first-") {
			t.Errorf("document %s is of another schema than search_path says", id)
		}
	}
}
