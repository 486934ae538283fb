package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vertexmetadata/job/internal/refusal"
)

func TestLocks(t *testing.T) {
	ctx := t.Context()
	url := database(t)
	a, b := open(t, Config{URL: url}), open(t, Config{URL: url})
	try := func(db *DB, key string, want bool) {
		t.Helper()
		if got, err := tryLock(ctx, db, key); err != nil || got != want {
			t.Errorf("tryLock(%s) = %v, %v, want %v", key, got, err, want)
		}
	}
	try(a, "store/0", true)
	try(a, "store/1", true)
	try(b, "store/0", false)
	try(b, "store/2", true)
	unlock(t, a, "store/0")
	try(b, "store/0", true)
	b.Close(ctx)
	waitForLock(t, a, "store/0", time.Second)
}

func TestCheckNoticesEnd(t *testing.T) {
	db := open(t, Config{URL: server.URL("")})
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, server.URL(""), "SELECT pg_terminate_backend("+db.pid+", 5000)")
	want := "check session of " + db.where + ": the connection was lost: the next run tries again"
	for range 2 { // the first may still find the server's last words, the second finds nothing
		if err := db.Check(t.Context()); err == nil || err.Error() != want && !strings.Contains(err.Error(), "terminating connection due to administrator command") {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestCheckNoticesMove: behind a pooler that moves sessions, no lock holds what it promises.
func TestCheckNoticesMove(t *testing.T) {
	db := open(t, Config{URL: server.URL("")})
	db.pid = "1"
	want := "check session of " + db.where + ": it moved to another server process, so its locks are lost: connect past the connection pooler, or pool by session"
	err := db.Check(t.Context())
	if e, ok := err.(*Error); !ok || !e.Config || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestLockOfDeadReader: a run that dies in the middle of a read, without a word, leaves its lock free in time.
func TestLockOfDeadReader(t *testing.T) {
	db := open(t, Config{URL: server.TCPURL(""), Query: "SELECT generate_series(1, 1000000) AS id, repeat('x', 1000) AS t"})
	if ok, err := tryLock(t.Context(), db, "dead"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	rows := 0
	err := db.Scan(t.Context(), func([][]byte) error {
		if rows++; rows == 10 {
			server.Proxy().Cut()
		}
		return nil
	})
	want := fmt.Sprintf("read rows (after %d, the last with id \"%d\"): the connection was lost (%s): the next run tries again", rows, rows, db.where)
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	waitForLock(t, open(t, Config{URL: server.URL("")}), "dead", 15*time.Second)
}

// TestSlowReader: when the server gives up on a reader that did not read, the error blames what was slow.
func TestSlowReader(t *testing.T) {
	db := open(t, Config{URL: server.TCPURL(""), Query: "SELECT generate_series(1, 1000000) AS id, repeat('x', 1000) AS t"})
	rows := 0
	err := db.Scan(t.Context(), func([][]byte) error {
		if rows++; rows == 10 {
			db.wire.conn.returned = time.Now().Add(-14 * time.Second) // as if this took so long
			server.Proxy().Cut()
		}
		return nil
	})
	want := fmt.Sprintf("read rows (after %d, the last with id \"%d\"): the connection was lost (%s), as nothing was read for 14s: "+
		"storage took the documents too slowly; the next run reads again", rows, rows, db.where)
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func waitForLock(t *testing.T, db *DB, key string, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		ok, err := tryLock(ctx, db, key)
		if locked := (*refusal.Advice)(nil); errors.As(err, &locked) {
			continue // a stranger's session that is about to end
		}
		if err != nil {
			t.Fatalf("lock %s is not free after %v: %v", key, limit, err)
		}
		if ok {
			return
		}
	}
}

// TestServerEndsInMidRead: a session that somebody ends while rows flow fails the read, in words that say so.
func TestServerEndsInMidRead(t *testing.T) {
	db := open(t, Config{URL: server.URL(""), Query: "SELECT generate_series(1, 1000000) AS id, repeat('x', 1000) AS t"})
	rows := 0
	err := db.Scan(t.Context(), func([][]byte) error {
		if rows++; rows == 10 {
			run(t, server.URL(""), "SELECT pg_terminate_backend("+db.pid+")")
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "terminating connection due to administrator command: the next run reads again") &&
		!strings.Contains(err.Error(), "the connection was lost") {
		t.Errorf("got %v", err)
	}
}

// TestStop: when the context or fn ends a read, Scan returns at once, and the session survives with its locks.
func TestStop(t *testing.T) {
	endless := Config{URL: server.URL(""), Query: "SELECT generate_series(1, 1000000000) AS id, repeat('x', 1000) AS t"}
	silent := Config{URL: server.URL(""), Query: "SELECT 1 AS id, pg_sleep(60)::text AS t"}
	fault := errors.New("disk on fire")
	tests := []struct {
		name   string
		config Config
		fn     func(stop context.CancelFunc) error
		want   string
	}{
		{"context, rows flowing", endless, func(stop context.CancelFunc) error { stop(); return nil }, "read rows: it was interrupted (%s)"},
		{"context, nothing flowing", silent, nil, "read rows: it was interrupted (%s)"},
		{"fn", endless, func(context.CancelFunc) error { return fault }, "disk on fire"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t, tt.config)
			if ok, err := tryLock(t.Context(), db, tt.name); !ok || err != nil {
				t.Fatal(ok, err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			if tt.fn == nil {
				if _, err := db.Columns(ctx); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(50*time.Millisecond, stop)
			}
			start := time.Now()
			err := db.Scan(ctx, func([][]byte) error { return tt.fn(stop) })
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
			want := tt.want
			if strings.Contains(want, "%s") {
				want = fmt.Sprintf(want, db.where)
			}
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			unlock(t, db, tt.name)
		})
	}
}

func TestStatementTimeout(t *testing.T) {
	db := open(t, Config{URL: server.URL(""), Query: "SELECT 1 AS id, pg_sleep(60)::text AS t", StatementTimeout: 100 * time.Millisecond})
	err := db.Scan(t.Context(), func([][]byte) error { return nil })
	const want = "read rows: canceling statement due to statement timeout: raise STATEMENT_TIMEOUT or make the query cheaper"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// tryLock takes a lock as a run does: false if another run holds it, an error if somebody else does.
func tryLock(ctx context.Context, db *DB, key string) (bool, error) {
	holder, err := db.Lock(ctx, key)
	if err == nil && holder != nil && !holder.Ours {
		err = holder.Locked(key)
	}
	return err == nil && holder == nil, err
}

// unlock gives a lock back, which a run leaves to the end of its session: the session survived with its lock.
func unlock(t *testing.T, db *DB, key string) {
	t.Helper()
	if rows, err := db.own(t.Context(), "release lock", "SELECT pg_advisory_unlock($1::int8)", lockNumber(key)); err != nil || string(rows[0][0]) != "t" {
		t.Errorf("release lock %s: %s, error %v", key, rows, err)
	}
}
