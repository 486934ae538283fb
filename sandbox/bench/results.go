package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// report writes RESULTS.md and chart.svg.
func (b *bench) report() error {
	b.noteLoad()
	file, err := os.Create(filepath.Join(b.dir, "RESULTS.md"))
	if err != nil {
		return err
	}
	t := &text{}
	for _, part := range []func(*text){b.heading, b.targets, b.comparison, b.details, b.costs, b.changeTable, b.largeTable} {
		part(t)
	}
	t.line("%s", tried)
	if _, err := file.WriteString(strings.TrimSpace(t.String()) + "\n"); err != nil {
		_ = file.Close()
		return fmt.Errorf("write results: %w", err)
	}
	fmt.Print(t.String())
	return errors.Join(file.Close(), b.writeChart())
}

// text is what is being written.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// row is a row of a table.
func (t *text) row(cells ...string) { t.line("| %s |", strings.Join(cells, " | ")) }

func (t *text) table(heads ...string) {
	t.line("")
	t.row(heads...)
	t.line("|%s", strings.Repeat("---|", len(heads)))
}

// bytes is the size of the snapshot: a run counts what the service has accepted, so that of a run that saw its import's end.
func (b *bench) bytes() float64 { return float64(b.series["imported"][0].Bytes) }

func (b *bench) documents() int64 { return b.series["scan"][0].Documents }

func (b *bench) heading(t *text) {
	t.line("# Results of `make bench`\n")
	t.line("%s, %d posts of which %d become documents (%.0f MB), medians of %d interleaved repetitions; *least* is the best of them.",
		b.began.Format(time.DateOnly), b.posts, b.documents(), b.bytes()/1e6, b.reps)
	t.line("Machine: %d processors (%s), %s/%s, Go %s, PostgreSQL %s. The job, PostgreSQL and the stand-ins for Google's services share these processors.",
		runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH, strings.TrimPrefix(runtime.Version(), "go"), b.version())
	t.line("Load average (1, 5, 15 minutes) at the beginning %s, at the end %s.", b.load[0], b.load[len(b.load)-1])
	t.line("Of %d readings %d were taken although others kept the processors busy; the rest waited for a calm moment.", b.readings, b.restless)
	if v := pythonVersions(python()); v != "" {
		t.line("%s", v)
	}
	if info, err := os.Stat(b.job); err == nil {
		t.line("The job's binary has %.1f MB.", float64(info.Size())/1e6)
	}
}

// yardstick returns the series of the fastest COPY.
func (b *bench) yardstick() string {
	if roomy := b.series["copy roomy"]; len(roomy) > 0 && median(roomy, wall) < median(b.series["copy"], wall) {
		return "copy roomy"
	}
	return "copy"
}

