package main

import (
	"context"
	"fmt"
)

// other is the bucket and the data store of the binary that ours is compared with, which may keep its state in a
// format of its own.
const other = "other"

// other returns that binary for the posts.
func (b *bench) other(name string, env ...string) job {
	j := b.on("posts", name, env...)
	j.path = b.compare
	return j
}

// otherTurn is the other binary's part of a turn.
func (b *bench) otherTurn(ctx context.Context) []reading {
	return []reading{
		{"other scan", func() error { return b.scan("other scan", b.other(other)) }},
		{"other full", func() error { return b.firstFull("other full", b.other("first", "IMPORT_WAIT=0s")) }},
		{"other tick", func() error { return b.tick(ctx, "other tick", "posts", b.other(other)) }},
	}
}

// comparison is the table of both binaries.
func (b *bench) comparison(t *text) {
	pairs := []struct{ what, ours, others string }{
		{"scan, nothing changed", "scan", "other scan"},
		{"first full sync into the sandbox's bucket", "full", "other full"},
		{"idle tick", "tick posts", "other tick"},
		{"0.1 % changed, import included", "change", "other change"},
	}
	if b.compare == "" {
		return
	}
	t.line("\n## Against another binary of the job\n")
	t.line("Both in the same turns, each with a bucket and a data store of its own. Medians; *least* is the best.")
	t.table("run", "this job", "the other", "this / other", "least / least", "CPU of job and PostgreSQL", "the other's", "peak memory", "the other's")
	for _, p := range pairs {
		ours, others := b.series[p.ours], b.series[p.others]
		if len(ours) == 0 || len(others) == 0 {
			continue
		}
		t.row(p.what, fmt.Sprintf("%.1f ms", ms(median(ours, wall))), fmt.Sprintf("%.1f ms", ms(median(others, wall))),
			fmt.Sprintf("%.2f", times(median(ours, wall), median(others, wall))), fmt.Sprintf("%.2f", times(least(ours, wall), least(others, wall))),
			milliseconds(ms(median(ours, allCPU))), milliseconds(ms(median(others, allCPU))), mebibytes(float64(peak(ours))), mebibytes(float64(peak(others))))
	}
}
