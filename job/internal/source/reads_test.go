package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestMissingGrants: an error about a right says which grant is missing, to whom, and on which columns.
func TestMissingGrants(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int, a int, secret int)", "CREATE SCHEMA s", "CREATE TABLE s.t (id int)", "CREATE SEQUENCE counter", "CREATE TABLE closed (id int)",
		"CREATE FUNCTION f(int, text) RETURNS int LANGUAGE sql AS 'SELECT $1'", "REVOKE EXECUTE ON FUNCTION f(int, text) FROM public",
		"CREATE FUNCTION inner_read() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM closed); END $$", `CREATE TABLE "Big" (id int)`,
		"CREATE VIEW v AS SELECT id FROM closed", "CREATE TABLE parted (id int) PARTITION BY RANGE (id)", "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9)")
	reader := readerURL(t, url, "granted", "v", "parted")
	admin := server.AdminURL(databaseOf(t, url))
	run(t, admin, "GRANT SELECT (id, a) ON t TO granted", "CREATE ROLE view_owner", "ALTER VIEW v OWNER TO view_owner", "CREATE DOMAIN small AS int", "REVOKE USAGE ON TYPE small FROM public")
	run(t, url, "CREATE SCHEMA s2", "GRANT USAGE ON SCHEMA s2 TO granted", "CREATE TABLE s2.away (id int)", "CREATE TABLE s.away_s (id int)")
	const names = "check the names in the query (SYNC_QUERY or SYNC_QUERY_FILE), the database and the search_path"
	for query, want := range map[string]string{
		"SELECT id, secret FROM t":                  "permission denied for table t: run GRANT SELECT (secret) ON public.t TO granted",
		"SELECT id, a FROM t WHERE secret > 1":      "permission denied for table t: run GRANT SELECT (secret) ON public.t TO granted",
		"SELECT * FROM t":                           "permission denied for table t: run GRANT SELECT (secret) ON public.t TO granted",
		"SELECT id FROM closed":                     "permission denied for table closed: run GRANT SELECT ON public.closed TO granted",
		`SELECT id FROM "Big"`:                      `permission denied for table Big: run GRANT SELECT ON public."Big" TO granted`,
		"SELECT id FROM s.t":                        "permission denied for schema s (line 1, column 16): run GRANT USAGE ON SCHEMA s TO granted; GRANT SELECT ON s.t TO granted",
		"SELECT last_value AS id FROM counter":      "permission denied for sequence counter: run GRANT SELECT ON public.counter TO granted",
		"SELECT f(id, 'x') AS id FROM t":            "permission denied for function f: run GRANT EXECUTE ON FUNCTION public.f(integer,text) TO granted",
		"SELECT id FROM v":                          "permission denied for table closed: run GRANT SELECT ON public.closed TO view_owner",
		"SELECT inner_read() AS id":                 "permission denied for table closed: run GRANT SELECT ON public.closed TO granted",
		"SELECT c.id, f(1, 'x') AS n FROM closed c": "permission denied for table closed: run GRANT SELECT ON public.closed TO granted; GRANT EXECUTE ON FUNCTION public.f(integer,text) TO granted",
		"SELECT id FROM away":                       `relation "away" does not exist (line 1, column 16) (away is in schema s2, which is not in the search_path): ` + names,
		"SELECT id FROM away_s":                     `relation "away_s" does not exist (line 1, column 16) (away_s is in schema s, which the role has no USAGE on): ` + names,
		"SELECT id FROM parted":                     "",
		"SELECT id::small AS id FROM t":             "",
	} {
		err := open(t, Config{URL: reader, Query: query}).Scan(t.Context(), func([][]byte) error { return nil })
		var e *Error
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", query, err)
		case want != "" && (!errors.As(err, &e) || !strings.HasSuffix(err.Error(), want) || !e.Config):
			t.Errorf("%s:\ngot  %v\nwant %s", query, err, want)
		}
	}
}

// TestLockedTables: a run that waits in vain names what is locked and by whom, and nothing that it does not read.
func TestLockedTables(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE other (id int)", "CREATE VIEW v AS SELECT id FROM t", "CREATE TABLE parted (id int) PARTITION BY RANGE (id)", "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9)")
	for _, tt := range []struct{ query, lock, want string }{
		{"SELECT id FROM t", "LOCK TABLE t", "table public.t"},
		{"SELECT id FROM t", "LOCK TABLE t, other", "table public.t"},
		{"SELECT id FROM t", "REINDEX TABLE t", "table public.t"},
		{"SELECT id FROM v", "ALTER TABLE t ADD x int", "table public.t"},
		{"SELECT id FROM v", "DROP VIEW v", "table public.v"},
		{"SELECT id FROM parted", "TRUNCATE part", "table public.part"},
	} {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "BEGIN; "+tt.lock); err != nil {
			t.Fatal(err)
		}
		db := open(t, Config{URL: url, Query: tt.query, LockTimeout: 50 * time.Millisecond})
		err = db.Scan(t.Context(), func([][]byte) error { return nil })
		want := fmt.Sprintf(" (%s, locked by process %d): somebody holds a lock, such as that of ALTER TABLE: the next run tries again", tt.want, conn.PgConn().PID())
		var e *Error
		if !errors.As(err, &e) || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "public.other") || e.Config {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.lock, err, want)
		}
		_ = conn.Close(context.Background())
	}
}

// TestLockOfAPreparedTransaction: it has no process, and no session that could end.
func TestLockOfAPreparedTransaction(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int)", "BEGIN; LOCK TABLE t; PREPARE TRANSACTION 'it''s forgotten'")
	defer func() { run(t, url, "ROLLBACK PREPARED 'it''s forgotten'") }()
	_, err := open(t, Config{URL: url, Query: "SELECT id FROM t", LockTimeout: 50 * time.Millisecond}).Columns(t.Context())
	const want = "(table public.t, locked by the prepared transaction 'it''s forgotten': end it with COMMIT PREPARED or ROLLBACK PREPARED): "
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
