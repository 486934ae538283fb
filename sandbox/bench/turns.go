package main

import (
	"context"
	"fmt"
	"os/exec"

	"github.com/jackc/pgx/v5"
)

// reading is one of a turn.
type reading struct {
	name string
	take func() error
}

// turns takes one reading of everything after the other, again and again.
func (b *bench) turns(ctx context.Context) error {
	orm := 0
	if python() != "" && b.only.MatchString("orm") {
		orm = b.orm
	}
	turn := []reading{
		{"copy", func() error { return b.copyOut("copy", "posts", b.query) }},
		{"copy roomy", func() error { return b.copyOut("copy roomy", "posts", b.query, "-c work_mem="+jobsWorkMem) }},
		{"scan", func() error { return b.scan("scan", b.on("posts", "posts")) }},
		{"full", func() error { return b.firstFull("full", b.on("posts", "first", "IMPORT_WAIT=0s")) }},
		{"sink", func() error { return b.firstFull("sink", b.on("posts", "first", "IMPORT_WAIT=0s", b.toSink())) }},
		{"full again", func() error { return b.laterFull("full again", b.on("posts", "posts")) }},
		{"imported", func() error { return b.imported("imported", b.on("posts", "first")) }},
		{"start", b.help},
		{"tick few", func() error { return b.tick(ctx, "tick few", "few", b.on("few", "few")) }},
		{"tick posts", func() error { return b.tick(ctx, "tick posts", "posts", b.on("posts", "posts")) }},
		{"cold start", b.coldStart},
	}
	if b.compare != "" {
		turn = append(turn, b.otherTurn(ctx)...)
	}
	for i := range b.reps {
		for _, one := range turn {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !b.only.MatchString(one.name) {
				continue
			}
			if err := one.take(); err != nil {
				return err
			}
		}
		if i < orm {
			if err := b.ormWay(); err != nil {
				return err
			}
		}
	}
	return nil
}

// toSink points the job at the bucket that forgets the snapshot.
func (b *bench) toSink() string { return "STORAGE_EMULATOR_HOST=" + b.services.addrs.Sink }

// scan reads everything and finds nothing changed.
func (b *bench) scan(name string, j job) error {
	return b.measure(name, "unchanged", j.sync)
}

// firstFull fills an empty bucket and starts the import of it. The service does not work on it meanwhile: in the
// cloud it would do so elsewhere, here it would take our processor.
func (b *bench) firstFull(name string, j job) error {
	if err := b.ask("new first", "hold", "reset"); err != nil {
		return err
	}
	if err := b.measure(name, "pending", j.sync); err != nil {
		return err
	}
	return b.ask("new first", "release")
}

// laterFull is a full sync of what was imported before, which its next run finds done.
func (b *bench) laterFull(name string, j job) error {
	if err := b.ask("hold", "reset"); err != nil {
		return err
	}
	err := b.measure(name, "pending", func() (usage, error) { return j.with("IMPORT_WAIT=0s").run("--full") })
	if err != nil {
		return err
	}
	if err := b.ask("release"); err != nil {
		return err
	}
	_, err = j.run()
	return err
}

// imported is a first full sync up to the end of its import, the service's work on the same processor included.
func (b *bench) imported(name string, j job) error {
	if err := b.ask("new first", "reset"); err != nil {
		return err
	}
	return b.measure(name, "imported", j.sync)
}

// help starts the binary and does nothing with it: the baseline of every other wall time.
func (b *bench) help() error {
	return b.measure("start", "", func() (usage, error) {
		cmd := b.base.command("--help")
		return runProcess(cmd)
	})
}

// tick is a run that reads no table, as PostgreSQL's statistics show no change.
func (b *bench) tick(ctx context.Context, name, database string, j job) error {
	if err := b.ask("reset"); err != nil {
		return err
	}
	before, err := b.tableReads(ctx, database)
	if err != nil {
		return err
	}
	if err := b.measure(name, "unchanged", j.with("RESCAN_INTERVAL=1h").sync); err != nil {
		return err
	}
	seen, err := b.services.do("look", "")
	if err != nil {
		return err
	}
	reads := 0
	for _, kind := range seen.Traffic {
		reads += kind.Reads
	}
	b.objects[name] = max(b.objects[name], reads)
	after, err := b.tableReads(ctx, database)
	b.idle[name] += after - before
	return err
}

// tableReads counts the rows that were read from tables since the server's start. Scans of indexes are no measure: the
// planner looks at both ends of one to judge a join, which EXPLAIN does in every tick.
func (b *bench) tableReads(ctx context.Context, database string) (n int64, err error) {
	conn, err := pgx.Connect(ctx, b.db.URL(database))
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables").Scan(&n)
	return n, err
}

// coldStart measures how long the process takes to its first query, as in the cloud: the password from Secret
// Manager, the instance's socket. Once with the binary in the file cache, and once without.
func (b *bench) coldStart() error {
	for _, cache := range []string{"warm", "cold"} {
		if cache == "cold" {
			// https://www.gnu.org/software/coreutils/manual/html_node/dd-invocation.html: drops the file from the cache.
			if err := exec.Command("dd", "if="+b.base.path, "iflag=nocache", "count=0").Run(); err != nil {
				return fmt.Errorf("drop the binary from the file cache: %w", err)
			}
		}
		took, err := b.firstQuery()
		if err != nil {
			return err
		}
		b.cold[cache] = append(b.cold[cache], took)
	}
	return nil
}

// ask sends several requests to the services, such as "new first".
func (b *bench) ask(requests ...string) error {
	for _, r := range requests {
		var what, name string
		if _, err := fmt.Sscan(r, &what, &name); err != nil && what == "" {
			return err
		}
		if _, err := b.services.do(what, name); err != nil {
			return err
		}
	}
	return nil
}
