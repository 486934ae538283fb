package source

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// literals returns the texts in the package's source, all of the job's own SQL among them, by where they are.
func literals(t *testing.T) map[string]string {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	set := token.NewFileSet()
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(set, f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil { // prose does no harm: only what PostgreSQL has is planted
					found[set.Position(l.Pos()).String()] = text
				}
			}
			return true
		})
	}
	return found
}

var (
	calledInSQL  = regexp.MustCompile(`([a-z_][a-z0-9_]*)\(`)
	relationName = regexp.MustCompile(`\b(pg_[a-z_]+)\b(?:[^(]|$)`)
)

// sqlWords look like calls and are none.
var sqlWords = []string{"any", "in", "as", "exists", "values", "coalesce", "lateral", "and", "or", "on", "select", "from", "union", "then", "when", "extract", "nullif", "part", "next", "reached", "u", "s", "given", "parts"}

// TestOnlyOneWayToTheServer: every statement goes through the functions that see to its search_path. A call of pgconn
// anywhere else would be a way around them.
func TestOnlyOneWayToTheServer(t *testing.T) {
	allowed := map[string][]string{
		"session.go":  {"conn.ExecBatch", "conn.ExecParams", "batch"}, // batch, theirs, own
		"reads.go":    {"batch"},                                      // which begins with ownPath, or with the user's query
		"stats.go":    {"batch"},                                      // which begins with a qualified function and ownPath
		"columns.go":  {"conn.Prepare"},                               // the user's query
		"scan.go":     {"conn.ExecParams"},                            // the user's query
		"sample.go":   {"batch"},                                      // the user's query, after qualified functions
		"settings.go": {"conn.Exec"},                                  // SET, which calls nothing, and one qualified function
	}
	call := regexp.MustCompile(`\.(batch|conn\.(?:Exec|ExecBatch|ExecParams|ExecPrepared|ExecStatement|Prepare|CopyTo|CopyFrom))\(`)
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(allowed[f.Name()], m[1]) {
				t.Errorf("%s calls %s: use own or theirs", f.Name(), m[1])
			}
		}
	}
}

// planted is what somebody with CREATE on a schema of the search_path can put in the way of the job's own SQL: of every
// function that it calls one with each signature of the real ones and some more, of every operator likewise, and tables and
// types of the names that it uses. Each leaves a mark in the session when it runs.
func planted(t *testing.T, conn *pgx.Conn) (names []string) {
	t.Helper()
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Logf("%.200s: %v", sql, err) // some signatures cannot be made by users
		}
	}
	functions, relations := map[string]bool{}, map[string]bool{}
	for _, text := range literals(t) {
		for _, m := range calledInSQL.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(sqlWords, m[1]) {
				functions[m[1]] = true
			}
		}
		for _, m := range relationName.FindAllStringSubmatch(text, -1) {
			relations[m[1]] = true
		}
	}
	exec(`CREATE FUNCTION public.mark(name text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
		PERFORM pg_catalog.set_config('planted.ran', pg_catalog.concat_ws(' ', pg_catalog.current_setting('planted.ran', true), name), false); RETURN true; END $$`)
	for name := range functions {
		names = append(names, name)
		exec(fmt.Sprintf(`DO $do$ DECLARE f record; BEGIN
			FOR f IN SELECT DISTINCT pg_catalog.pg_get_function_identity_arguments(p.oid) AS args, pg_catalog.format_type(p.prorettype, NULL) AS result, p.proretset
				FROM pg_catalog.pg_proc p WHERE p.proname = '%[1]s' AND p.pronamespace = 11 AND p.prokind IN ('f', 'a', 'w')
				UNION SELECT * FROM (VALUES ('VARIADIC text[]', 'text', false), ('text, text', 'text', false), ('text, text, text, text, text, text', 'text', false), ('bigint', 'boolean', false), ('oid', 'text', false),
				  ('text[]', 'SETOF text', true), ('oid[]', 'SETOF oid', true), ('name[]', 'SETOF name', true), ('json', 'json', false), ('anyarray', 'json', false), ('name, text', 'text', false)) AS v
			LOOP BEGIN
				EXECUTE pg_catalog.format('CREATE OR REPLACE FUNCTION public."%[1]s"(%%s) RETURNS %%s LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.mark(%%L); RETURN %%s; END $f$',
					f.args, CASE WHEN f.proretset AND f.result NOT LIKE 'SETOF%%' THEN 'SETOF ' ELSE '' END OPERATOR(pg_catalog.||) f.result, '%[1]s', CASE WHEN f.proretset THEN '' ELSE 'NULL' END);
			EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $do$`, name))
	}
	for _, operator := range []string{"=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "||", "*", "/", "+", "-"} {
		exec(fmt.Sprintf(`DO $do$ DECLARE o record; BEGIN
			FOR o IN SELECT DISTINCT pg_catalog.format_type(p.oprleft, NULL) AS l, pg_catalog.format_type(p.oprright, NULL) AS r, pg_catalog.format_type(p.oprresult, NULL) AS result
				FROM pg_catalog.pg_operator p WHERE p.oprname OPERATOR(pg_catalog.=) '%[1]s' AND p.oprleft OPERATOR(pg_catalog.<>) 0 AND p.oprnamespace OPERATOR(pg_catalog.=) 11
				UNION SELECT * FROM (VALUES ('oid', 'integer', 'boolean'), ('bigint', 'integer', 'boolean'), ('name', 'text', 'boolean'), ('"char"', 'text', 'boolean'), ('text', 'bigint', 'text'), ('oid', 'text', 'text'), ('smallint', 'text', 'text')) AS v
			LOOP BEGIN
				EXECUTE pg_catalog.format('CREATE OR REPLACE FUNCTION public.operate(a %%s, b %%s) RETURNS %%s LANGUAGE plpgsql AS $f$ BEGIN PERFORM public.mark(%%L); RETURN NULL; END $f$', o.l, o.r, o.result, '%[1]s');
				EXECUTE pg_catalog.format('CREATE OPERATOR public.%[1]s (LEFTARG = %%s, RIGHTARG = %%s, FUNCTION = public.operate)', o.l, o.r);
			EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $do$`, operator))
	}
	for name := range relations {
		exec(fmt.Sprintf(`DO $do$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.=) '%[1]s') THEN
			CREATE VIEW public.%[1]s AS SELECT * FROM pg_catalog.%[1]s WHERE public.mark('table %[1]s'); END IF; END $do$`, name))
		names = append(names, name)
	}
	for _, name := range []string{"text", "oid", "name", "json", "regclass", "int8"} {
		exec(fmt.Sprintf(`CREATE DOMAIN public.%[1]s AS pg_catalog.%[1]s CHECK (public.mark('type %[1]s'))`, name))
	}
	return names
}

