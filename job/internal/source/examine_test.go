package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vertexmetadata/job/internal/column"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// found returns what Examine says under a name.
func found(t *testing.T, config Config, name string) (texts []string) {
	t.Helper()
	findings, err := open(t, config).Examine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Name != name {
			continue
		}
		kind := "ok"
		switch {
		case f.Err != nil:
			kind = "FAIL"
		case f.Warning:
			kind = "WARN"
		}
		texts = append(texts, kind+" "+f.Text+" | "+f.Remedy)
	}
	return texts
}

// readerURL makes a role that may read the given tables and nothing else, and returns its URL.
func readerURL(t *testing.T, url, role string, tables ...string) string {
	t.Helper()
	name := databaseOf(t, url)
	run(t, server.AdminURL(name), "REVOKE CREATE ON SCHEMA public FROM PUBLIC", fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'x'", role))
	for _, table := range tables {
		run(t, server.AdminURL(name), fmt.Sprintf("GRANT SELECT ON %s TO %s", table, role))
	}
	return server.URLAs(role, "x", name)
}

func TestExamineRole(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int)", "CREATE SCHEMA s")
	name := databaseOf(t, url)
	const remedy = " | use a role that has SELECT on what the query reads, and nothing else; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
	reader := readerURL(t, url, "rights_reader", "t")
	config := Config{URL: reader, Query: "SELECT id FROM t"}
	for _, step := range []struct{ grant, want string }{
		{"", "ok it may read and nothing else | "},
		{"GRANT INSERT ON t TO rights_reader", "WARN it may do more than read: it may write to 1 table, such as public.t" + remedy},
		{"GRANT CREATE ON SCHEMA s TO rights_reader", "WARN it may do more than read: it may CREATE in schema s, it may write to 1 table, such as public.t" + remedy},
		{"GRANT pg_execute_server_program TO rights_reader", "WARN it may do more than read: it is a member of pg_execute_server_program, it may CREATE in schema s, it may write to 1 table, such as public.t" + remedy},
		{"ALTER ROLE rights_reader CREATEROLE BYPASSRLS", "WARN it may do more than read: it may make roles, it passes row-level security (BYPASSRLS), it is a member of pg_execute_server_program, it may CREATE in schema s, it may write to 1 table, such as public.t" + remedy},
	} {
		if step.grant != "" {
			run(t, server.AdminURL(name), step.grant)
		}
		if diff := cmp.Diff([]string{step.want}, found(t, config, "role")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.grant, diff)
		}
	}
	if got := found(t, Config{URL: server.AdminURL(name), Query: "SELECT id FROM t"}, "role"); !strings.Contains(got[0], "it is a superuser") {
		t.Errorf("got %s", got)
	}
}

