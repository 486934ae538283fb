package source

import "testing"

func stats(t *testing.T, db *DB) Stats {
	t.Helper()
	got, err := db.TableStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestTableStats: what changes the result changes the fingerprint, what does not leaves it alone.
func TestTableStats(t *testing.T) {
	url := database(
		t, "CREATE TABLE a (id int PRIMARY KEY, t text)", "CREATE TABLE b (id int, t text) PARTITION BY RANGE (id)", "CREATE TABLE other (id int)",
		"CREATE TABLE b1 PARTITION OF b FOR VALUES FROM (0) TO (10)", "CREATE TABLE b2 PARTITION OF b FOR VALUES FROM (10) TO (20)",
		"CREATE VIEW v AS SELECT id, t FROM a WHERE id > 0", "INSERT INTO a VALUES (1, 'x')", "INSERT INTO b VALUES (1, 'x'), (11, 'y')",
		"CREATE MATERIALIZED VIEW m AS SELECT id FROM a", `CREATE SCHEMA "odd ""one"`, `CREATE TABLE "odd ""one"."a\b" (id int)`,
		"CREATE FUNCTION plain(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1'",
	)
	db := open(t, Config{URL: url, Query: `SELECT v.id, upper(plain(v.t)) AS t, to_json(b.t) AS u FROM v LEFT JOIN b USING (id) LEFT JOIN m USING (id)
		WHERE v.t <> 'now() CURRENT_DATE' AND (m.id > 0 OR v.id > 0) UNION ALL SELECT id, NULL, NULL FROM "odd ""one"."a\b"`})
	last := stats(t, db)
	if last.Reason != "" {
		t.Fatalf("not trusted: %s", last.Reason)
	}
	for _, step := range []struct {
		statement string
		changes   bool
	}{
		{"SELECT count(*) FROM a, b", false},
		{"INSERT INTO other VALUES (1)", false},
		{"INSERT INTO a VALUES (2, 'y')", true},
		{"UPDATE a SET t = 'z' WHERE id = 2", true},
		{"UPDATE a SET t = 'z' WHERE id = 99", false},
		{"UPDATE b SET t = 'z' WHERE id = 11", true},
		{"DELETE FROM b WHERE id = 11", true},
		{"TRUNCATE b2", true},
		{"REFRESH MATERIALIZED VIEW m", true},
		{`INSERT INTO "odd ""one"."a\b" VALUES (1)`, true},
		{"CREATE TABLE b3 PARTITION OF b FOR VALUES FROM (20) TO (30)", true},
		{"CREATE OR REPLACE VIEW v AS SELECT id, t FROM a WHERE id > 1", true},
	} {
		run(t, url, step.statement)
		next := stats(t, db)
		if changed := next.Fingerprint != last.Fingerprint; changed != step.changes || next.Reason != "" {
			t.Errorf("%s: changed %v, doubt %q", step.statement, changed, next.Reason)
		}
		last = next
	}
	again := stats(t, open(t, Config{URL: url, Query: db.config.Query}))
	if again != last {
		t.Errorf("another session sees %+v, this one %+v", again, last)
	}
	if other := stats(t, open(t, Config{URL: url, Query: "SELECT id FROM a WHERE id > 5"})); other.Fingerprint == last.Fingerprint {
		t.Error("another query has the same fingerprint")
	}
}

// TestColumnMadeAgain: a column dropped and added under the same name rewrites no row and moves no counter.
func TestColumnMadeAgain(t *testing.T) {
	url := database(t, "CREATE TABLE a (id int, t text DEFAULT 'x')", "INSERT INTO a VALUES (1)")
	config := Config{URL: url, Query: "SELECT id, t FROM a"}
	before := stats(t, open(t, config))
	run(t, url, "ALTER TABLE a DROP t, ADD t text DEFAULT 'y'")
	if after := stats(t, open(t, config)); after.Fingerprint == before.Fingerprint {
		t.Error("not noticed")
	}
}

func TestTableStatsDoubts(t *testing.T) {
	url := database(t, "CREATE TABLE a (id int, t timestamptz)", "CREATE UNLOGGED TABLE u (id int)", "CREATE SEQUENCE s",
		"CREATE FUNCTION lookup(int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(id) FROM u); END'",
		`CREATE FUNCTION "odd (name"() RETURNS SETOF int LANGUAGE plpgsql AS 'BEGIN RETURN NEXT 1; END'`,
		"CREATE TABLE o (id int, c regclass[], x xml)", "CREATE TYPE pair AS (a int, c regtype)", "CREATE TYPE cents AS (n int)",
		"CREATE FUNCTION clear(int, text) RETURNS bool STABLE LANGUAGE plpgsql AS 'BEGIN RETURN EXISTS (SELECT FROM u); END'",
		"CREATE OPERATOR %% (FUNCTION = clear, LEFTARG = int, RIGHTARG = text)",
		"CREATE FUNCTION add(int, int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 + (SELECT count(*) FROM u); END'",
		"CREATE AGGREGATE total(int) (SFUNC = add, STYPE = int, INITCOND = '0')",
		"CREATE FUNCTION pay(cents) RETURNS money LANGUAGE plpgsql AS 'BEGIN RETURN $1.n * (SELECT count(*) FROM u); END'",
		"CREATE CAST (cents AS money) WITH FUNCTION pay(cents)")
	tests := []struct{ query, reason string }{
		{"SELECT 1 AS id", "the query reads no table"},
		{"SELECT g AS id FROM generate_series(1, 3) g", "the query reads no table"},
		{"SELECT id FROM u", `"public"."u" is an unlogged table, which a crash empties`},
		{"SELECT oid AS id FROM pg_class", `"pg_catalog"."pg_class" is a system catalogue`},
		{"SELECT id FROM a WHERE t < now()", "the query calls now, whose result can change by itself"},
		{"SELECT id FROM a WHERE t < CURRENT_DATE", "the query uses CURRENT_DATE"},
		{"SELECT id FROM a WHERE t < LOCALTIMESTAMP", "the query uses LOCALTIMESTAMP"},
		{"SELECT id, random() AS r FROM a", "the query calls random, whose result can change by itself"},
		{"SELECT lookup(id) AS id FROM a", "the query calls lookup, whose result can change by itself"},
		{`SELECT id FROM a, "odd (name"() o`, "the query calls odd (name, whose result can change by itself"},
		{"SELECT id FROM a TABLESAMPLE SYSTEM (10)", "the query takes a random sample"},
		{"SELECT last_value AS id FROM s", `"public"."s" is not an ordinary table`},
		{"SELECT id FROM a WHERE id = 1", ""},
		{"SELECT id, obj_description(16384, 'pg_class') AS d FROM a", "the query calls obj_description, whose result can change by itself"},
		{"SELECT id, table_to_xml('u', true, true, '')::text AS x FROM a", "the query calls table_to_xml, whose result can change by itself"},
		{"SELECT id, has_table_privilege('u', 'SELECT') AS h FROM a", "the query calls has_table_privilege, whose result can change by itself"},
		{"SELECT id, to_regclass('later') IS NULL AS r FROM a", "the query calls to_regclass, whose result can change by itself"},
		{"SELECT id, inet_client_port() AS p FROM a", "the query calls inet_client_port, whose result can change by itself"},
		{"SELECT id, format_type(id::oid, NULL) AS f FROM a", "the query calls format_type, whose result can change by itself"},
		{"SELECT id, id::oid::regtype::text AS r FROM a", "the query makes text of regtype, which changes with an object's name"},
		{"SELECT id, (id::text || t::text)::regnamespace AS r FROM a", "the query makes text of regnamespace, which changes with an object's name"},
		{"SELECT id, ROW(id, NULL)::pair AS p FROM a", "the query makes text of regtype, which changes with an object's name"},
		{"SELECT id, to_json(o) AS j FROM o", `"public"."o" has a column whose text changes with an object's name`},
		{"SELECT id FROM a WHERE id %% 'x'", "the query calls clear, whose result can change by itself"},
		{"SELECT 1 AS id, total(id) AS n FROM a", "the query calls add, whose result can change by itself"},
		{"SELECT id, ROW(id)::cents::money AS n FROM a", "the query calls pay, whose result can change by itself"},
		{"SELECT id, to_tsvector('english'::regconfig, 'x') AS v FROM a WHERE id < 5", ""},
	}
	for _, tt := range tests {
		got := stats(t, open(t, Config{URL: url, Query: tt.query}))
		if got.Reason != tt.reason || (tt.reason == "") != (len(got.Fingerprint) == 64) {
			t.Errorf("%s: got %+v, want %q", tt.query, got, tt.reason)
		}
	}
	// The session's own setting stands for the server's.
	db := open(t, Config{URL: server.AdminURL(databaseOf(t, url)), Query: "SELECT id FROM a"})
	if _, err := db.conn.Exec(t.Context(), "SET track_counts = off").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if got := stats(t, db); got.Reason != "track_counts is off" {
		t.Errorf("got %+v", got)
	}
}

// TestDoubtfulPlans: nodes that this machine's server cannot make without extensions.
func TestDoubtfulPlans(t *testing.T) {
	for node, want := range map[string]string{
		"Foreign Scan": "the query reads a foreign table", "Custom Scan": "the query is executed by an extension", "Seq Scan": "",
	} {
		var p plan
		if err := p.read([]byte(`[{"Plan": {"Node Type": "Append", "Plans": [{"Node Type": "` + node + `", "Relation Name": "t", "Schema": "s"}]}}]`)); err != nil {
			t.Fatal(err)
		}
		if p.doubt != want || !p.relations[`"s"."t"`] {
			t.Errorf("%s: got %q and %v", node, p.doubt, p.relations)
		}
	}
	var p plan
	if err := p.read([]byte("{")); err == nil {
		t.Error("damage is accepted")
	}
}

// TestTableStatsBehindViews: a role that may read a view may not see into the schema of what is behind it, and need not.
func TestTableStatsBehindViews(t *testing.T) {
	url := database(t)
	admin := server.AdminURL(databaseOf(t, url))
	run(t, admin, "CREATE SCHEMA hidden", "CREATE TABLE hidden.t (id int)", "CREATE VIEW v AS SELECT id FROM hidden.t", "GRANT SELECT ON v TO public")
	db := open(t, Config{URL: url, Query: "SELECT id FROM v"})
	before := stats(t, db)
	if before.Reason != "" {
		t.Errorf("not trusted: %s", before.Reason)
	}
	run(t, admin, "INSERT INTO hidden.t VALUES (1)")
	if after := stats(t, db); after.Fingerprint == before.Fingerprint {
		t.Error("a change is not noticed")
	}
}