// TestPlantedOverloads: what is in the search_path before pg_catalog never runs in the job's own statements, nor do tables
// and types there stand in for the real ones.
func TestPlantedOverloads(t *testing.T) {
	for _, path := range []string{`public, pg_catalog`, `"$user", public`} {
		t.Run(path, func(t *testing.T) {
			url := database(t, "CREATE TYPE pair AS (a int, b text)", "CREATE TABLE docs (id char(8), n numeric, tags text[], p pair)",
				"INSERT INTO docs VALUES ('one', 1, '{a}', ROW(1, 'x'))", "CREATE VIEW v AS SELECT * FROM docs")
			name := databaseOf(t, url)
			run(t, server.AdminURL(name), fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET search_path = %s", server.User(), name, path))
			conn, err := pgx.Connect(t.Context(), server.AdminURL(name))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			if names := planted(t, conn); len(names) < 30 {
				t.Fatalf("only %d names found in the package's SQL: %v", len(names), names)
			}
			var made int
			if err := conn.QueryRow(t.Context(), `SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc p WHERE p.pronamespace OPERATOR(pg_catalog.=) 'public'::pg_catalog.regnamespace`).Scan(&made); err != nil || made < 100 {
				t.Fatalf("%d functions planted, %v", made, err)
			}
			ran := func(db *DB) string {
				row, err := db.queryRow(t.Context(), "SELECT pg_catalog.coalesce(pg_catalog.current_setting('planted.ran', true), '')")
				if err != nil {
					row, err = db.queryRow(t.Context(), "SHOW planted.ran")
				}
				if err != nil {
					return ""
				}
				return string(row[0])
			}

			db := open(t, Config{URL: url, Query: "SELECT id, n, tags, p FROM v"})
			if got := scan(t, db); len(got) != 1 || got[0][0] != "one" || got[0][3] != `{"a":1,"b":"x"}` {
				t.Errorf("got %v", got)
			}
			if got := stats(t, db); got.Reason != "" {
				t.Errorf("not trusted: %s", got.Reason)
			}
			if _, err := db.Lock(t.Context(), "key"); err != nil {
				t.Error(err)
			}
			other := open(t, Config{URL: url, Query: "SELECT id FROM v"})
			if holder, err := other.Lock(t.Context(), "key"); err != nil || holder == nil || !holder.Ours {
				t.Errorf("Lock = %v, %v", holder, err)
			}
			if _, err := db.Examine(t.Context()); err != nil {
				t.Error(err)
			}
			if rows, err := db.Rows(t.Context(), "one"); err != nil || len(rows) != 1 || string(rows[0][0]) != "one" {
				t.Errorf("Rows = %q, %v", rows, err)
			}
			for _, code := range []string{codeLockNotAvailable, codeInsufficientRight, codeNoTable, "08001"} {
				_ = db.elaborate(t.Context(), db.failure(t.Context(), "try", "", preparing, &pgconn.PgError{Code: code}))
			}
			for _, s := range []*DB{db, other} {
				if err := s.Check(t.Context()); err != nil {
					t.Error(err)
				}
				if got := ran(s); got != "" {
					t.Errorf("these ran: %s", got)
				}
			}
			// The proof that the marks work: the same words, unqualified, in a session of the same role.
			if _, err := db.queryRow(t.Context(), "SELECT pg_try_advisory_lock(1::int8)"); err != nil {
				t.Fatal(err)
			}
			if got := ran(db); path == "public, pg_catalog" && !strings.Contains(got, "pg_try_advisory_lock") {
				t.Errorf("the planted functions leave no mark: %q", got)
			}
		})
	}
}
