package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrimQuery(t *testing.T) {
	same := []string{
		"SELECT 1", "SELECT ';'", `SELECT 1 AS ";"`, "SELECT $$;$$", "SELECT $a$;$$;$a$", "SELECT 1 -- ;", "SELECT /* ; /* ; */ ; */ 1",
		`SELECT E'\';'`, `SELECT e'\\'`, "SELECT 'it''s;'", "SELECT a$b$c FROM t", "SELECT 1 -- no newline; at the end", "SELECT 'open ;", "SELECT $1", "SELECT 1 /* ;",
		`SELECT 'backslash\' AS a`, "SELECT type'x'", `SELECT E'a''b\';'`, `SELECT U&"a;"`, "SELECT 1 $$ no end;",
	}
	for _, query := range same {
		if got, err := trimQuery(query); err != nil || got != query {
			t.Errorf("trimQuery(%q) = %q, %v", query, got, err)
		}
	}
	for query, want := range map[string]string{
		"SELECT 1;": "SELECT 1", "SELECT 1 ; ;\n -- done;\n/* ; */ ;": "SELECT 1 ", "SELECT ';';": "SELECT ';'", `SELECT E'\\';`: `SELECT E'\\'`,
		"SELECT $x$;$x$;": "SELECT $x$;$x$", "SELECT 1 -- one\r; -- two\r": "SELECT 1 -- one\r", "SELECT N'a';": "SELECT N'a'",
	} {
		if got, err := trimQuery(query); err != nil || got != want {
			t.Errorf("trimQuery(%q) = %q, %v, want %q", query, got, err, want)
		}
	}
}

