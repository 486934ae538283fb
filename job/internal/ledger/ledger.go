// Package ledger is what is known of a data store: what it holds, as far as imports are known to have succeeded, and what
// was begun. A [State] is a plain value; the transitions of this package are pure functions from one State to the next,
// and [Store] keeps every State as a revision of its own in the bucket.
//
// One rule holds over any failure, a kill at any point included: unknown until confirmed. [Begin] writes down every id that
// a run is about to touch before anything is sent, without believing any of it; only [Confirmed] does. So every id that may
// be in the data store is in the manifest, and no hash counts that was not confirmed.
package ledger

import (
	"slices"
	"time"

	"vertexmetadata/job/internal/failure"
)

// Format is the version of everything under a layout's root. A ledger of another format is none: the run becomes a full
// sync, which is right from any state.
const Format = 2

// State is one revision of the ledger.
type State struct {
	Format    int    `json:"format"`
	Revision  int64  `json:"revision"`
	DataStore string `json:"data_store"` // that all of this is about
	Note      Note   `json:"note"`       // what made this revision

	// Complete: every id that may be in the data store is in Segments. False until a first full sync was confirmed.
	Complete bool      `json:"complete"`
	Segments []Segment `json:"segments"`  // the manifest, oldest first
	LastFull time.Time `json:"last_full"` // when the last confirmed full sync read the source; zero: a full sync is due
	// Unnamed is how many documents the service rejected since LastFull without saying which.
	Unnamed  int64    `json:"unnamed,omitempty"`
	Snapshot []string `json:"snapshot"` // objects of the last full sync
	Scan     Scan     `json:"scan"`     // the last scan whose changes are in the data store
	Pending  *Import  `json:"pending,omitempty"`
}

// Segment names a manifest segment in the bucket.
type Segment struct {
	Name    string `json:"name"`
	Entries int64  `json:"entries"`
	// Unknown: the segment describes what was begun and is not confirmed. Its ids may be in the data store, with whatever
	// content.
	Unknown bool `json:"unknown,omitempty"`
}

// Scan is what one reading of the source found.
type Scan struct {
	At            time.Time `json:"at"`
	Statistics    string    `json:"statistics,omitempty"` // PostgreSQL's evidence just before At; empty: matches nothing
	Configuration string    `json:"configuration"`        // fingerprint of the query and the rules for documents
	Documents     int64     `json:"documents"`            // that the data store should hold
	Left          int64     `json:"left,omitempty"`       // documents that are still to be deleted
	// Emptied: the query made no document, and an operator allowed to delete all that the data store holds.
	Emptied      bool          `json:"emptied,omitempty"`
	NeedsContent bool          `json:"needs_content,omitempty"`
	Churn        int           `json:"churn,omitempty"` // scans in a row that found nearly every document changed
	Failures     failure.Tally `json:"failures"`
}

// Import is work that was begun: documents to import, documents to delete, or both.
type Import struct {
	Full      bool      `json:"full"`
	Operation string    `json:"operation,omitempty"` // empty: whether it was started is not known
	Started   time.Time `json:"started"`
	Objects   []string  `json:"objects,omitempty"` // the documents, empty for an inline import
	Errors    string    `json:"errors,omitempty"`  // folder of the service's error files
	Documents int64     `json:"documents"`         // to import
	Bytes     int64     `json:"bytes"`             // of them
	Deletions int64     `json:"deletions"`         // documents to delete, by the import itself if it is full
	Undeleted int64     `json:"undeleted"`         // documents whose deletion failed
	Upserted  *Segment  `json:"upserted,omitempty"`
	Removed   *Segment  `json:"removed,omitempty"`
	Scan      Scan      `json:"scan"`
}

// Note says what a revision records.
type Note struct {
	Event     string    `json:"event"` // begin, started, confirmed, dropped or scanned
	At        time.Time `json:"at"`
	Execution string    `json:"execution,omitempty"`
	Version   string    `json:"version,omitempty"`
	Full      bool      `json:"full,omitempty"`
	Sent      int64     `json:"sent,omitempty"`
	Deleted   int64     `json:"deleted,omitempty"`
	Rejected  int64     `json:"rejected,omitempty"`
}

// Entries returns how many entries the manifest has, outdated ones included.
func (s State) Entries() (n int64) {
	for _, g := range s.Segments {
		n += g.Entries
	}
	return n
}

// Documents returns how many documents the source held when it was read last, for this state or for what it began.
func (s State) Documents() int64 {
	if s.Pending != nil {
		return s.Pending.Scan.Documents
	}
	return s.Scan.Documents
}

// Objects returns the names of all objects that the state needs, but for its own revision. Folders end in a slash.
func (s State) Objects() map[string]bool {
	names := map[string]bool{s.Scan.Failures.Object: true}
	segments := slices.Clone(s.Segments)
	if p := s.Pending; p != nil {
		names[p.Errors], names[p.Scan.Failures.Object] = true, true
		for _, name := range p.Objects {
			names[name] = true
		}
		segments = with(with(segments, p.Upserted, unknown), p.Removed, unknown)
	}
	for _, g := range segments {
		names[g.Name] = true
	}
	delete(names, "")
	return names
}

// with returns a copy of the segments with g behind them.
func with(segments []Segment, g *Segment, unknown bool) []Segment {
	if g == nil || g.Name == "" {
		return segments
	}
	return append(slices.Clone(segments), Segment{Name: g.Name, Entries: g.Entries, Unknown: unknown})
}

// known returns a copy of the segments in which g is confirmed.
func known(segments []Segment, g *Segment) []Segment {
	segments = slices.Clone(segments)
	for i := range segments {
		if g != nil && segments[i].Name == g.Name {
			segments[i].Unknown = false
		}
	}
	return segments
}
