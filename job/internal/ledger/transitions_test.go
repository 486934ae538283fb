package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vertexmetadata/job/internal/failure"
)

var at = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// segment is a segment of one entry.
func segment(name string) *Segment { return &Segment{Name: name, Entries: 1} }

// settled is a ledger between two runs.
func settled() State {
	return State{
		Revision: 7, Complete: true, LastFull: at, Snapshot: []string{"old.jsonl"},
		Segments: []Segment{{Name: "full", Entries: 1}, {Name: "later", Entries: 1}},
		Scan:     Scan{At: at, Statistics: "before", Documents: 2},
	}
}

// TestTransitions: what each transition changes, and that it changes nothing of the state that it is given.
func TestTransitions(t *testing.T) {
	scan := Scan{At: at.Add(time.Hour), Statistics: "after", Documents: 3, Failures: failure.Tally{Count: 1}}
	work := Import{Documents: 1, Upserted: segment("up"), Removed: segment("gone"), Scan: scan}
	emptied := Import{Deletions: 1, Removed: segment("gone"), Scan: Scan{At: at, Emptied: true, Left: 7}}
	full := Import{Full: true, Documents: 1, Upserted: segment("up"), Objects: []string{"new.jsonl"}, Scan: scan}
	for name, tt := range map[string]struct {
		from func() State
		do   func(State) State
		want func(*State)
	}{
		"begin: nothing is believed of what is touched": {
			do: func(s State) State { return Begin(s, work, nil) },
			want: func(s *State) {
				s.Segments = append(s.Segments, Segment{Name: "up", Entries: 1, Unknown: true}, Segment{Name: "gone", Entries: 1, Unknown: true})
				s.Scan.Statistics, s.Pending = "", &work
			},
		},
		"begin of a full sync: the next is due until this one is confirmed": {
			do: func(s State) State { return Begin(s, full, nil) },
			want: func(s *State) {
				s.Segments = append(s.Segments, Segment{Name: "up", Entries: 1, Unknown: true})
				s.Scan.Statistics, s.Pending, s.LastFull = "", &full, time.Time{}
			},
		},
		"begin with a folded manifest": {
			do: func(s State) State { return Begin(s, work, segment("all")) },
			want: func(s *State) {
				s.Segments = []Segment{{Name: "all", Entries: 1}, {Name: "up", Entries: 1, Unknown: true}, {Name: "gone", Entries: 1, Unknown: true}}
				s.Scan.Statistics, s.Pending = "", &work
			},
		},
		"begin with a manifest that folded to nothing": {
			do: func(s State) State { return Begin(s, full, &Segment{}) },
			want: func(s *State) {
				s.Segments = []Segment{{Name: "up", Entries: 1, Unknown: true}}
				s.Scan.Statistics, s.Pending, s.LastFull = "", &full, time.Time{}
			},
		},
		"begin of an emptied source: what was allowed holds though the run may not end": {
			do: func(s State) State { return Begin(s, emptied, nil) },
			want: func(s *State) {
				s.Segments = append(s.Segments, Segment{Name: "gone", Entries: 1, Unknown: true})
				s.Scan.Statistics, s.Scan.Emptied, s.Scan.Left, s.Pending = "", true, 8, &emptied
			},
		},
		"started": {
			from: func() State { return Begin(settled(), work, nil) },
			do:   func(s State) State { return Started(s, "operation", 4) },
			want: func(s *State) {
				p := work
				p.Operation, p.Undeleted = "operation", 4
				s.Pending = &p
			},
		},
		"dropped: the marks are true already": {
			from: func() State { return Begin(settled(), work, nil) },
			do:   Dropped,
			want: func(s *State) { s.Pending = nil },
		},
		"confirmed": {
			from: func() State { return Started(Begin(settled(), work, nil), "operation", 0) },
			do:   func(s State) State { return Confirmed(s, Rejections{Failures: scan.Failures}) },
			want: func(s *State) {
				s.Segments = append(settled().Segments, Segment{Name: "up", Entries: 1}, Segment{Name: "gone", Entries: 1})
				s.Scan, s.Pending = scan, nil
			},
		},
		"confirmed, deletions failed": {
			from: func() State { return Started(Begin(settled(), work, nil), "operation", 4) },
			do:   func(s State) State { return Confirmed(s, Rejections{Failures: scan.Failures}) },
			want: func(s *State) {
				s.Segments = append(settled().Segments, Segment{Name: "up", Entries: 1}, Segment{Name: "gone", Entries: 1, Unknown: true})
				s.Scan, s.Pending = scan, nil
				s.Scan.Left = 4
			},
		},
		"confirmed, documents rejected": {
			from: func() State { return Begin(settled(), work, nil) },
			do: func(s State) State {
				return Confirmed(s, Rejections{Named: segment("rejected"), Unnamed: 2, Failures: failure.Tally{Count: 4}})
			},
			want: func(s *State) {
				s.Segments = append(settled().Segments, Segment{Name: "up", Entries: 1}, Segment{Name: "gone", Entries: 1}, Segment{Name: "rejected", Entries: 1})
				s.Scan, s.Pending, s.Unnamed = scan, nil, 2
				s.Scan.Failures.Count = 4
			},
		},
		"confirmed full sync: it is all that the data store holds": {
			from: func() State { return Begin(State{}, full, nil) },
			do:   func(s State) State { return Confirmed(s, Rejections{Failures: scan.Failures}) },
			want: func(s *State) {
				s.Segments = []Segment{{Name: "up", Entries: 1}}
				s.Complete, s.LastFull, s.Snapshot, s.Scan, s.Pending = true, scan.At, full.Objects, scan, nil
			},
		},
		"scanned": {
			do:   func(s State) State { return Scanned(s, scan, nil) },
			want: func(s *State) { s.Scan = scan },
		},
		"scanned with a folded manifest": {
			do:   func(s State) State { return Scanned(s, scan, segment("all")) },
			want: func(s *State) { s.Scan, s.Segments = scan, []Segment{{Name: "all", Entries: 1}} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			from := tt.from
			if from == nil {
				from = settled
			}
			given, want := from(), from()
			got := tt.do(given)
			tt.want(&want)
			opts := cmp.Options{cmpopts.IgnoreUnexported(failure.Tally{}), cmpopts.EquateEmpty()}
			if diff := cmp.Diff(want, got, opts); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(from(), given, opts); diff != "" {
				t.Errorf("the given state changed:\n%s", diff)
			}
		})
	}
}
