package source

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestSession: whatever the role prefers, the session is ours.
func TestSession(t *testing.T) {
	url := database(t)
	for _, s := range []string{"TimeZone = 'Asia/Tokyo'", "DateStyle = 'German'", "statement_timeout = 3000", "default_transaction_read_only = off", "client_encoding = 'SQL_ASCII'", "idle_session_timeout = 100"} {
		conn, err := pgx.Connect(t.Context(), server.AdminURL(""))
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Exec(t.Context(), fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET %s", server.User(), strings.TrimPrefix(databaseOf(t, url), "/"), s))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close(t.Context())
	}
	db := open(t, Config{URL: url, Query: "SELECT 1 AS id", StatementTimeout: 90 * time.Second})
	for name, want := range map[string]string{
		"TimeZone": "UTC", "DateStyle": "ISO, DMY", "client_encoding": "UTF8", "default_transaction_read_only": "on",
		"default_transaction_isolation": "repeatable read", "statement_timeout": "90s", "lock_timeout": "30s",
		"idle_in_transaction_session_timeout": "1min", "idle_session_timeout": "0", "application_name": "vertex-metadata",
		"client_connection_check_interval": "5s", "work_mem": "32MB",
	} {
		row, err := db.queryRow(t.Context(), "SELECT current_setting($1)", []byte(name))
		if err != nil {
			t.Fatal(err)
		}
		if string(row[0]) != want {
			t.Errorf("%s is %s, want %s", name, row[0], want)
		}
	}
	if _, err := db.queryRow(t.Context(), "CREATE TABLE t()"); err == nil {
		t.Error("the session may write")
	}
}

// TestWorkMem: joins get enough memory not to spill, unless somebody decided otherwise.
func TestWorkMem(t *testing.T) {
	for _, tt := range []struct{ name, alter, undo, want string }{
		{"nobody decided", "", "", "32MB"},
		{"for the database", "ALTER DATABASE %[2]s SET work_mem = '8MB'", "", "8MB"},
		{"for the role", "ALTER ROLE %[1]s SET work_mem = '8MB'", "ALTER ROLE %[1]s RESET work_mem", "8MB"},
		{"for the role in the database", "ALTER ROLE %[1]s IN DATABASE %[2]s SET work_mem = '8MB'", "", "8MB"},
		{"less for everybody", "ALTER ROLE ALL SET work_mem = '8MB'", "ALTER ROLE ALL RESET work_mem", "32MB"},
		{"more for everybody", "ALTER ROLE ALL SET work_mem = '1GB'", "ALTER ROLE ALL RESET work_mem", "1GB"},
		{"settings that nobody may see", "REVOKE SELECT ON pg_catalog.pg_settings FROM public", "", "4MB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := database(t)
			name := databaseOf(t, url)
			if tt.alter != "" {
				run(t, server.AdminURL(name), fmt.Sprintf(tt.alter+" -- %[1]s %[2]s", server.User(), name))
			}
			if tt.undo != "" {
				defer run(t, server.AdminURL(name), fmt.Sprintf(tt.undo+" -- %[1]s", server.User()))
			}
			row, err := open(t, Config{URL: url, Query: "SELECT 1 AS id"}).queryRow(t.Context(), "SELECT current_setting('work_mem')")
			if err != nil || string(row[0]) != tt.want {
				t.Errorf("work_mem is %s, %v, want %s", row, err, tt.want)
			}
		})
	}
}

// TestLockTimeout: a wait for a lock ends before the statement does, so that the error is about the lock.
func TestLockTimeout(t *testing.T) {
	for _, tt := range []struct {
		statement, lock time.Duration
		want            string
	}{
		{time.Minute, 10 * time.Second, "10s"},
		{3 * time.Second, 10 * time.Second, "1500ms"},
		{10 * time.Second, 10 * time.Second, "5s"},
		{0, 0, "30s"},
	} {
		db := open(t, Config{URL: server.URL(""), StatementTimeout: tt.statement, LockTimeout: tt.lock})
		if row, err := db.queryRow(t.Context(), "SHOW lock_timeout"); err != nil || string(row[0]) != tt.want {
			t.Errorf("%v and %v: waits %s for a lock, %v, want %s", tt.statement, tt.lock, row, err, tt.want)
		}
	}
}

// TestRefusedSetting: a server or a pooler that refuses a setting of the session is not the query's fault.
func TestRefusedSetting(t *testing.T) {
	db := &DB{where: "database d"}
	err := db.failure(t.Context(), "prepare session of database d", "", opening, &pgconn.PgError{Code: "42704", Message: `unrecognized configuration parameter "jit"`})
	const want = `prepare session of database d: unrecognized configuration parameter "jit": use PostgreSQL itself, and connect past a pooler that refuses settings`
	if err.Error() != want || !err.Config {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestOldServer(t *testing.T) {
	for version, want := range map[int]string{
		0: "", 11: "", 17: "",
		10: "prepare session of database d: it is PostgreSQL 10, which is too old: use PostgreSQL 11 or later",
	} {
		err := checkVersion("prepare session of database d", version)
		if got := fmt.Sprint(err); err == nil && want != "" || err != nil && got != want {
			t.Errorf("version %d: got %v, want %s", version, err, want)
		}
	}
}
