package source

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestRemedies lists what is said about each error of the server: a table that people review.
func TestRemedies(t *testing.T) {
	var got strings.Builder
	for _, e := range []pgconn.PgError{
		{Code: "42501", Message: "permission denied for table t"},
		{Code: "42501", Message: "permission denied for function f"},
		{Code: "42501", Message: "permission denied for schema s"},
		{Code: "42501", Message: `query would be affected by row-level security policy for table "t"`, Hint: "To disable the policy for the table's owner, use ALTER TABLE NO FORCE ROW LEVEL SECURITY."},
		{Code: "42501", Message: "アクセスが拒否されました"},
		{Code: "42P01", Message: `relation "t" does not exist`},
		{Code: "42703", Message: `column "c" does not exist`, Hint: `Perhaps you meant to reference the column "t.d".`},
		{Code: "42703", Message: `column "c" does not exist`, Where: "remote SQL command: SELECT c FROM public.t"},
		{Code: "42704", Message: `user mapping not found for "app"`},
		{Code: "08001", Message: `could not connect to server "remote"`, Detail: "connection refused"},
		{Code: "2F003", Message: "password is required", Hint: "Target server's authentication method must be changed or password_required=false set in the user mapping attributes."},
		{Code: "58P01", Message: `could not open file "/x" for reading: No such file or directory`, Hint: "COPY FROM instructs the PostgreSQL server process to read a file."},
		{Code: "42501", Message: `could not open file "/x" for reading: Permission denied`},
		{Code: "58030", Message: "could not read block 1 in file"},
		{Code: "HV00J", Message: `invalid option "x"`, Hint: "Valid options are: …"},
		{Code: "HV00B", Message: "invalid handle", Where: "somewhere"},
		{Code: "55P03", Message: "canceling statement due to lock timeout"},
		{Code: "55000", Message: `materialized view "m" has not been populated`, Hint: "Use the REFRESH MATERIALIZED VIEW command."},
		{Code: "53400", Message: "temporary file size exceeds temp_file_limit (1024kB)"},
		{Code: "53200", Message: "out of shared memory", Hint: `You might need to increase "max_locks_per_transaction".`},
		{Code: "53100", Message: "could not extend file", Detail: "No space left on device", Hint: "Check free disk space."},
		{Code: "54000", Message: "out of memory", Detail: "Cannot enlarge string buffer containing 1 bytes by 2 more bytes."},
		{Code: "57014", Message: "canceling statement due to statement timeout"},
		{Code: "57014", Message: "canceling statement due to user request"},
		{Code: "57P01", Message: "terminating connection due to administrator command"},
		{Code: "40001", Message: "canceling statement due to conflict with recovery", Detail: "User query might have needed to see row versions that must be removed."},
		{Code: "22012", Message: "division by zero"},
		{Code: "22P02", Message: `invalid input syntax for type integer: "abc"`, Detail: "a row's secret value", Where: "a row's secret value"},
		{Code: "22P05", Message: "character with byte sequence 0x8f 0xa2 0xb7 in encoding \"EUC_JP\" has no equivalent in encoding \"UTF8\""},
		{Code: "22P05", Message: "character with byte sequence 0xf0 0x9f 0x8c 0xb8 in encoding \"UTF8\" has no equivalent in encoding \"EUC_JP\""},
		{Code: "22021", Message: "invalid byte sequence for encoding"},
		{Code: "21000", Message: "more than one row returned by a subquery used as an expression"},
		{Code: "23505", Message: "duplicate", Detail: "Key (id)=(secret) already exists."},
		{Code: "P0001", Message: "no price", Hint: "Set one."},
		{Code: "XX000", Message: "cache lookup failed"},
		{Code: "XX000", Message: "invalid memory alloc request size 1073741824"},
		{Code: "", Message: "no code"},
	} {
		for _, when := range []phase{preparing, reading} {
			err := (&DB{where: "database d", pid: "1"}).failure(t.Context(), map[phase]string{preparing: "prepare the query", reading: "read rows"}[when], "", when, &e)
			var failure *Error
			if !errors.As(err, &failure) {
				t.Fatal(err)
			}
			fmt.Fprintf(&got, "%5s exit %d  %s\n             hint: %s\n", e.Code, map[bool]int{true: 2, false: 1}[failure.Config], strings.TrimSuffix(failure.Error(), ": "+failure.Hint()), failure.Hint())
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("a row's value is in: %v", err)
			}
		}
	}
	const path = "testdata/remedies.golden"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s differs (-want +got), -update rewrites it:\n%s", path, diff)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	e := &Error{Op: "read rows", Reason: "a\x1b[31mred\x07\nline " + strings.Repeat("x", 3000), Remedy: "look"}
	if want := `read rows: a [31mred line ` + strings.Repeat("x", 1984) + ": look"; e.Error() != want {
		t.Errorf("got %q", e.Error())
	}
}