// targets is the table that people come for.
func (b *bench) targets(t *text) {
	a := b.series[b.yardstick()]
	t.line("\n## Targets")
	t.table("what", "reading", "target", "met")
	verdict := func(what string, ok bool, reading, target string) { t.row(what, reading, target, yes(ok)) }
	ratio := func(what, series string, limit float64) {
		s := b.series[series]
		m, l := times(median(s, wall), median(a, wall)), times(least(s, wall), least(a, wall))
		verdict(what, m <= limit, fmt.Sprintf("%.2f × A (least/least %.2f)", m, l), fmt.Sprintf("≤ %.2f × A", limit))
	}
	ratio("scan that finds nothing changed", "scan", 1.15)
	ratio("first full sync with upload into a sink, without the stand-in's own share", "sink", 1.25)
	ratio("first full sync with upload into the sandbox's bucket", "full", 1.25)
	if orm := b.series["orm"]; len(orm) > 0 {
		for _, series := range []string{"sink", "full"} {
			m := times(median(orm, wall), median(b.series[series], wall))
			verdict(titles[series]+", against yardstick B", m >= 12, fmt.Sprintf("%.1f times faster (least/least %.1f)", m,
				times(least(orm, wall), least(b.series[series], wall))), "≥ 12 times")
		}
	} else {
		t.row("full sync against yardstick B", "not measured: needs python3-sqlalchemy and python3-psycopg2", "≥ 12 times", "-")
	}
	start := median(b.series["start"], wall)
	for _, database := range []string{"few", "posts", "many"} {
		if s := b.series["tick "+database]; len(s) > 0 {
			beyond := median(s, wall) - start
			verdict(fmt.Sprintf("idle tick at %d rows, beyond process start; rows of the tables and objects of the bucket that it reads", b.rows(database)),
				beyond <= 50*time.Millisecond && b.idle["tick "+database] == 0 && b.objects["tick "+database] <= 2,
				fmt.Sprintf("%.0f ms; %d; %d", ms(beyond), b.idle["tick "+database], b.objects["tick "+database]), "≤ 50 ms; 0; ≤ 2")
		}
	}
	if slow, change := b.series["change throttled"], b.series["change"]; len(slow) > 0 {
		m := times(median(slow, wall), median(change, wall))
		verdict("0.1 % changed, behind a bucket with one write a second to an object", m <= 1.1, fmt.Sprintf("%.2f × without (%.0f and %.0f ms)", m,
			ms(median(slow, wall)), ms(median(change, wall))), "≤ 1.10 × without")
	}
	memory := func(series string) {
		if s := b.series[series]; len(s) > 0 {
			limit := float64(64<<20) + 48*float64(s[0].Documents)
			verdict(fmt.Sprintf("peak memory, %s, %d documents", titles[series], s[0].Documents), float64(peak(s)) <= limit,
				mebibytes(float64(peak(s))), "≤ "+mebibytes(limit))
		}
	}
	for _, series := range []string{"scan", "full", "full again", "many full, posts", "many scan", "many full", "many full again"} {
		memory(series)
	}
	for _, cache := range []string{"warm", "cold"} {
		if d := b.cold[cache]; len(d) > 0 {
			m := median(d, same)
			verdict("start to first query, "+map[string]string{"warm": "binary in the file cache", "cold": "binary dropped from the file cache"}[cache],
				m < 150*time.Millisecond, fmt.Sprintf("%.0f ms", ms(m)), "< 150 ms")
		}
	}
}

func (b *bench) rows(database string) int {
	return map[string]int{"few": 10_000, "posts": b.posts, "many": 10 * b.posts}[database]
}

// titles say what the series are.
var titles = map[string]string{
	"copy": "psql, COPY … (FORMAT binary) to /dev/null, the server's work_mem", "copy roomy": "the same with the job's work_mem", "orm": "B: SQLAlchemy, an object a row, json.dumps a line, no upload",
	"scan": "scan, nothing changed", "sink": "first full sync into a sink", "full": "first full sync into the sandbox's bucket",
	"full again": "later full sync into the sandbox's bucket", "imported": "first full sync, import on the same processors included",
	"start":    "process start alone (job --help)",
	"tick few": "idle tick, 10,000 rows", "tick posts": "idle tick", "tick many": "idle tick, ten times the rows", "change": "0.1 % changed, import included",
	"change throttled": "0.1 % changed, one write a second to an object",
	"many copy":        "A, short rows", "many scan": "scan, short rows", "many full": "first full sync, short rows", "many full again": "later full sync, short rows",
	"many full, posts": "first full sync of ten times the posts, into a sink",
}

func (b *bench) detailRows(t *text, names ...string) {
	t.table("run", "wall", "least", "job's CPU", "PostgreSQL's CPU", "stand-ins' CPU", "peak memory")
	for _, name := range names {
		s := b.series[name]
		if len(s) == 0 {
			continue
		}
		t.row(titles[name], milliseconds(ms(median(s, wall))), fmt.Sprintf("%.0f ms", ms(least(s, wall))), fmt.Sprintf("%.0f ms", ms(median(s, cpu))),
			fmt.Sprintf("%.0f ms", ms(median(s, databaseCPU))), fmt.Sprintf("%.0f ms", ms(median(s, servicesCPU))), mebibytes(float64(peak(s))))
	}
}

func (b *bench) details(t *text) {
	t.line("\n## Readings\n")
	t.line("Where the import is not included, the service accepts it and does not work on it: in the cloud it would work elsewhere.")
	t.line("The rows of COPY and of B show psql and Python in the columns of the job. Processor time is the sum of all processes; PostgreSQL reports it with a resolution of 10 ms.")
	b.detailRows(t, "copy", "copy roomy", "scan", "sink", "full", "full again", "imported", "orm", "start", "tick few", "tick posts", "change", "change throttled")
	t.line("\n**The stand-in's own share of a full sync:** it uses %.0f ms of the same processors, where the sink, which forgets what it receives, uses %.0f ms.",
		ms(median(b.series["full"], servicesCPU)), ms(median(b.series["sink"], servicesCPU)))
	t.line("\n**Yardstick A** is the fastest COPY: the better of one with the server's own work_mem (4 MB, with which its join spills to disk) and one with %s, which the job gives its session.", jobsWorkMem)
}

