package main

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/postgres"
)

// newServer returns a database server of the test's own, which it may restart.
func newServer(t *testing.T) *postgres.Server {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{TCP: true, Password: newSecret("own-")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// Queries that take long to return all of docs. The rows of inPieces are large enough to be sent one by one, so that the
// server notices at once when nobody takes them any more.
const (
	slowly   = `SYNC_QUERY=` + columns + nap
	inPieces = `SYNC_QUERY=` + columns + `, repeat('x', 9000) AS padding` + nap

	columns = `SELECT id, body, 'gs://images/' || id AS content_uri, 'image/png' AS content_mime_type`
	nap     = ` FROM docs, LATERAL (SELECT pg_sleep(0.1) WHERE id <> '') AS nap`
)

// reading reports whether a run is in the middle of its read.
func (w *world) reading() bool {
	w.t.Helper()
	var n int
	if err := w.conn.QueryRow(w.t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name LIKE 'vertex-metadata-sync%' AND state = 'active' AND wait_event = 'PgSleep'`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n > 0
}

// The database goes away in the middle of a read: the run says so and fails, nothing is imported, the next one is right.
func TestDatabaseLostDuringRead(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	ctx := context.Background()
	restart := func(t *testing.T) {
		if err := server.Restart(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		lose func(t *testing.T)
		want string
	}{
		{"restarted", restart, "read rows: terminating connection due to administrator command: the next run reads again"},
		{"crashed", func(t *testing.T) {
			if err := server.Kill(); err != nil {
				t.Fatal(err)
			}
			restart(t)
		}, "read rows: "},
		{"connection cut", func(*testing.T) { server.Proxy().Cut() }, "read rows: the connection was lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newDocs(t, server, 300)
			w.env["DATABASE_URL"] = server.TCPURL(w.name)
			w.sync("imported")
			w.exec(`UPDATE docs SET body = body || '!'`)
			p := w.start(nil, inPieces)
			w.until("the read", w.reading)
			tt.lose(t)
			r := p.wait()
			w.want(r, "failed")
			if got := failures(r); len(got) != 1 || !strings.HasPrefix(got[0], "sync failed: "+tt.want) {
				t.Errorf("got  %q\nwant %s", got, tt.want)
			}
			if last := r.last(t); last["upserted"] != 0.0 {
				t.Errorf("upserted %v", last["upserted"])
			}
			w.connect()
			w.recover()
		})
	}
}

// The database is restarted while the run waits for its import. Its lock is lost, so another run may be at work: it
// commits nothing, and the next one picks the import up.
func TestDatabaseRestartedWhileAnImportIsAwaited(t *testing.T) {
	server := newServer(t)
	w := newDocs(t, server, 300)
	engine.Hold()
	defer engine.Release()
	p := w.start(nil)
	w.until("the import", w.importing)
	if err := server.Restart(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.connect()
	engine.Release()
	r := p.wait()
	w.want(r, "failed")
	want := `sync failed: append to the ledger: the database session that holds this run's lock is gone: check session of database "` + w.name +
		`" as user "app" at socket ` + server.SocketDir() + `/.s.PGSQL.5432: the connection was lost: the next run tries again`
	if got := failures(r); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w.sync("imported")
	w.wantInStep()
	if full := w.store.Stats().ImportsFull; full != 1 {
		t.Errorf("%d full imports, want the first one only", full)
	}
}

// importing reports whether the data store's last import runs, and its run has written that down.
func (w *world) importing() bool {
	ledger := objects.List(w.name, revisions)
	if len(ledger) == 0 {
		return false
	}
	data, err := objects.Read(w.name, ledger[len(ledger)-1].Name)
	return err == nil && strings.Contains(string(data), `"operation":"projects/`)
}

// revisions is where the ledger is.
const revisions = "metadata/.sync/v2/ledger/"

// A run that hangs longer than the schedule's interval: the next one leaves the work to it, and the one after its end
// continues.
func TestRunThatHangs(t *testing.T) {
	t.Parallel()
	w := newDocs(t, database, 50)
	w.sync("imported")
	w.exec(`UPDATE docs SET body = body || '!'`)
	p := w.start(nil, slowly)
	w.until("the read", w.reading)
	for range 2 {
		w.sync("skipped")
	}
	p.signal(syscall.SIGKILL)
	if r := p.wait(); r.code != -1 {
		t.Fatalf("exit %d", r.code)
	}
	w.recover()
}

// Two runs begin at the same moment: one does the work, the other leaves it to the first.
func TestTwoRunsAtOnce(t *testing.T) {
	w := newDocs(t, database, 50)
	engine.Hold()
	defer engine.Release()
	first, second := w.start(nil, "IMPORT_WAIT=1s"), w.start(nil, "IMPORT_WAIT=1s")
	outcomes := map[any]int{}
	for _, p := range []*process{first, second} {
		outcomes[p.wait().last(t)["outcome"]]++
	}
	if outcomes["pending"] != 1 || outcomes["skipped"] != 1 {
		t.Errorf("outcomes %v, want one pending and one skipped", outcomes)
	}
	engine.Release()
	w.run(nil)
	w.wantInStep()
}

// A role that may read what the query reads needs no other right, not even for the table statistics.
func TestRoleThatMayOnlyRead(t *testing.T) {
	w := newDocs(t, database, 20)
	admin, err := pgx.Connect(t.Context(), database.AdminURL(w.name))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	password := newSecret("reader-")
	for _, sql := range []string{"CREATE ROLE reader LOGIN PASSWORD '" + password + "'", "GRANT SELECT ON docs TO reader"} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	reader := []variable{variable("DATABASE_URL=" + database.URLAs("reader", password, w.name)), "RESCAN_INTERVAL=1h"}
	w.sync("imported", reader...)
	w.sync("unchanged", reader...)
	w.exec(`UPDATE docs SET body = 'changed' WHERE id = 'doc-0001'`)
	w.flushStatistics()
	if r := w.sync("imported", reader...); !strings.Contains(r.stderr, `"why":"table statistics or definitions changed"`) {
		t.Errorf("it did not go by the statistics:\n%s", r.stderr)
	}
	w.wantInStep()
}
