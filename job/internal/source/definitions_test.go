package source

import (
	"fmt"
	"strings"
	"testing"
)

// TestDefinitions: what makes the result, besides rows, changes the fingerprint.
func TestDefinitions(t *testing.T) {
	const setup = "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TYPE pair AS (a int, b text); CREATE TYPE outer_pair AS (p pair, q text); CREATE DOMAIN pairs AS pair[];" +
		"CREATE TABLE t (id int, n text, m mood, p pair, o outer_pair, ps pairs); INSERT INTO t VALUES (1, 'x', 'sad', ROW(1, 'y'), ROW(ROW(1, 'y'), 'z'), ARRAY[ROW(1, 'y')::pair]);" +
		"CREATE FUNCTION inner_f(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 || ''1''; END';" +
		"CREATE FUNCTION f(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN inner_f($1); END';" +
		"CREATE FUNCTION made(int) RETURNS pair IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN ROW($1, ''x''); END';" +
		"CREATE VIEW v AS SELECT id, n, m FROM t; CREATE VIEW w AS SELECT id, v AS whole FROM v; CREATE VIEW called AS SELECT id, f(n) AS n FROM t;" +
		"CREATE SCHEMA elsewhere; CREATE TABLE other (id int, m mood); CREATE VIEW unrelated AS SELECT id FROM other;"
	for _, tt := range []struct {
		name, query string
		changes     []string
	}{
		{"label", "SELECT id, m FROM t", []string{"ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"}},
		{"label as text", "SELECT id, m::text AS m FROM t", []string{"ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"}},
		{"label in JSON", "SELECT id, to_json(t) AS j FROM t", []string{"ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"}},
		{"label behind a view", "SELECT id, m FROM v", []string{"ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"}},
		{"domain", "SELECT id, n::short AS n FROM t", []string{"ALTER DOMAIN short ADD CONSTRAINT small CHECK (length(VALUE) < 9)", "ALTER DOMAIN short SET NOT NULL"}},
		{"function", "SELECT id, f(n) AS n FROM t", []string{
			"CREATE OR REPLACE FUNCTION f(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'",
		}},
		{"function that it calls", "SELECT id, f(n) AS n FROM t", []string{
			"CREATE OR REPLACE FUNCTION inner_f(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'",
		}},
		{"function behind a view", "SELECT id, n FROM called", []string{
			"CREATE OR REPLACE FUNCTION inner_f(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'",
		}},
		{"attribute", "SELECT id, p FROM t", []string{"ALTER TYPE pair RENAME ATTRIBUTE b TO c"}},
		{"attribute inside", "SELECT id, o FROM t", []string{"ALTER TYPE pair RENAME ATTRIBUTE b TO c"}},
		{"attribute in an array of a domain", "SELECT id, ps FROM t", []string{"ALTER TYPE pair RENAME ATTRIBUTE b TO c"}},
		{"attribute in JSON", "SELECT id, to_json(t.p) AS j FROM t", []string{"ALTER TYPE pair RENAME ATTRIBUTE b TO c"}},
		{"attribute of a cast", "SELECT id, to_json(ROW(id, n)::pair) AS j FROM t", []string{"ALTER TYPE pair RENAME ATTRIBUTE b TO c"}},
		{"attribute of a function's result", "SELECT id, to_json(made(id)) AS j FROM t", []string{"ALTER TYPE pair RENAME ATTRIBUTE b TO c"}},
		{"column under to_json", "SELECT id, to_json(t) AS j FROM t", []string{"ALTER TABLE t RENAME n TO renamed"}},
		{"column of a view under to_json", "SELECT id, to_jsonb(v) AS j FROM v", []string{"ALTER VIEW v RENAME COLUMN n TO renamed"}},
		{"column of a view in a view", "SELECT id, to_json(whole) AS j FROM w", []string{"ALTER VIEW v RENAME COLUMN n TO renamed"}},
		{"view", "SELECT id, n FROM v", []string{"CREATE OR REPLACE VIEW v AS SELECT id, upper(n) AS n, m FROM t"}},
		{"setting of the role", "SELECT id, to_tsvector(n) AS v FROM t", []string{"ALTER ROLE %[1]s IN DATABASE %[2]s SET default_text_search_config = 'german'"}},
		{"search_path of the role", "SELECT id, f(n) AS n FROM t", []string{"ALTER ROLE %[1]s IN DATABASE %[2]s SET search_path = elsewhere, public"}},
		{"order of day and month", "SELECT id, n FROM t WHERE '01/02/2025'::date > '2020-01-01'", []string{"ALTER ROLE %[1]s IN DATABASE %[2]s SET DateStyle = 'DMY'"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := database(t, setup, "CREATE DOMAIN short AS text")
			name := databaseOf(t, url)
			config := Config{URL: url, Query: tt.query}
			last := stats(t, open(t, config))
			if last.Reason != "" {
				t.Fatalf("not trusted: %s", last.Reason)
			}
			run(t, url, "CREATE OR REPLACE VIEW unrelated AS SELECT id + 1 AS id FROM other", "ALTER TABLE other RENAME m TO mm", "CREATE TEMP TABLE temporary (p pair)", "ANALYZE")
			if again := stats(t, open(t, config)); again != last {
				t.Error("what has nothing to do with it changed the fingerprint")
			}
			for _, change := range tt.changes {
				as := url
				if strings.HasPrefix(change, "ALTER ROLE") {
					as, change = server.AdminURL(name), fmt.Sprintf(change, server.User(), name)
				}
				run(t, as, change)
				next := stats(t, open(t, config))
				if next.Fingerprint == last.Fingerprint || next.Reason != "" {
					t.Errorf("%s: not noticed (%s)", change, next.Reason)
				}
				last = next
			}
		})
	}
}