// costs are what docs/SCALING.md reckons with.
func (b *bench) costs(t *text) {
	n := float64(b.documents())
	each := func(d time.Duration) string { return fmt.Sprintf("%.2f µs", ms(d)*1000/n) }
	t.line("\n## Per document")
	t.table("what", "scan", "full sync")
	scan, full := b.series["scan"], b.series["full"]
	t.row("wall", each(median(scan, wall)), each(median(full, wall)))
	t.row("PostgreSQL's CPU", each(median(scan, databaseCPU)), each(median(full, databaseCPU)))
	t.row("job's CPU", each(median(scan, cpu)), each(median(full, cpu)))
	t.row("bytes uploaded", "0", fmt.Sprintf("%.0f document + 25 manifest", b.bytes()/n))
	t.row("bytes of manifest read", "25 to 31", "25 to 31")
}

func (b *bench) changeTable(t *text) {
	if len(b.traffic) == 0 {
		return
	}
	n := float64(len(b.traffic))
	kinds := []string{"documents", "manifest", "ledger"}
	var upserted, bytes, incremental, full float64
	for i, u := range b.series["change"] {
		upserted, bytes = upserted+float64(u.Upserted), bytes+float64(u.Bytes)
		incremental += float64(b.imports[i].ImportsIncremental)
		full += float64(b.imports[i].ImportsFull)
	}
	t.line("\n## A change of 0.1 %%\n")
	t.line("%d changes one after the other, each with its run, so that the folding of the manifest is in the means: %.0f documents changed, %.0f sent (%.0f bytes), %.2f incremental and %.0f full imports a run.",
		len(b.traffic), upserted/n, upserted/n, bytes/n, incremental/n, full)
	t.table("objects", "into the bucket, mean", "most", "out of the bucket, mean", "most", "writes", "reads")
	for _, kind := range kinds {
		var in, out, mostIn, mostOut, writes, reads float64
		for _, run := range b.traffic {
			k := run[kind]
			in, out = in+float64(k.In), out+float64(k.Out)
			mostIn, mostOut = max(mostIn, float64(k.In)), max(mostOut, float64(k.Out))
			writes, reads = writes+float64(k.Writes), reads+float64(k.Reads)
		}
		t.row(kind, kilobytes(in/n), kilobytes(mostIn), kilobytes(out/n), kilobytes(mostOut), fmt.Sprintf("%.1f", writes/n), fmt.Sprintf("%.1f", reads/n))
	}
	t.line("\nThe service's own reading of the documents is not in it. Bound: a run reads at most 1.25 times the manifest (twice when it folds), and writes, folding included, about five entries for each document that changed.")
}

func (b *bench) largeTable(t *text) {
	t.line("\n## %d documents", 10*b.posts)
	if len(b.series["many scan"]) == 0 {
		t.line("\nNot measured in this run: `make bench LARGE=1`.")
		return
	}
	t.line("\nShort rows (`%s`), and once the posts themselves.", shortQuery)
	b.detailRows(t, "many copy", "many scan", "many full", "many full again", "many full, posts", "tick many")
}

func same(d time.Duration) time.Duration { return d }

func times(a, b time.Duration) float64 { return float64(a) / float64(b) }

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

func mebibytes(bytes float64) string { return fmt.Sprintf("%.1f MiB", bytes/(1<<20)) }

func milliseconds(ms float64) string { return fmt.Sprintf("%.0f ms", ms) }

func kilobytes(bytes float64) string { return fmt.Sprintf("%.1f kB", bytes/1e3) }

// processor is the processor's name as Linux reports it.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "of unknown make"
}

func (b *bench) version() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, b.db.URL("few"))
	if err != nil {
		return "of unknown version"
	}
	defer conn.Close(ctx)
	return conn.PgConn().ParameterStatus("server_version")
}

// pythonVersions says what yardstick B ran on.
func pythonVersions(python string) string {
	out, err := exec.Command(python, "-c", "import sys, sqlalchemy, psycopg2; print(sys.version.split()[0], sqlalchemy.__version__, psycopg2.__version__.split()[0])").Output()
	if err != nil {
		return ""
	}
	v := strings.Fields(string(out))
	return fmt.Sprintf("Yardstick B: Python %s, SQLAlchemy %s, psycopg2 %s.", v[0], v[1], v[2])
}
