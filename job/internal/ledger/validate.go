package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vertexmetadata/job/internal/layout"
)

const (
	// maxState bounds the size of a revision in bytes; one of 25 segments has some 5 KB.
	maxState = 1 << 20
	// maxSegments bounds how many segments a state may name, far beyond what folding leaves.
	maxSegments = 1000
	// maxObjects bounds how many objects an import may name: what the service takes.
	maxObjects = 100
	// maxOperation bounds the name of an operation, in bytes.
	maxOperation = 1000
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
	segments := slices.Clone(s.Segments)
	counts := []int64{s.Scan.Documents, s.Scan.Left, s.Scan.Failures.Count, int64(s.Scan.Churn), s.Unnamed}
	if p := s.Pending; p != nil {
		if err := p.validate(); err != nil {
			return err
		}
		for _, g := range []*Segment{p.Upserted, p.Removed} {
			if g != nil {
				segments = append(segments, *g)
			}
		}
		counts = append(counts, p.Documents, p.Bytes, p.Deletions, p.Undeleted, p.Scan.Documents, p.Scan.Left, p.Scan.Failures.Count)
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
	for _, name := range slices.AppendSeq(slices.Clone(s.Snapshot), maps.Keys(s.Objects())) {
		if !l.Owns(name) {
			return fmt.Errorf("object %q is none of this sync", name)
		}
	}
	return nil
}

// validate refuses an import that this program cannot have begun.
func (p *Import) validate() error {
	if len(p.Operation) > maxOperation {
		return fmt.Errorf("an operation whose name has %d bytes", len(p.Operation))
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