// TestNames: names are those that the server makes of the text, not those of Unicode: it changes A to Z only.
func TestNames(t *testing.T) {
	for text, want := range map[string][]string{
		`SELECT Äpfel."Ä""b", T.c$1 FROM İt`:                                                     {"select", "Äpfel", `Ä"b`, "t", "c$1", "from", "İt"},
		"-- no\n/* /* no */ no */ $$no$$ $a$ no $b$ no $a$ 'no''no' E'no\\'no' N'no' U&'no' yes": {"yes"},
		`U&"d" 1e5 ""`:                  {"d", "e5"},
		`relation "S.T" does not exist`: {"relation", "S.T", "does", "not", "exist"},
	} {
		if diff := cmp.Diff(want, names(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzTrimQuery(f *testing.F) {
	for _, s := range []string{"SELECT 1;", "SELECT $a$;$a$", `E'\'`, "/*/**/", "--", "'", "$", "日本;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, err := trimQuery(query)
		if err == nil && !strings.HasPrefix(query, got) {
			t.Errorf("%q is not the beginning of %q", got, query)
		}
	})
}

func TestColumnsErrors(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int, a text, b text)")
	run(t, server.AdminURL(databaseOf(t, url)), "CREATE TABLE closed (id int)", "CREATE SCHEMA s", "CREATE TABLE s.t (id int)")
	const (
		names   = ": check the names in the query (SYNC_QUERY or SYNC_QUERY_FILE), the database and the search_path"
		correct = ": correct the query (SYNC_QUERY or SYNC_QUERY_FILE)"
		single  = "check the query: it is not a single SELECT: leave a single SELECT, VALUES or WITH … SELECT in SYNC_QUERY or SYNC_QUERY_FILE"
	)
	tests := []struct{ name, query, want string }{
		{"empty", " -- nothing\n;", "check the query: it is empty: set SYNC_QUERY or SYNC_QUERY_FILE to a SELECT"},
		{"two", "SELECT 1 AS id;\nSELECT 2", "check the query: it holds more than one statement (line 2, column 1): leave a single SELECT in SYNC_QUERY or SYNC_QUERY_FILE"},
		{"syntax", "SELECT id\n  FORM t", `prepare the query: syntax error at or near "t" (line 2, column 8)` + correct},
		{"syntax after Japanese", "SELECT '日本' AS あ,\n id FROM WHERE", `prepare the query: syntax error at or near "WHERE" (line 2, column 10)` + correct},
		{"no table", "SELECT id FROM nowhere", `prepare the query: relation "nowhere" does not exist (line 1, column 16)` + names},
		{"no column", "SELECT id, c FROM t", `prepare the query: column "c" does not exist (line 1, column 12)` + names},
		{"no function", "SELECT f(id) AS id FROM t", `prepare the query: function f(integer) does not exist (line 1, column 8); HINT: No function matches the given name and argument types. You might need to add explicit type casts` + names},
		{"no permission", "SELECT id FROM closed", "prepare the query: permission denied for table closed: run GRANT SELECT ON public.closed TO app"},
		{"no permission on the schema", "SELECT id FROM s.t", `prepare the query: permission denied for schema s (line 1, column 16): run GRANT USAGE ON SCHEMA s TO app; GRANT SELECT ON s.t TO app`},
		{"parameter", "SELECT id FROM t WHERE a = $1", "check the query: it has parameters ($1): write the values into the query"},
		{"parameter of unknown type", "SELECT $1 AS id, NULLIF($2, $3) FROM t", ""},
		{"insert", "INSERT INTO t VALUES (1) RETURNING id", single},
		{"delete in WITH", "WITH d AS (DELETE FROM t RETURNING id) SELECT id FROM d", single},
		{"into", "SELECT id INTO x FROM t", single},
		{"show", "SHOW ALL", single},
		{"brackets", "SELECT 1 AS id) AS x, (SELECT 2 AS id", `prepare the query: syntax error at or near ")" (line 1, column 15)` + correct},
		{"no id", "SELECT a FROM t", "check the query: it has no column id: name the document's id with AS id"},
		{"id in capitals", `SELECT id AS "ID" FROM t`, "check the query: it has no column id: name the document's id with AS id"},
		{"duplicate", "SELECT id, a, b AS a FROM t", `check the query: column "a" appears twice: give one of them another name with AS`},
		{"no name", "SELECT id, a || a FROM t", `check the query: column 2 has no name: name it with AS`},
		{"uri alone", "SELECT id, a AS content_uri FROM t", "check the query: it has only one of content_uri and content_mime_type: select both or neither"},
		{"type alone", "SELECT id, a AS content_mime_type FROM t", "check the query: it has only one of content_uri and content_mime_type: select both or neither"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := open(t, Config{URL: url, Query: tt.query}).Columns(t.Context())
			e, ok := err.(*Error)
			if !ok || tt.want != "" && err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if ok && !e.Config {
				t.Error("not a configuration error")
			}
		})
	}
}

func TestScanNoticesLockedRows(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int)")
	err := open(t, Config{URL: url, Query: "SELECT id FROM t FOR UPDATE"}).Scan(t.Context(), func([][]byte) error { return nil })
	const want = "read rows: cannot execute SELECT FOR UPDATE in a read-only transaction: the query may only read"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestQueryForms(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int, tags text[])", "INSERT INTO t VALUES (1, '{a,b}'), (2, NULL)")
	for _, query := range []string{
		"SELECT id, tags FROM t ORDER BY id", "SELECT id, tags FROM t ORDER BY id -- comment", "SELECT id, tags FROM t ORDER BY id; -- comment",
		"WITH w AS (SELECT * FROM t) SELECT * FROM w ORDER BY id", "TABLE t ORDER BY id", "(SELECT id, tags FROM t) UNION ALL (SELECT NULL, NULL WHERE false) ORDER BY id",
		"SELECT * FROM (VALUES (1, '{a,b}'::text[]), (2, NULL)) AS v (id, tags)",
	} {
		db := open(t, Config{URL: url, Query: query})
		if diff := cmp.Diff([][]string{{"1", `["a","b"]`}, {"2", "<null>"}}, scan(t, db)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
		db.Close(t.Context())
	}
}

// TestPadding: columns of type char(n) name an id, an address and a MIME type without the blanks at their ends.
func TestPadding(t *testing.T) {
	url := database(t, "CREATE TABLE t (id char(9), u char(20), m char(12))", "INSERT INTO t VALUES ('a', 'gs://bucket/a', 'image/png'), ('b', NULL, NULL)")
	db := open(t, Config{URL: url, Query: "SELECT id, u AS content_uri, m AS content_mime_type, m FROM t"})
	want := [][]string{{"a", "gs://bucket/a", "image/png", "image/png   "}, {"b", "<null>", "<null>", "<null>"}}
	if diff := cmp.Diff(want, scan(t, db)); diff != "" {
		t.Error(diff)
	}
}