// TestFaultsOfTheQuery: what the server refuses before a row is read is the query's fault and useless to try again; what a
// row brings about is not.
func TestFaultsOfTheQuery(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int, n text)", "INSERT INTO t VALUES (1, '1'), (2, 'x')", "CREATE TYPE mood AS ENUM ('happy')", "CREATE TABLE m (id int, m mood)",
		"CREATE MATERIALIZED VIEW empty AS SELECT id FROM t WITH NO DATA", "CREATE FUNCTION denied(int) RETURNS int LANGUAGE sql AS 'SELECT $1'",
		"CREATE FUNCTION raises(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'no price' USING HINT = 'Set one.', DETAIL = 'a secret'; END $$")
	run(t, server.AdminURL(databaseOf(t, url)), "ALTER FUNCTION denied(int) OWNER TO postgres", "REVOKE EXECUTE ON FUNCTION denied(int) FROM public, "+server.User())
	const correct = "correct the query (SYNC_QUERY or SYNC_QUERY_FILE)"
	for _, tt := range []struct {
		query, want string
		config      bool
	}{
		{"SELECT id FROM t WHERE id = 'abc'", `prepare the query: invalid input syntax for type integer: "abc" (line 1, column 29): a value written in the query does not fit: ` + correct, true},
		{"SELECT id FROM m WHERE m = 'gone'", `prepare the query: invalid input value for enum mood: "gone" (line 1, column 28): a value written in the query does not fit: ` + correct, true},
		{"SELECT id, 1/0 AS n FROM t", "prepare the query: division by zero: a value written in the query does not fit: " + correct, true},
		{"SELECT id, n::int AS n FROM t", `read rows (after 1, the last with id "1"): invalid input syntax for type integer: "x": a row holds what the query cannot work with: ` +
			"correct that row or the query (SYNC_QUERY or SYNC_QUERY_FILE), or leave the row out", false},
		{"SELECT id, denied(id) AS d FROM t", "prepare the query: permission denied for function denied: run GRANT EXECUTE ON FUNCTION public.denied(integer) TO " + server.User(), true},
		{"SELECT id FROM empty", `read rows: materialized view "empty" has not been populated; HINT: Use the REFRESH MATERIALIZED VIEW command: fill it with REFRESH MATERIALIZED VIEW`, true},
		{"SELECT raises(id) AS id FROM t", "read rows: no price; HINT: Set one: a function of the query raised it: correct the row or the function", false},
		{"SELECT id, 1 AS " + strings.Repeat("n", 64) + " FROM t", fmt.Sprintf("check the query: PostgreSQL cuts the name %q, which has 64 bytes, to 63: write a shorter name", strings.Repeat("n", 64)), true},
		{`SELECT id, 1 AS "` + strings.Repeat("ü", 32) + `" FROM t`, fmt.Sprintf("check the query: PostgreSQL cuts the name %q, which has 64 bytes, to 63: write a shorter name", strings.Repeat("ü", 32)), true},
	} {
		err := open(t, Config{URL: url, Query: tt.query}).Scan(t.Context(), func([][]byte) error { return nil })
		var e *Error
		if !errors.As(err, &e) || err.Error() != tt.want || e.Config != tt.config {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.query, err, tt.want)
		}
	}
}

// TestLockedTable: a run that waits for a table in vain names it, and who locks it.
func TestLockedTable(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int)")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE t"); err != nil {
		t.Fatal(err)
	}
	db := open(t, Config{URL: url, Query: "SELECT id FROM t", LockTimeout: 100 * time.Millisecond})
	_, err = db.Columns(t.Context())
	want := fmt.Sprintf("prepare the query: canceling statement due to lock timeout (line 1, column 16) (table public.t, locked by process %d): "+
		"somebody holds a lock, such as that of ALTER TABLE: the next run tries again", conn.PgConn().PID())
	var e *Error
	if !errors.As(err, &e) || strings.Replace(err.Error(), " (line 1, column 16)", "", 1) != strings.Replace(want, " (line 1, column 16)", "", 1) || e.Config {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestUntranslatable: a text that cannot be sent names the row before it.
func TestUntranslatable(t *testing.T) {
	run(t, server.AdminURL(""), "CREATE DATABASE japanese ENCODING 'EUC_JP' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	db := open(t, Config{URL: server.URL("japanese"), Query: `SELECT g AS id, CASE g WHEN 3 THEN convert_from(decode('fefe', 'hex'), 'EUC_JP') END AS t FROM generate_series(1, 4) g`})
	err := db.Scan(t.Context(), func([][]byte) error { return nil })
	if err == nil || !strings.HasPrefix(err.Error(), `read rows (after 2, the last with id "2"): character with byte sequence 0xfe 0xfe`) ||
		!strings.HasSuffix(err.Error(), "repair it, or leave the row or the column out of the query") {
		t.Errorf("got %v", err)
	}
}