// TestExamineTables: what a run would only find out when it reads, check finds out too.
func TestExamineTables(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int)", "CREATE MATERIALIZED VIEW empty AS SELECT id FROM t WITH NO DATA", "CREATE VIEW behind AS SELECT id FROM empty", "CREATE MATERIALIZED VIEW full_one AS SELECT id FROM t")
	const empty = `FAIL read rows: materialized view "empty" has not been populated; HINT: Use the REFRESH MATERIALIZED VIEW command | fill it with REFRESH MATERIALIZED VIEW`
	for query, want := range map[string]string{
		"SELECT id FROM empty":                             empty,
		"SELECT id FROM behind":                            empty,
		"SELECT 1 AS id UNION TABLE empty":                 empty,
		"SELECT 1 AS id UNION ALL SELECT id FROM full_one": "ok 1 row read twice is the same | ",
	} {
		if diff := cmp.Diff([]string{want}, found(t, Config{URL: url, Query: query}, "sample")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// TestForeignTables: an error names the foreign table and its server, and check meets it.
func TestForeignTables(t *testing.T) {
	url := database(t)
	name := databaseOf(t, url)
	admin, err := pgx.Connect(t.Context(), server.AdminURL(name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(context.Background()) }()
	if _, err := admin.Exec(t.Context(), "CREATE EXTENSION postgres_fdw"); err != nil {
		t.Skipf("no postgres_fdw on this server: %v", err)
	}
	run(t, server.AdminURL(name),
		fmt.Sprintf("CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', dbname '%s')", server.SocketDir(), name),
		"CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'x')",
		fmt.Sprintf("CREATE USER MAPPING FOR %s SERVER here OPTIONS (user '%[1]s', password '%s')", server.User(), server.Password()),
		fmt.Sprintf("CREATE USER MAPPING FOR %s SERVER away OPTIONS (user '%[1]s', password '%s')", server.User(), server.Password()),
		fmt.Sprintf("GRANT USAGE ON FOREIGN SERVER here, away TO %s", server.User()))
	run(t, url, "CREATE TABLE there (id int, n text)", "INSERT INTO there VALUES (1, 'x')",
		"CREATE FOREIGN TABLE good (id int, n text) SERVER here OPTIONS (table_name 'there')",
		"CREATE FOREIGN TABLE renamed (id int, gone text) SERVER here OPTIONS (table_name 'there')",
		"CREATE FOREIGN TABLE dead (id int) SERVER away OPTIONS (table_name 't')")
	for table, want := range map[string]string{
		"good":    "ok 1 row read twice is the same | ",
		"dead":    `FAIL read rows: could not connect to server "away"; DETAIL: `,
		"renamed": `FAIL read rows: column "gone" does not exist`,
	} {
		got := found(t, Config{URL: url, Query: "SELECT * FROM " + table}, "sample")
		if len(got) != 1 || !strings.HasPrefix(got[0], want) || strings.HasPrefix(want, "FAIL") && !strings.Contains(got[0], "(foreign table public."+table+" of server ") {
			t.Errorf("%s: got %v", table, got)
		}
	}
	err = open(t, Config{URL: url, Query: "SELECT * FROM dead"}).Scan(t.Context(), func([][]byte) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "Connection refused") || !strings.HasSuffix(err.Error(), "check the foreign server that the query reads; the next run tries again") {
		t.Errorf("got %v", err)
	}
	err = open(t, Config{URL: url, Query: "SELECT * FROM renamed"}).Scan(t.Context(), func([][]byte) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "the foreign table does not fit its remote table") {
		t.Errorf("got %v", err)
	}
	run(t, server.AdminURL(name), "DROP USER MAPPING FOR "+server.User()+" SERVER here")
	_, err = open(t, Config{URL: url, Query: "SELECT * FROM good"}).Columns(t.Context())
	if err == nil {
		err = open(t, Config{URL: url, Query: "SELECT * FROM good"}).Scan(t.Context(), func([][]byte) error { return nil })
	}
	if err == nil || !strings.Contains(err.Error(), "(foreign table public.good of server here): run CREATE USER MAPPING") {
		t.Errorf("got %v", err)
	}
}

func TestExamineNumbers(t *testing.T) {
	url := database(t, "CREATE TYPE pair AS (a int, b bigint)", "CREATE TABLE t (id bigint, n numeric, i int, f float8, a bigint[], p pair, s text)")
	want := []string{`WARN columns that can hold numbers beyond 2^53, whose last digits the data store rounds: "n" (numeric), "a" (bigint[]), "p" (pair) | select such a column ::text where its last digits matter`}
	got := found(t, Config{URL: url, Query: "SELECT * FROM t"}, "numbers")
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], "public.pair", "pair")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := found(t, Config{URL: url, Query: "SELECT id, i, f, s, n::text AS n FROM t"}, "numbers"); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestVectorFindings(t *testing.T) {
	columns := []column.Column{{Name: "id"}, {Name: "a", Vector: true, Dimensions: 768}, {Name: "b", Vector: true}, {Name: "c", Vector: true, Dimensions: 3072}}
	var got []string
	for _, f := range columnFindings(columns) {
		got = append(got, f.Text+" | "+f.Remedy)
	}
	want := []string{
		`column "c" has 3072 dimensions, and Vertex AI Search takes at most 768 | shorten them, as in subvector("c", 1, 768)`,
		`columns "a", "b", "c" are vectors, and Vertex AI Search takes at most 2 fields of them | leave one out of the query`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := columnFindings(columns[:3]); got != nil {
		t.Errorf("got %v", got)
	}
}

// TestSample: columns that differ from one read to the next are named.
func TestSample(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int PRIMARY KEY, n text)", "CREATE TABLE tags (tag text, t int)", "CREATE INDEX ON tags (t, tag DESC)",
		"INSERT INTO t SELECT g, 'n' || g FROM generate_series(1, 300) g", "INSERT INTO tags SELECT 'tag' || k, g FROM generate_series(1, 300) g, generate_series(1, 5) k", "ANALYZE")
	const differ = "WARN columns that differ when the same rows are read again: %s; every run would import every such document | " +
		"leave out what depends on the time or on chance (now(), random()), and give aggregates an ORDER BY, as in array_agg(tag ORDER BY tag)"
	const repeated = `WARN the query returns the id "7" more than once; only the first of the rows is used | ` +
		"make the id unique: add the column that distinguishes the rows to it, such as the language, or select one row of each with DISTINCT ON (id) … ORDER BY id"
	for query, want := range map[string]string{
		"SELECT 7 AS id, n FROM t": repeated,
		"SELECT * FROM (SELECT CASE id WHEN 300 THEN 7 ELSE id END AS id, n FROM t) AS one_beyond_the_first_read": repeated,
		"SELECT id, n FROM t": "ok 100 rows read twice are the same | ",
		"SELECT id, n, now() AS synced_at, random() AS r FROM t":                                                             fmt.Sprintf(differ, `"synced_at", "r"`),
		"SELECT id, array_agg(tag) AS tags FROM t JOIN tags ON t.id = tags.t GROUP BY id":                                    fmt.Sprintf(differ, `"tags"`),
		"SELECT id, array_agg(tag ORDER BY tag) AS tags FROM t JOIN tags ON t.id = tags.t GROUP BY id":                       "ok 100 rows read twice are the same | ",
		"SELECT id::text || CASE WHEN random() < 2 THEN '' END AS id FROM t":                                                 "ok 100 rows read twice are the same | ",
		"SELECT * FROM (VALUES (''), (NULL), (NULL)) AS v (id)":                                                              "ok 3 rows read twice are the same | ",
		"SELECT NULL AS id, n FROM t":                                                                                        "ok 100 rows read twice are the same | ",
		"SELECT id FROM t WHERE false":                                                                                       "FAIL read rows: the query returned no row | check the query and the database, or allow it once with --allow-mass-delete",
		"SELECT id, 1 / (id - 5) AS n FROM t":                                                                                `FAIL read rows (after 4, the last with id "4"): division by zero | a row holds what the query cannot work with: correct that row or the query (SYNC_QUERY or SYNC_QUERY_FILE), or leave the row out`,
		"SELECT id, CASE WHEN now() IS NULL THEN 1 ELSE (extract(microseconds FROM clock_timestamp()))::int END AS c FROM t": fmt.Sprintf(differ, `"c"`),
	} {
		got := found(t, Config{URL: url, Query: query}, "sample")
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s:\ngot  %v\nwant %s", query, got, want)
		}
	}
}

// TestSampleIsBounded: however large or repeated the rows are, few are kept.
func TestSampleIsBounded(t *testing.T) {
	url := database(t)
	db := open(t, Config{URL: url, Query: "SELECT g AS id, repeat('x', 3 << 20) AS t FROM generate_series(1, 10) g"})
	if rows, all, err := db.firstRows(t.Context()); err != nil || !all || len(rows) != 6 {
		t.Errorf("%d rows, %v, %v", len(rows), all, err)
	}
	db = open(t, Config{URL: url, Query: "SELECT 7 AS id FROM generate_series(1, 1000)"})
	if _, err := db.Columns(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err := db.sampleAgain(t.Context(), []string{"7"}); err != nil || len(rows) != 2 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestEncryptionFindings(t *testing.T) {
	if diff := cmp.Diff([]string{"ok over a Unix socket, which does not leave this machine | "}, found(t, Config{URL: server.URL(""), Query: "SELECT 1 AS id"}, "encryption")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ok over a loopback address, which does not leave this machine | "}, found(t, Config{URL: server.TCPURL(""), Query: "SELECT 1 AS id"}, "encryption")); diff != "" {
		t.Error(diff)
	}
}
