package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/sample"
)

// bench is the machinery and what it has measured so far.
type bench struct {
	options
	query    string
	db       *postgres.Server
	services *services
	psql     string
	root     int // PostgreSQL's first process
	base     job // the job, but for database, bucket and data store
	began    time.Time
	load     []string // load averages at the beginning and the end
	ctx      context.Context
	readings int
	restless int // readings that were taken although others kept the processors busy

	series  map[string][]usage
	cold    map[string][]time.Duration // until the first query, by what was cold
	traffic []map[string]traffic       // of each run after a change
	imports []discoveryengine.Stats    // of each run after a change
	idle    map[string]int64           // reads of the source tables by all idle ticks, by series
	objects map[string]int             // most objects that an idle tick read, by series
	waited  time.Duration              // for calm moments, by all readings
}

func newBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{
		ctx: ctx, options: o, began: time.Now(), series: map[string][]usage{}, cold: map[string][]time.Duration{}, idle: map[string]int64{}, objects: map[string]int{},
	}
	query, err := os.ReadFile(o.queryFile)
	if err != nil {
		return nil, err
	}
	b.query = strings.TrimSpace(string(query))
	b.noteLoad()
	if b.db, err = postgres.Start(ctx, postgres.Options{}); err != nil {
		return nil, err
	}
	if b.services, err = startServices(b.db.Password()); err != nil {
		b.close()
		return nil, err
	}
	if b.psql, err = findPSQL(); err != nil {
		b.close()
		return nil, err
	}
	b.base = job{path: o.job, env: []string{
		"STORAGE_EMULATOR_HOST=" + b.services.addrs.Storage, "DISCOVERYENGINE_ENDPOINT=" + b.services.addrs.DiscoveryEngine,
		"SECRETMANAGER_ENDPOINT=" + b.services.addrs.SecretManager, "PROJECT_ID=" + project,
		"SYNC_QUERY=" + b.query, "RESCAN_INTERVAL=0",
	}}
	return b, nil
}

func findPSQL() (string, error) {
	if path, err := exec.LookPath("psql"); err == nil {
		return path, nil
	}
	dir, err := postgres.FindBinaries()
	return filepath.Join(dir, "psql"), err
}

func (b *bench) close() {
	if b.services != nil {
		b.services.close()
	}
	_ = b.db.Close() // throw-away
}

func (b *bench) noteLoad() {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return
	}
	b.load = append(b.load, strings.Join(strings.Fields(string(text))[:3], " "))
}

// on returns the job for a database, with a bucket and a data store of one name.
func (b *bench) on(database, name string, env ...string) job {
	return b.base.with("DATABASE_URL="+b.db.URL(database), "GCS_BUCKET="+name, "DATA_STORE_ID="+name).with(env...)
}

// prepare makes the databases, and what the data stores hold of them.
func (b *bench) prepare(ctx context.Context) error {
	for name, posts := range map[string]int{"posts": b.posts, "few": 10_000} {
		if err := b.generate(ctx, name, posts); err != nil {
			return err
		}
		if err := b.fill(name, b.on(name, name)); err != nil {
			return err
		}
	}
	if err := b.fill(throttled, b.on("posts", throttled)); err != nil {
		return err
	}
	if err := b.ask("throttle " + throttled); err != nil {
		return err
	}
	if b.compare != "" {
		if err := b.fill(other, b.other(other)); err != nil {
			return err
		}
	}
	conn, err := pgx.Connect(ctx, b.db.URL("posts"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var session int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&session); err != nil {
		return err
	}
	b.root, err = parentOf(session)
	return err
}

func (b *bench) generate(ctx context.Context, name string, posts int) error {
	url, err := b.db.NewDatabase(ctx, name)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := sample.Generate(ctx, conn, posts, 1, sample.Options{}); err != nil {
		return err
	}
	// What a table's first reader would otherwise do, in its time.
	_, err = conn.Exec(ctx, "VACUUM (FREEZE, ANALYZE)")
	return err
}

// fill runs the job on an empty bucket and data store until it has nothing left to do.
func (b *bench) fill(name string, j job) error {
	if _, err := b.services.do("new", name); err != nil {
		return err
	}
	for range 10 {
		u, err := j.run()
		if err != nil {
			return err
		}
		if u.Outcome == "unchanged" {
			return nil
		}
	}
	return fmt.Errorf("fill %s: the job does not come to rest", name)
}

// measure takes the reading of one run under a name. want is the outcome that the run must have.
func (b *bench) measure(name, want string, run func() (usage, error)) error {
	b.readings++
	b.awaitCalm(b.ctx)
	before, err := b.services.do("look", "")
	if err != nil {
		return err
	}
	database, err := childrenCPU(b.root)
	if err != nil {
		return err
	}
	u, err := run()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if u.Outcome != want {
		return fmt.Errorf("%s: the job ended as %q, want %q", name, u.Outcome, want)
	}
	time.Sleep(30 * time.Millisecond) // until the session has ended and is counted
	after, err := b.services.do("look", "")
	if err != nil {
		return err
	}
	if u.Database, err = childrenCPU(b.root); err != nil {
		return err
	}
	u.Database -= database
	u.Services = after.CPU - before.CPU
	b.series[name] = append(b.series[name], u)
	return nil
}

// jobsWorkMem is the work_mem that the job's sessions have, see its package source.
const jobsWorkMem = "32MB"

// copyOut is a reading of yardstick A: PostgreSQL's own binary export of the query, in a session with the given options.
func (b *bench) copyOut(name, database, query string, options ...string) error {
	return b.measure(name, "", func() (usage, error) {
		cmd := exec.Command(b.psql, b.db.URL(database), "-Xqc", "COPY ("+query+") TO STDOUT (FORMAT binary)")
		if len(options) > 0 {
			cmd.Env = append(os.Environ(), "PGOPTIONS="+strings.Join(options, " "))
		}
		return runProcess(cmd)
	})
}

// ormWay is yardstick B.
func (b *bench) ormWay() error {
	return b.measure("orm", "", func() (usage, error) {
		cmd := exec.Command(python(), filepath.Join(b.dir, "orm.py"))
		cmd.Env = []string{"DATABASE_URL=" + b.db.URL("posts"), "PATH=" + os.Getenv("PATH"), "PYTHONUTF8=1"}
		return runProcess(cmd)
	})
}

// python returns the Python that has what yardstick B needs, Debian's python3-sqlalchemy and python3-psycopg2, or "".
func python() string {
	for _, path := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(path, "-c", "import sqlalchemy, psycopg2").Run() == nil {
			return path
		}
	}
	return ""
}