// TestUntrustedNeverMatches: what was taken while nobody counted has no fingerprint, so nothing can be equal to it.
func TestUntrustedNeverMatches(t *testing.T) {
	url := database(t, "CREATE TABLE a (id int)", "INSERT INTO a VALUES (1)")
	name := databaseOf(t, url)
	admin := server.AdminURL(name)
	config := Config{URL: url, Query: "SELECT id FROM a"}
	run(t, admin, "ALTER DATABASE "+name+" SET track_counts = off")
	got := stats(t, open(t, config))
	if got.Fingerprint != "" || got.Reason != "track_counts is off" {
		t.Errorf("got %+v", got)
	}
	run(t, admin, "ALTER DATABASE "+name+" RESET track_counts")
	if got := stats(t, open(t, config)); got.Reason != "" || got.Fingerprint == "" {
		t.Errorf("got %+v", got)
	}
	run(t, admin, "CREATE ROLE uncounted", "ALTER ROLE uncounted SET track_counts = off")
	if got := stats(t, open(t, config)); got.Reason != "track_counts is off for some role or database" {
		t.Errorf("got %+v", got)
	}
	run(t, admin, "DROP ROLE uncounted")
}

// TestConfigurationReadAgain: a setting that was off and on again in between leaves no other trace.
func TestConfigurationReadAgain(t *testing.T) {
	url := database(t, "CREATE TABLE a (id int)")
	config := Config{URL: url, Query: "SELECT id FROM a"}
	before := stats(t, open(t, config))
	run(t, server.AdminURL(""), "SELECT pg_reload_conf()", "SELECT pg_sleep(0.2)")
	if after := stats(t, open(t, config)); after.Fingerprint == before.Fingerprint {
		t.Error("not noticed")
	}
}

// TestTypeAlteredMeanwhile: a column keeps its name and changes its type between the preparation and the read.
func TestTypeAlteredMeanwhile(t *testing.T) {
	for _, query := range []string{"SELECT id, a FROM t", "SELECT id, a, ARRAY[1] AS b FROM t"} {
		url := database(t, "CREATE TABLE t (id int, a text)", "INSERT INTO t VALUES (1, 'true')")
		db := open(t, Config{URL: url, Query: query})
		if _, err := db.Columns(t.Context()); err != nil {
			t.Fatal(err)
		}
		run(t, url, "ALTER TABLE t ALTER a TYPE bool USING a::bool")
		err := db.Scan(t.Context(), func([][]byte) error { return nil })
		const want = "read rows: the query's columns changed while the run began: the next run reads again"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
