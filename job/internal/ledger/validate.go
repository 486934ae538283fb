package ledger

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

const (
	// maxState bounds the size of a revision in bytes; one of 25 segments has some 5 KB.
	maxState = 4 << 20
	// maxSegments bounds how many segments a state may name, far beyond what folding leaves.
	maxSegments = 1000
	// maxEntries bounds what a manifest may claim to hold: more than the service takes and this program can hold.
	maxEntries = 1_000_000_000
)

// decode reads a revision and refuses whatever this program cannot have written there: the bucket may be written by
// others, and a state leads to deletions and imports.
func decode(data []byte, l Layout, dataStore string, revision int64) (State, error) {
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, err
	}
	if s.Format != Format {
		return State{}, fmt.Errorf("format %d, want %d", s.Format, Format)
	}
	if s.Revision != revision {
		return State{}, fmt.Errorf("it says that it is revision %d", s.Revision)
	}
	if s.DataStore != dataStore {
		return State{}, fmt.Errorf("it is about data store %q, not %q", s.DataStore, dataStore)
	}
	return s, s.validate(l)
}

func (s State) validate(l Layout) error {
	segments := s.Segments
	counts := []int64{s.Scan.Documents, s.Scan.Left, s.Scan.Failures.Count, int64(s.Scan.Churn), s.Unnamed}
	if p := s.Pending; p != nil {
		for _, g := range []*Segment{p.Upserted, p.Removed} {
			if g != nil {
				segments = append(segments[:len(segments):len(segments)], *g)
			}
		}
		counts = append(counts, p.Documents, p.Bytes, p.Deletions, p.Undeleted, p.Scan.Documents, p.Scan.Left, p.Scan.Failures.Count)
		if p.Operation != "" && !isOperation(p.Operation, s.DataStore) {
			return fmt.Errorf("operation %q is none of data store %q", p.Operation, s.DataStore)
		}
	}
	for _, n := range counts {
		if n < 0 || n > maxEntries<<20 {
			return fmt.Errorf("a count is %d", n)
		}
	}
	if len(segments) > maxSegments {
		return fmt.Errorf("%d segments", len(segments))
	}
	for _, g := range segments {
		if g.Entries <= 0 || g.Entries > maxEntries {
			return fmt.Errorf("segment %q has %d entries", g.Name, g.Entries)
		}
	}
	for name := range s.Objects() {
		if !l.owns(name) {
			return fmt.Errorf("object %q is none of this sync", name)
		}
	}
	for _, name := range s.Snapshot {
		if !l.owns(name) {
			return fmt.Errorf("object %q is none of this sync", name)
		}
	}
	return nil
}

var operationName = regexp.MustCompile(`^projects/[A-Za-z0-9:._/-]{1,500}$`)

// isOperation reports whether an operation can be one of the data store, of which the last step is the id. Its name comes
// back with the project's number in place of its id, so that not all of it can be compared.
func isOperation(name, dataStore string) bool {
	id := dataStore[strings.LastIndexByte(dataStore, '/')+1:]
	return operationName.MatchString(name) && !strings.Contains(name, "..") &&
		(!strings.Contains(name, "/dataStores/") || strings.Contains(name, "/dataStores/"+id+"/"))
}
