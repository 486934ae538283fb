package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"vertexmetadata/job/internal/reconcile"
	"vertexmetadata/job/internal/refusal"
)

// How a run ends on a terminal: a sentence or two, never more than three lines.
func TestSentences(t *testing.T) {
	for name, tt := range map[string]struct {
		sync    string
		summary reconcile.Summary
		err     error
		want    string
	}{
		"imported": {
			summary: reconcile.Summary{Outcome: reconcile.Imported, Documents: 16061, Upserted: 1, Deleted: 2, Bytes: 1594, Skipped: 4, Failed: 1},
			want:    "Done: 1 document sent (1,594 bytes), 2 deleted: 16,061 in sync (62 ms)\n  4 rows skipped for the MIME type; 1 document failed: job plan says why\n",
		},
		"unchanged, of several":  {sync: "posts", summary: reconcile.Summary{Outcome: reconcile.Unchanged, Documents: 1}, want: "posts: Nothing to do: 1 document in sync (62 ms)\n"},
		"an import is running":   {summary: reconcile.Summary{Outcome: reconcile.Pending, PendingAge: 123 * time.Second}, want: "Pending: the import has been running for 2m3s; the next run checks it (62 ms)\n"},
		"deletions are left":     {summary: reconcile.Summary{Outcome: reconcile.Pending, Deleted: 5000, Left: 11000}, want: "Pending: 5,000 deleted, 11,000 to delete; the next run continues (62 ms)\n"},
		"the service was busy":   {summary: reconcile.Summary{Outcome: reconcile.Pending}, want: "Pending: the next run finishes the import (62 ms)\n"},
		"another run is active":  {summary: reconcile.Summary{Outcome: reconcile.Skipped}, want: "Skipped: nothing was done, the line above says why (62 ms)\n"},
		"failed, with a remedy":  {sync: "posts", summary: failedSummary, err: fmt.Errorf("sync: %w", &refusal.Advice{Text: "no room\x1b", Remedy: "make room"}), want: "posts: Failed after 62 ms: sync: no room\\u001b\n  make room\n"},
		"failed, without advice": {summary: failedSummary, err: errors.New("no\nroom"), want: "Failed after 62 ms: no room\n  " + hintWait + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sentences(look{}, tt.sync, tt.summary, 62*time.Millisecond, tt.err); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// What stands below the logs in each phase.
func TestView(t *testing.T) {
	for name, tt := range map[string]struct {
		do    func(*view)
		text  string
		known bool
	}{
		"at first":                 {func(*view) {}, "connecting ", false},
		"the first read":           {func(v *view) { v.read(0, 0); v.read(1, 0) }, "1 row read ", false},
		"a read of known length":   {func(v *view) { v.read(12345, 50000) }, "12,345 of about 50,000 rows read ", true},
		"more rows than last time": {func(v *view) { v.read(50001, 50000) }, "50,001 rows read ", false},
		"uploading":                {func(v *view) { v.read(9, 9); v.enter(reconcile.Uploading, 9) }, "uploading 9 documents ", false},
		"importing":                {func(v *view) { v.read(9, 9); v.enter(reconcile.Importing, 1) }, "waiting for the import of 1 document ", false},
		"the next sync":            {func(v *view) { v.enter(reconcile.Importing, 1); v.reset() }, "connecting ", false},
	} {
		var v view
		tt.do(&v)
		if _, known := v.share(); v.text() != tt.text || known != tt.known {
			t.Errorf("%s: %q, length known: %v", name, v.text(), known)
		}
	}
}
