package source_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/source"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestTypes sends a value of every kind of PostgreSQL type through Scan and the document encoder and compares the lines
// with a reviewed file. It also proves that every line decodes.
func TestTypes(t *testing.T) {
	db := typesDatabase(t, `
		SELECT 'scalars' AS id, 'テキスト'::text AS text, 'v'::varchar(9) AS varchar, 'c'::char(3) AS bpchar, 'x'::"char" AS char, 'n'::name AS name,
		  '7d9c0a52-6f43-4c38-9f0a-1e6f3a9f1c11'::uuid AS uuid, 'happy'::mood AS enum, 'd'::nonempty AS domain, 5::positive AS domain_number,
		  (-32768)::int2 AS int2, 2147483647 AS int4, 9223372036854775807 AS int8, 0.1::float4 AS float4, 1e-7::float8 AS float8, 1e20::float8 AS big,
		  '-0'::float8 AS minus_zero, 12345678901234567890.123456789 AS numeric, true AS yes, false AS no, NULL::int AS null_int, NULL::bool AS null_bool,
		  NULL::int[] AS null_array, '12.30'::money AS money, B'101' AS bit, '1 day 02:03:04.5'::interval AS interval, '<a>b</a>'::xml AS xml, '[1,5)'::int4range AS range,
		  '{[1,2],[5,6]}'::int4multirange AS multirange, '\xdeadbeef'::bytea AS bytea, '10.0.0.0/8'::inet AS inet, '(1,2)'::point AS point, 'a & b'::tsquery AS tsquery,
		  'pg_class'::regclass AS regclass, 42::oid AS oid, '0/16B3748'::pg_lsn AS lsn, NULL AS nothing
	`, `SELECT 'times' AS id, '2025-09-18 10:02:03.123456+09'::timestamptz AS tz, '2025-09-18 01:02:03+00'::timestamptz AS whole, '2025-09-18 01:02:03.5'::timestamp AS local,
		  'infinity'::timestamptz AS forever, '0044-03-15 12:00 BC'::timestamptz AS bc, '12025-01-01'::timestamp AS far, '2025-09-18'::date AS date,
		  '01:02:03.4'::time AS time, '01:02:03+09'::timetz AS timetz, ARRAY['2025-09-18 01:02:03.5+00'::timestamptz] AS array`,
		`SELECT 'nested' AS id, '{"b": [1, 2.50, {"c": null}], "a": "\u3042\n"}'::jsonb AS jsonb, E'{\n "z" : 1,\r\n "a":\t[ ] ,"z":"\\u0041\\/"}'::json AS json, '"s"'::json AS scalar,
		  ARRAY['a', NULL, 'quo"te', E'new\nline'] AS texts, ARRAY[[1,2],[3,4]] AS two_dim, '{}'::int[] AS empty, ARRAY[NULL, NULL]::int[] AS nulls, ARRAY[1.5, NULL]::float8[] AS floats,
		  ARRAY[true, false] AS bools, ARRAY['{"a": 1}'::jsonb] AS jsons, ARRAY['happy'::mood] AS enums, ARRAY['d'::nonempty] AS domains, ROW(1, 'x', NULL)::pair AS composite,
		  ARRAY[ROW(1, 'x', ARRAY[1,2])::pair] AS composites, ROW(1, 'two') AS record, ARRAY['$1'::money] AS monies, '[0:1]={7,8}'::int[] AS lower_bound, '1 2'::int2vector AS vector`,
		`SELECT 'odd' AS id, 'infinity'::date AS forever, '-infinity'::timestamp AS never, '4713-01-01 BC'::date AS bc, '24:00'::time AS midnight,
		  '9999-12-31 23:59:59.999999+00'::timestamptz AS last_of_rfc3339, '1 year 2 mons -3 days 04:05:06.789'::interval AS interval, 5e-324::float8 AS smallest,
		  1.7976931348623157e308::float8 AS largest, '-0.0'::numeric AS numeric, 0::numeric(10,4) AS scale, '\x00ff'::bytea AS bytea, ''::"char" AS nul_char,
		  'a b'::tsvector AS tsvector, B'10'::bit(2) AS bit, '::1/128'::inet AS inet, '-1,234.5'::money AS money, 'empty'::int4range AS range, '(0,1)'::tid AS tid, '1 2'::oidvector AS oidvector,
		  E'\t\x01\ufffe\U0010ffff'::text AS text, 'null'::jsonb AS json_null, '{"": 1, "a": 2, "": 3}'::json AS repeated`,
		`SELECT 'odd-arrays' AS id, ARRAY[[NULL, 'a'], ['b', NULL]] AS nulls, '[2:3][-1:0]={{1,2},{3,4}}'::int[] AS lower_bounds, ARRAY['ab'::char(5)] AS padded, ARRAY['1 day'::interval] AS intervals,
		  ARRAY['[1,2)'::int4range] AS ranges, '{((0,0),(1,1));((2,2),(3,3))}'::box[] AS boxes, ARRAY['\x00'::bytea] AS byteas, ARRAY[NULL::json, 'null'] AS jsons, '{1,2}'::list AS domain,
		  ARRAY['{1,2}'::list] AS domains, ARRAY[ROW(1, 'x')] AS records, ROW(1, ARRAY[ROW(2, ARRAY[3])]) AS nested, (SELECT array_agg(p) FROM (VALUES (1, 'one'), (2, NULL)) AS p (a, b)) AS rows,
		  ROW(1.5, 1)::reading AS numbers_in_composite`,
		`SELECT true AS id, 1 AS "key ""with"" quotes", 2 AS "日本", 3 AS "a.b", ARRAY[1] AS "ar""ray"`,
	)
	var lines []byte
	for _, query := range db.queries {
		got, verdicts := db.encode(t, query)
		for _, v := range verdicts {
			if v.Outcome != document.Document {
				t.Errorf("%s: %s", v.ID, v.Reason)
			}
		}
		lines = append(lines, got...)
	}
	for line := range bytes.Lines(lines) {
		var decoded any
		if err := json.Unmarshal(line, &decoded); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
	const path = "testdata/types.jsonl"
	if *update {
		if err := os.WriteFile(path, lines, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(lines)); diff != "" {
		t.Errorf("%s differs (-want +got), -update rewrites it:\n%s", path, diff)
	}
}

// TestPoison: values that PostgreSQL can hold and JSON or Vertex AI Search cannot cost one document, not the read.
func TestPoison(t *testing.T) {
	db := typesDatabase(t)
	tests := []struct{ value, reason string }{
		{"'NaN'::float8", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"'Infinity'::float4", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"'-Infinity'::numeric", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"'NaN'::numeric", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"1e400::numeric", `column "v" is a number beyond the range of a double`},
		{"ARRAY[1, 'NaN']::float8[]", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"'{1,NaN}'::floats", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"repeat('9', 131072)::numeric", `column "v" is a number beyond the range of a double`},
		{`'{"a": 1e400}'::jsonb`, `column "v" is a number beyond the range of a double`},
		{"ARRAY[[1], ['Infinity']]::numeric[]", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"ARRAY[1e400]::numeric[]", `column "v" is a number beyond the range of a double`},
		{`'{"a": "\u0000"}'::json`, `column "v" holds \u0000, which no text may hold`},
		{`'["\ud83d"]'::json`, `column "v" holds half of a surrogate pair`},
		{`'{"a": 1e999}'::json`, `column "v" is a number beyond the range of a double`},
		{"ROW('NaN', 1)::reading", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"ROW(1, 'Infinity')::reading", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"ARRAY[ROW(1, '-Infinity')::reading]", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"ROW(ARRAY[ROW('NaN', 1)::reading])::readings", `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"ROW(1, 'NaN', NULL)::pair", ""},
		{"repeat('[', 200)::text || repeat(']', 200)", ""},
		{"(repeat('[', 200) || repeat(']', 200))::jsonb", `column "v" is JSON nested deeper than 30 levels`},
		{"repeat('x', 10000000)", "document is longer than the limit of 1048576 bytes (MAX_DOCUMENT_BYTES)"},
		{"ARRAY[repeat('x', 10000000)]", "document is longer than the limit of 1048576 bytes (MAX_DOCUMENT_BYTES)"},
		{"repeat('x', 300000)", ""},
	}
	for _, tt := range tests {
		_, verdicts := db.encode(t, "SELECT 'x' AS id, "+tt.value+" AS v UNION ALL SELECT 'y', NULL")
		if len(verdicts) != 2 || verdicts[0].Reason != tt.reason || verdicts[1].Outcome != document.Document {
			t.Errorf("%s: got %+v, want %q", tt.value, verdicts, tt.reason)
		}
	}
}

type typesDB struct {
	url     string
	queries []string
}

func typesDatabase(t *testing.T, queries ...string) typesDB {
	t.Helper()
	server := source.SharedServer()
	url, err := server.NewDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), `CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE DOMAIN nonempty AS text CHECK (VALUE <> '');
		CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TYPE pair AS (a int, b text, c int[]);
		CREATE DOMAIN list AS int[]; CREATE DOMAIN floats AS float8[]; CREATE TYPE reading AS (a float8, b numeric); CREATE TYPE readings AS (list reading[])`); err != nil {
		t.Fatal(err)
	}
	return typesDB{url, queries}
}

// encode runs a query and returns its documents and the verdict on every row.
func (db typesDB) encode(t *testing.T, query string) (lines []byte, verdicts []document.Verdict) {
	t.Helper()
	src, err := source.Open(t.Context(), source.Config{URL: db.url, Query: query})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(t.Context())
	columns, err := src.Columns(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	encoder := document.NewEncoder(columns, document.Options{})
	err = src.Scan(t.Context(), func(row [][]byte) error {
		var v document.Verdict
		lines, v = encoder.Append(lines, row)
		v.ID = bytes.Clone(v.ID)
		verdicts = append(verdicts, v)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return lines, verdicts
}

// TestOtherEncodings: a database in another encoding gives the same documents, and one without any costs only those
// documents whose bytes are no UTF-8.
func TestOtherEncodings(t *testing.T) {
	admin, err := pgx.Connect(t.Context(), source.SharedServer().AdminURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(t.Context()) }()
	tests := []struct{ encoding, value, line, reason string }{
		{"LATIN1", `convert_from('\xe9', 'LATIN1')`, `{"id": "x", "structData": {"v": "é"}}` + "\n", ""},
		{"SQL_ASCII", `convert_from('\xc3a9', 'SQL_ASCII')`, `{"id": "x", "structData": {"v": "é"}}` + "\n", ""},
		{"SQL_ASCII", `convert_from('\xe9', 'SQL_ASCII')`, "", `column "v" is not valid UTF-8`},
	}
	for i, tt := range tests {
		name := fmt.Sprintf("encoding%d", i)
		if _, err := admin.Exec(t.Context(), fmt.Sprintf("CREATE DATABASE %s ENCODING '%s' TEMPLATE template0", name, tt.encoding)); err != nil {
			t.Fatal(err)
		}
		lines, verdicts := typesDB{url: source.SharedServer().URL(name)}.encode(t, "SELECT 'x' AS id, "+tt.value+" AS v")
		if string(lines) != tt.line || verdicts[0].Reason != tt.reason {
			t.Errorf("%s %s: got %q and %q", tt.encoding, tt.value, lines, verdicts[0].Reason)
		}
	}
}

// TestNameInNoEncoding: a name of bytes that JSON cannot hold is the query's fault.
func TestNameInNoEncoding(t *testing.T) {
	admin, err := pgx.Connect(t.Context(), source.SharedServer().AdminURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(t.Context()) }()
	if _, err := admin.Exec(t.Context(), "CREATE DATABASE no_encoding ENCODING 'SQL_ASCII' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	db, err := source.Open(t.Context(), source.Config{URL: source.SharedServer().URL("no_encoding"), Query: "SELECT 1 AS id, 2 AS \"\xe9\""})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Columns(t.Context()); err == nil || err.Error() != "check the query: the name of column 2 is not valid UTF-8: name it with AS" {
		t.Errorf("got %v", err)
	}
}

// TestOneShape: a type looks the same alone, in an array and in a composite, also one that to_json does not know (vector)
// or that PostgreSQL turns into an object by a cast (hstore).
func TestOneShape(t *testing.T) {
	db := typesDatabase(t)
	config, err := pgx.ParseConfig(db.url)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.Connect(t.Context(), source.SharedServer().AdminURL(config.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(t.Context()) }()
	// Types that are like pgvector's where it matters: base types of these names, whose text is an array of numbers.
	for _, name := range []string{"vector", "halfvec"} {
		for _, sql := range []string{
			"CREATE TYPE %[1]s", "CREATE FUNCTION %[1]s_in(cstring) RETURNS %[1]s LANGUAGE internal IMMUTABLE STRICT AS 'textin'",
			"CREATE FUNCTION %[1]s_out(%[1]s) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'",
			"CREATE TYPE %[1]s (INPUT = %[1]s_in, OUTPUT = %[1]s_out, LIKE = text)",
		} {
			if _, err := admin.Exec(t.Context(), fmt.Sprintf(sql, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	statements := []string{
		"CREATE TYPE embedded AS (a vector, b text)",
		"CREATE DOMAIN embedding AS vector",
		"CREATE TYPE deep AS (list embedded[], e embedding)",
	}
	hstore := true
	if _, err := admin.Exec(t.Context(), "CREATE EXTENSION hstore"); err != nil {
		hstore = false
		t.Logf("no hstore on this server: %v", err)
	} else {
		statements = append(statements, "CREATE TYPE stored AS (h hstore)")
	}
	for _, sql := range statements {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ value, want string }{
		{"'[1,2.5]'::vector", "[1, 2.5]"},
		{"'[1,2.5]'::halfvec", "[1, 2.5]"},
		{"'[1,2.5]'::embedding", "[1, 2.5]"},
		{"NULL::vector", "null"},
		{"ARRAY['[1,2.5]'::vector, NULL]", "[[1, 2.5], null]"},
		{"ARRAY['[1,2.5]'::embedding]", "[[1, 2.5]]"},
		{"ROW('[1,2.5]', '[x]')::embedded", `{"a": [1, 2.5], "b": "[x]"}`},
		{"ROW(ARRAY[ROW('[1]', 'x')::embedded], '[2]')::deep", `{"list": [{"a": [1], "b": "x"}], "e": [2]}`},
		{"'2025-09-18 01:02:03 BC'::timestamp", `"2025-09-18T01:02:03 BC"`},
		{"ARRAY['2025-09-18 01:02:03 BC'::timestamp]", `["2025-09-18T01:02:03 BC"]`},
	}
	if hstore {
		tests = append(tests, []struct{ value, want string }{
			{"'a=>1'::hstore", `{"a": "1"}`}, {"ARRAY['a=>1'::hstore]", `[{"a": "1"}]`}, {"ROW('a=>1')::stored", `{"h": {"a": "1"}}`},
		}...)
	}
	for _, tt := range tests {
		line, verdicts := db.encode(t, "SELECT 'x' AS id, "+tt.value+" AS v")
		if want := `{"id": "x", "structData": {"v": ` + tt.want + "}}\n"; string(line) != want {
			t.Errorf("%s: got %s %s, want %s", tt.value, line, verdicts[0].Reason, want)
		}
	}
}
