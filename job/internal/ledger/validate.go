package ledger

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"vertexmetadata/job/internal/layout"
)

const (
	// maxState bounds the size of a revision in bytes; one of 25 segments has some 5 KB.
	maxState = 1 << 20
	// maxSegments bounds how many segments a state may name, far beyond what folding leaves.
	maxSegments = 1000
	// maxObjects bounds how many objects an import may name: what the service takes.
	maxObjects = 100
	// maxEntries bounds what a manifest may claim to hold: more than the service takes and this program can hold.
	maxEntries = 1_000_000_000
)

// decode reads a revision and refuses whatever this program cannot have written there: the bucket may be written by
// others, and a state leads to deletions and imports.
func decode(data []byte, l layout.Layout, dataStore string, revision int64) (State, error) {
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

func (s State) validate(l layout.Layout) error {
	segments := s.Segments
	counts := []int64{s.Scan.Documents, s.Scan.Left, s.Scan.Failures.Count, int64(s.Scan.Churn), s.Unnamed}
	if p := s.Pending; p != nil {
		for _, g := range []*Segment{p.Upserted, p.Removed} {
			if g != nil {
				segments = append(segments[:len(segments):len(segments)], *g)
			}
		}
		counts = append(counts, p.Documents, p.Bytes, p.Deletions, p.Undeleted, p.Scan.Documents, p.Scan.Left, p.Scan.Failures.Count)
		if err := p.validate(s.DataStore); err != nil {
			return err
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
		if !l.Owns(g.Name) || strings.HasSuffix(g.Name, "/") || l.IsSnapshot(g.Name) {
			return fmt.Errorf("object %q is no manifest segment of this sync", g.Name)
		}
	}
	for name := range s.Objects() {
		if !l.Owns(name) {
			return fmt.Errorf("object %q is none of this sync", name)
		}
	}
	for _, name := range s.Snapshot {
		if !l.Owns(name) {
			return fmt.Errorf("object %q is none of this sync", name)
		}
	}
	return nil
}

// validate refuses an import that this program cannot have begun.
func (p *Import) validate(dataStore string) error {
	if p.Operation != "" && !isOperation(p.Operation, dataStore) {
		return fmt.Errorf("operation %q is none of data store %q", p.Operation, dataStore)
	}
	if len(p.Objects) > maxObjects {
		return fmt.Errorf("an import of %d objects", len(p.Objects))
	}
	if upserted := entries(p.Upserted); upserted != p.Documents {
		return fmt.Errorf("an import of %d documents lists %d", p.Documents, upserted)
	}
	if removed := entries(p.Removed); !p.Full && removed != p.Deletions || p.Undeleted > p.Deletions {
		return fmt.Errorf("%d deletions, %d not done, are listed as %d", p.Deletions, p.Undeleted, removed)
	}
	if p.Errors != "" && !strings.HasSuffix(p.Errors, "/") {
		return fmt.Errorf("object %q is no folder", p.Errors)
	}
	return nil
}

func entries(g *Segment) int64 {
	if g == nil {
		return 0
	}
	return g.Entries
}

var operationName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^projects/([A-Za-z0-9:._-]+)/locations/([a-z0-9-]+)(?:/collections/[A-Za-z0-9_-]+)?(?:/dataStores/([A-Za-z0-9_-]+))?(?:/branches/[A-Za-z0-9_-]+)?/operations/[A-Za-z0-9._-]+$`)
})

// isOperation reports whether an operation can be one of the data store, project/location/id. Its name comes back with the
// project's number in place of its id, which cannot be compared; it may come without the data store.
func isOperation(name, dataStore string) bool {
	step := operationName().FindStringSubmatch(name)
	want := strings.Split(dataStore, "/")
	if step == nil || len(want) != 3 {
		return step != nil && len(name) <= maxOperation
	}
	sameProject := step[1] == want[0] || isNumber(step[1]) != isNumber(want[0])
	return len(name) <= maxOperation && sameProject && step[2] == want[1] && (step[3] == "" || step[3] == want[2])
}

func isNumber(project string) bool { return strings.Trim(project, "0123456789") == "" }

// maxOperation bounds the name of an operation.
const maxOperation = 1000
