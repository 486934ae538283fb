package reconcile

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/source"
	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/storage"
	"vertexmetadata/sandbox/testkit"
)

// The servers of all tests of this package. Every test has its own schema and bucket in them: a database of its own takes a
// quarter of a second to make.
var (
	database string // its URL
	objects  *storage.Server
	worlds   atomic.Int64
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		server, err := postgres.Start(context.Background(), postgres.Options{InMemory: true})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Close()
		if database, err = server.NewDatabase(context.Background(), "worlds"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if objects, err = storage.Start(storage.Options{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer objects.Close()
		if err := os.Setenv("STORAGE_EMULATOR_HOST", objects.Addr()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// query reads the documents of a world.
const query = `SELECT id, body, score, 'gs://images/' || id AS content_uri, mime AS content_mime_type FROM docs`

// world is one source, one bucket and one data store, and what is known of them.
type world struct {
	t      *testing.T
	conn   *pgx.Conn
	url    string
	bucket string
	engine *discoveryengine.Server // its own, to behave as one test wants
	store  *discoveryengine.DataStore
	logged int // requests of the bucket before resetLog
	config datastore.Config
	set    Settings
	now    func() time.Time

	progress func(rows, about int64)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	name := fmt.Sprintf("world%d", worlds.Add(1))
	url := database + "&search_path=" + name
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	objects.CreateBucket(name)
	engine, err := discoveryengine.Start(discoveryengine.Options{Storage: objects})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	w := &world{
		t: t, conn: conn, url: url, bucket: name, engine: engine,
		store:  engine.CreateDataStore(discoveryengine.StoreConfig{Project: "project", ID: name}),
		config: datastore.Config{Project: "project", DataStore: name, Endpoint: engine.Addr(), Budget: 2 * time.Second},
		set: Settings{
			Query: query, ImportWait: 20 * time.Second, FullSyncInterval: 24 * time.Hour,
			MaxDeleteRatio: 0.5, MaxChangeRatio: 1, MaxFailed: config.Limit{Share: 1}, DataStore: name,
		},
	}
	w.exec(`CREATE SCHEMA ` + name)
	w.exec(`CREATE TABLE docs (id text, body text, score double precision DEFAULT 1, mime text DEFAULT 'image/png')`)
	return w
}

// exec changes the source. The statistics of the change are flushed at once, so that the next run can see them.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	testkit.Exec(w.t, w.conn, sql, args...)
}

// fill makes documents doc-00001 to doc-n.
func (w *world) fill(n int) {
	w.t.Helper()
	w.exec(`INSERT INTO docs (id, body) SELECT 'doc-' || lpad(g::text, 5, '0'), 'body ' || g FROM generate_series(1, $1) g`, n)
}

// inject puts a fault of the world's own bucket in force.
func (w *world) inject(f storage.Fault) *storage.Injection {
	f.Bucket = w.bucket
	return objects.Inject(f)
}

// requests are those of the world's bucket since the last resetLog.
func (w *world) requests() []storage.Request {
	return slices.DeleteFunc(objects.Log(), func(r storage.Request) bool { return r.Bucket != w.bucket })[w.logged:]
}

func (w *world) resetLog() {
	w.logged = 0
	w.logged = len(w.requests())
}

// result is what a run did.
type result struct {
	Summary
	err error
	log string
}

// run does one sync as a process would, with its own connections.
func (w *world) run(change ...func(*Settings)) result {
	w.t.Helper()
	return w.runContext(w.t.Context(), change...)
}

func (w *world) runContext(ctx context.Context, change ...func(*Settings)) result {
	w.t.Helper()
	r := w.process(ctx, change...)
	w.gone()
	return r
}

// process is a run whose connection may live on for a moment.
func (w *world) process(ctx context.Context, change ...func(*Settings)) result {
	w.t.Helper()
	set := w.set
	for _, c := range change {
		c(&set)
	}
	var log bytes.Buffer
	run := Run{Settings: set, Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: w.now, Progress: w.progress}
	summary, err := func() (Summary, error) {
		clients, err := w.open(ctx, set)
		if err != nil {
			return Summary{Outcome: Failed}, err
		}
		defer clients.close()
		run.Clients = clients.Clients
		return run.Sync(ctx)
	}()
	if w.t.Failed() || testing.Verbose() {
		w.t.Logf("run: %+v %v\n%s", summary, err, log.String())
	}
	return result{summary, err, log.String()}
}

// gone waits until PostgreSQL has noticed that the connection of the last run is closed, and has freed its locks.
func (w *world) gone() {
	w.t.Helper()
	for n, deadline := 1, time.Now().Add(20*time.Second); n > 0; {
		if time.Now().After(deadline) {
			w.t.Fatalf("%d connections of %s are still open", n, w.application())
		}
		err := w.conn.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`, w.application()).Scan(&n)
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// awaitOperations waits until the service has done all that it was asked for.
func (w *world) awaitOperations() {
	w.t.Helper()
	if err := w.engine.Wait(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// application names the connections of a world's runs.
func (w *world) application() string { return "vertex-metadata-sync " + w.bucket }

type openClients struct{ Clients }

func (w *world) open(ctx context.Context, set Settings) (c openClients, err error) {
	if c.DB, err = source.Open(ctx, source.Config{URL: w.url, Query: set.Query, ApplicationName: w.application()}); err != nil {
		return c, err
	}
	if c.Bucket, err = bucket.Open(ctx, bucket.Config{Name: w.bucket, Budget: w.config.Budget}); err != nil {
		return c, err
	}
	c.Store, err = datastore.Open(ctx, w.config)
	return c, err
}

func (c openClients) close() {
	if c.DB != nil {
		c.DB.Close(context.Background())
	}
	if c.Bucket != nil {
		c.Bucket.Close()
	}
	if c.Store != nil {
		c.Store.Close()
	}
}

// testLogger logs to the test.
func testLogger(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// contextWithCancel returns the test's context with an end of its own.
func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
