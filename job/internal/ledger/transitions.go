package ledger

import (
	"time"

	"vertexmetadata/job/internal/failure"
)

// Whether a segment that is appended counts.
const (
	unknown   = true
	confirmed = false
)

// Begin records work before anything of it is sent: from now on nothing is believed of the ids that it touches. A full
// sync is due until one is confirmed, since a full import that fails may have removed documents; and the next run reads
// the source again unless this work is confirmed. folded replaces the manifest's segments by one that says the same; one
// without entries has no name. nil: they stay.
func Begin(s State, w Import, folded *Segment) State {
	s = fold(s, folded)
	s.Segments = with(s.Segments, w.Upserted, unknown)
	s.Segments = with(s.Segments, w.Removed, unknown)
	if w.Full {
		s.LastFull = time.Time{}
	}
	s.Scan.Statistics = ""
	s.Scan.Left, s.Scan.Emptied = w.Scan.Left+w.Deletions, w.Scan.Emptied
	s.Pending = &w
	return s
}

// Started records the name of the import's operation, so that later runs can follow it, and how many of the deletions
// failed.
func Started(s State, operation string, undeleted int64) State {
	pending := *s.Pending
	pending.Operation, pending.Undeleted = operation, undeleted
	s.Pending = &pending
	return s
}

// Rejections are the documents that the service did not take from an import that is done.
type Rejections struct {
	Named    *Segment      // tried entries of those that are known, nil if there are none
	Unnamed  int64         // how many others it rejected without saying which
	Failures failure.Tally // of the scan, and the rejected documents
}

// Confirmed records that the pending work is done: the data store holds what was imported, but for what the service
// rejected, and no longer what was deleted. A full import replaced the whole content of the data store.
func Confirmed(s State, r Rejections) State {
	p := *s.Pending
	s.Pending = nil
	if p.Full {
		s.Segments = with(nil, p.Upserted, confirmed)
		s.Complete, s.LastFull, s.Snapshot, s.Unnamed = true, p.Scan.At, p.Objects, 0
	} else {
		s.Segments = known(s.Segments, p.Upserted)
		if p.Undeleted == 0 {
			s.Segments = known(s.Segments, p.Removed)
		}
	}
	s.Segments = with(s.Segments, r.Named, confirmed)
	s.Unnamed += r.Unnamed
	s.Scan = p.Scan
	s.Scan.Left += p.Undeleted
	s.Scan.Failures = r.Failures
	return s
}

// Dropped records that nobody waits for the pending work any more. What it may have done is recorded since [Begin].
func Dropped(s State) State {
	s.Pending = nil
	return s
}

// Scanned records a scan that found nothing to send. folded is as for [Begin].
func Scanned(s State, scan Scan, folded *Segment) State {
	s = fold(s, folded)
	s.Scan = scan
	return s
}

func fold(s State, folded *Segment) State {
	if folded != nil {
		s.Segments = with(nil, folded, confirmed)
	}
	return s
}
