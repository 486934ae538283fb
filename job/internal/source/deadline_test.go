package source

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopped halts a server process, as a machine out of memory or a debugger does: it answers nothing, not even a request to
// cancel.
func stopped(t *testing.T, db *DB) {
	t.Helper()
	pid, err := strconv.Atoi(db.pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
}

// TestSilentServer: whatever the server does, each statement ends, and the error says which process did not answer.
func TestSilentServer(t *testing.T) {
	const answer = "server process %s gave no answer within %v (%s): look at it with SELECT * FROM pg_stat_activity WHERE pid = %[1]s, and end it with SELECT pg_terminate_backend(%[1]s) or by a restart"
	for name, tt := range map[string]struct {
		try   func(t *testing.T, db *DB) error
		op    string
		limit func(c *Config) time.Duration
	}{
		"query": {func(t *testing.T, db *DB) error { _, err := db.Columns(t.Context()); return err }, "prepare the query", ownLimit},
		"lock":  {func(t *testing.T, db *DB) error { _, err := tryLock(t.Context(), db, "k"); return err }, "take lock k", ownLimit},
		"statistics": {func(t *testing.T, db *DB) error {
			_, err := db.TableStats(t.Context())
			return err
		}, "prepare the query", ownLimit},
		"check": {func(t *testing.T, db *DB) error { return db.Check(t.Context()) }, "check session of %s", ownLimit},
		"read": {func(t *testing.T, db *DB) error {
			err := db.Scan(t.Context(), func([][]byte) error { return nil })
			return err
		}, "read rows", func(c *Config) time.Duration { return c.StatementTimeout + spareTime }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, Config{URL: server.URL(""), Query: "SELECT 1 AS id"})
			// Short times in place of the real ones, which are known to be used: the error names them.
			db.config.LockTimeout, db.config.StatementTimeout = 200*time.Millisecond-spareTime, 200*time.Millisecond-spareTime
			if name == "read" {
				db.config.LockTimeout = time.Second
				if _, err := db.Columns(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			stopped(t, db)
			begin := time.Now()
			err := tt.try(t, db)
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			op, where := tt.op, " ("+db.where+")"
			if strings.Contains(op, "%s") {
				op, where = fmt.Sprintf(op, db.where), ""
			}
			want := op + ": " + fmt.Sprintf(answer, db.pid, tt.limit(&db.config), "WHERE")
			want = strings.Replace(want, " (WHERE)", where, 1)
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			begin = time.Now()
			db.Close(t.Context())
			if took := time.Since(begin); took > 4*time.Second {
				t.Errorf("Close took %v", took)
			}
		})
	}
}

func ownLimit(c *Config) time.Duration { return c.LockTimeout + spareTime }

// TestSilentSource: a statement that ignores its timeout because it waits for somebody else's server is ended from here.
func TestSilentSource(t *testing.T) {
	db := open(t, Config{URL: server.URL(""), Query: "SELECT 1 AS id, pg_sleep(60)::text AS t", StatementTimeout: time.Hour})
	db.config.StatementTimeout = 200*time.Millisecond - spareTime
	begin := time.Now()
	err := db.Scan(t.Context(), func([][]byte) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "server process "+db.pid+" gave no answer within 200ms") || time.Since(begin) > 5*time.Second {
		t.Errorf("after %v got %v", time.Since(begin), err)
	}
}

// TestSilentPeer: a server that accepts and says nothing.
func TestSilentPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	begin := time.Now()
	_, err = Open(t.Context(), Config{URL: "postgres://u@" + l.Addr().String() + "/d?sslmode=disable&connect_timeout=1"})
	if err == nil || !strings.Contains(err.Error(), "no answer in time") || time.Since(begin) > 5*time.Second {
		t.Errorf("after %v got %v", time.Since(begin), err)
	}
}
