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
		"failed, without advice": {summary: failedSummary, err: errors.New("no\nroom"), want: "Failed after 62 ms: no; room\n  " + hintWait + "\n"},
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
		view  view
		text  string
		known bool
	}{
		"at first":                 {connecting(), "connecting ", false},
		"the first read":           {reading(1, 0), "1 row read ", false},
		"a read of known length":   {reading(12345, 50000), "12,345 of about 50,000 rows read ", true},
		"more rows than last time": {reading(50001, 50000), "50,001 rows read ", false},
		"uploading":                {entered(reconcile.Uploading, 9), "uploading 9 documents ", false},
		"importing":                {entered(reconcile.Importing, 1), "waiting for the import of 1 document ", false},
	} {
		if tt.view.text != tt.text || (tt.view.about > 0) != tt.known {
			t.Errorf("%s: %+v", name, tt.view)
		}
	}
}

// The time of a phase counts from its beginning, the rate of a read from its first row.
func TestPace(t *testing.T) {
	for name, tt := range map[string]struct {
		view   view
		lasted time.Duration
		want   string
	}{
		"connecting":             {connecting(), 2500 * time.Millisecond, " 2s"},
		"a read of known length": {reading(20000, 50000), 10 * time.Second, " 2,000 rows/s, 15s left"},
		"the first read":         {reading(20000, 0), 10 * time.Second, " 2,000 rows/s"},
		"no row yet":             {reading(0, 50000), 10 * time.Second, " 10s"},
		"at its end":             {reading(50000, 50000), 10 * time.Second, " 5,000 rows/s"},
		"importing":              {entered(reconcile.Importing, 1), 90 * time.Second, " 1m30s"},
	} {
		if got := tt.view.pace(tt.lasted); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	var s screen
	s.show(reading(1, 0))
	first := s.view.Load().begin
	s.show(reading(2, 0))
	if got := s.view.Load(); got.begin != first || got.rows != 2 {
		t.Errorf("the read began at %v and then at %v", first, got.begin)
	}
	if s.show(entered(reconcile.Uploading, 2)); s.view.Load().begin == first {
		t.Error("the next phase began with the read")
	}
}
