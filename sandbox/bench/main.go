// Command bench measures the job on this machine against PostgreSQL's own export of the same query, and writes what
// it found as a table. It takes its readings in turns, so that whatever else the machine does strikes all of them
// alike, and reports medians.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	job       string // the job's binary
	dir       string // where orm.py is, and RESULTS.md and chart.svg go
	queryFile string // of the job's default query
	posts     int    // rows of the table that most is measured on
	reps      int
	orm       int // repetitions of yardstick B, which takes long
	change    int // runs after a small change
	large     bool
	compare   string         // another binary of the job, measured in turns with ours
	only      *regexp.Regexp // readings to take
}

func main() {
	var o options
	flag.StringVar(&o.job, "job", "bin/job", "the job's binary")
	flag.StringVar(&o.dir, "dir", "bench", "folder of orm.py, and for RESULTS.md and chart.svg")
	flag.StringVar(&o.queryFile, "query", "job/internal/config/query.sql", "file of the job's default query")
	flag.IntVar(&o.posts, "posts", 300_000, "posts to generate; 54.7 % of them become documents")
	flag.IntVar(&o.reps, "reps", 7, "repetitions")
	flag.IntVar(&o.orm, "orm", 2, "repetitions of the Python way")
	flag.IntVar(&o.change, "changes", 30, "runs after a change of 0.1 %")
	flag.BoolVar(&o.large, "large", false, "measure 3,000,000 documents too")
	flag.StringVar(&o.compare, "compare", "", "another binary of the job, to take readings of in turns")
	only := flag.String("only", "", "take only readings whose name matches this regular expression, and write no report")
	asServices := flag.Bool("services", false, "be the process of the stand-ins; for the bench itself")
	flag.Parse()
	o.only = regexp.MustCompile(*only)
	if err := run(o, *asServices); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(o options, asServices bool) error {
	if asServices {
		return serveServices(os.Getenv("BENCH_PASSWORD"), os.Stdin, os.Stdout)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"prepare", b.prepare},
		{"take turns", b.turns},
		{"change 0.1 %", b.changes},
		{"3,000,000 rows", b.large},
	}
	for _, step := range steps {
		start := time.Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s took %.1fs\n", step.name, time.Since(start).Seconds())
	}
	if o.only.String() != "" {
		return b.show(os.Stderr)
	}
	return b.report()
}
