package source_test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/source"
	"vertexmetadata/sandbox/postgres"
)

// BenchmarkRead compares reading, encoding and hashing 165,000 documents out of 300,000 posts with the yardstick: psql
// throwing away the same rows in binary. The stages take turns, because a machine is rarely quiet for as long as one of
// them takes; the medians and the ratio to the yardstick are reported.
//
//	go test ./internal/source -run '^$' -bench Read -benchtime 15x
func BenchmarkRead(b *testing.B) {
	url := source.PostsDatabase(b, 300_000)
	db, err := source.Open(b.Context(), source.Config{URL: url, Query: source.PostsQuery})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close(b.Context())
	encoder, psql := postsEncoder(b, db), psqlPath(b)
	read := func(fn func(row [][]byte) error) func() error {
		return func() error { err := db.Scan(b.Context(), fn); return err }
	}
	nothing := func([][]byte) error { return nil }
	var line []byte
	var bytes, documents int
	var sum uint64
	stages := []struct {
		name string
		run  func() error
		took []float64 // milliseconds
	}{
		{name: "yardstick", run: func() error {
			return exec.Command(psql, url, "-c", "COPY ("+source.PostsQuery+") TO STDOUT (FORMAT binary)").Run() // to the null device
		}},
		{name: "scan", run: read(nothing)},
		{name: "all", run: read(func(row [][]byte) error {
			var v document.Verdict
			if line, v = encoder.Append(line[:0], row); v.Outcome == document.Document {
				sum ^= document.Hash(line)
				bytes += len(line)
				documents++
			}
			return nil
		})},
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		for i := range stages {
			start := time.Now()
			if err := stages[i].run(); err != nil {
				b.Fatal(err)
			}
			stages[i].took = append(stages[i].took, float64(time.Since(start).Microseconds())/1000)
		}
	}
	runtime.ReadMemStats(&after)
	for _, s := range stages {
		b.ReportMetric(median(s.took), s.name+"-ms")
	}
	b.ReportMetric(median(stages[2].took)/median(stages[0].took), "all/yardstick")
	b.ReportMetric(slices.Min(stages[2].took)/slices.Min(stages[0].took), "best/best")
	b.ReportMetric(float64(documents)/float64(b.N), "documents")
	b.ReportMetric(float64(bytes)/float64(b.N)/1e6, "MB")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(documents), "allocs/document")
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// BenchmarkIdleTick is all that a tick needs of the database when nothing changed: the connection and the evidence.
func BenchmarkIdleTick(b *testing.B) {
	url := source.PostsDatabase(b, 10_000)
	for b.Loop() {
		db, err := source.Open(b.Context(), source.Config{URL: url, Query: source.PostsQuery})
		if err != nil {
			b.Fatal(err)
		}
		if s, err := db.TableStats(b.Context()); err != nil || s.Reason != "" {
			b.Fatal(s, err)
		}
		db.Close(b.Context())
	}
}

func postsEncoder(b *testing.B, db *source.DB) *document.Encoder {
	columns, err := db.Columns(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return document.NewEncoder(columns, document.Options{})
}

func psqlPath(b *testing.B) string {
	if path, err := exec.LookPath("psql"); err == nil {
		return path
	}
	dir, err := postgres.FindBinaries()
	if err != nil {
		b.Fatal(err)
	}
	return filepath.Join(dir, "psql")
}

// BenchmarkFirstRow is a cold start as far as the database is concerned: connect, check the query, read one row.
func BenchmarkFirstRow(b *testing.B) {
	url := source.SharedServer().URL("")
	for b.Loop() {
		db, err := source.Open(b.Context(), source.Config{URL: url, Query: "SELECT 'x' AS id, ARRAY[1] AS a"})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Scan(b.Context(), func([][]byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
		db.Close(b.Context())
	}
}
