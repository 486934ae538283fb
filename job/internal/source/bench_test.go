package source_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/source"
	"vertexmetadata/sandbox/postgres"
)

// BenchmarkRead compares reading, encoding and hashing 165,000 documents out of 300,000 posts with the yardstick: psql
// throwing away the same rows in binary. The two alternate, because a machine is rarely quiet for as long as both take.
//
//	go test ./internal/source -run '^$' -bench Read -benchtime 15x
func BenchmarkRead(b *testing.B) {
	url := source.PostsDatabase(b, 300_000)
	db, err := source.Open(b.Context(), source.Config{URL: url, Query: source.PostsQuery})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close(b.Context())
	encoder := postsEncoder(b, db)
	psql := psqlPath(b)
	var line []byte
	var bytes, documents int64
	var sum uint64
	for _, variant := range []struct {
		name string
		run  func() error
	}{
		{"yardstick", func() error {
			cmd := exec.Command(psql, url, "-c", "COPY ("+source.PostsQuery+") TO STDOUT (FORMAT binary)")
			cmd.Stdout = nil // the null device
			return cmd.Run()
		}},
		{"scan", func() error {
			_, err := db.Scan(b.Context(), source.Share{}, func([][]byte) error { return nil })
			return err
		}},
		{"scan+encode+hash", func() error {
			bytes, documents = 0, 0
			_, err := db.Scan(b.Context(), source.Share{}, func(row [][]byte) error {
				var v document.Verdict
				line, v = encoder.Append(line[:0], row)
				if v.Outcome == document.Document {
					sum += document.Hash(line)
					bytes += int64(len(line))
					documents++
				}
				return nil
			})
			return err
		}},
		{"share 0 of 4", func() error {
			_, err := db.Scan(b.Context(), source.Share{Index: 0, Count: 4}, func([][]byte) error { return nil })
			return err
		}},
	} {
		b.Run(variant.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := variant.run(); err != nil {
					b.Fatal(err)
				}
			}
			if documents > 0 && variant.name == "scan+encode+hash" {
				b.SetBytes(bytes)
				b.ReportMetric(float64(documents), "documents")
			}
		})
	}
}

// BenchmarkIdleTick is all that a tick needs of the database when nothing changed: the connection and the evidence.
func BenchmarkIdleTick(b *testing.B) {
	url := source.PostsDatabase(b, 10_000)
	for b.Loop() {
		db, err := source.Open(b.Context(), source.Config{URL: url, Query: source.PostsQuery})
		if err != nil {
			b.Fatal(err)
		}
		if s, err := db.TableStats(b.Context()); err != nil || !s.Trusted {
			b.Fatal(s, err)
		}
		db.Close(b.Context())
	}
}

func postsEncoder(b *testing.B, db *source.DB) *document.Encoder {
	found, err := db.Columns(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	columns := make([]document.Column, len(found))
	for i, c := range found {
		columns[i] = document.Column{Name: c.Name, Kind: document.Kind(c.Kind)}
	}
	encoder, err := document.NewEncoder(columns, document.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return encoder
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
