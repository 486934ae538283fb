package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"

	"vertexmetadata/job/internal/manifest"
)

// Folding keeps what a run reads within a constant factor of the documents, and what it writes within a constant factor
// of the changes.
const (
	foldRatio    = 1.25 // of entries to documents
	foldSlack    = 1000 // entries beyond that ratio, so that small manifests are left alone
	FoldSegments = 24   // more segments than this are folded into one
)

// object is one object being written; nothing of it exists before Commit.
type object interface {
	Writer(ctx context.Context) io.Writer
	Commit(ctx context.Context) error
	Abort()
	URI() string
}

// SegmentWriter writes one manifest segment.
type SegmentWriter struct {
	*manifest.Writer
	name string
	out  object
}

// Commit makes the segment exist and returns its reference, nil when it has no entry.
func (w *SegmentWriter) Commit(ctx context.Context) (*Segment, error) {
	if w.Count() == 0 {
		return nil, nil
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write manifest segment %s: %w", w.out.URI(), err)
	}
	if err := w.out.Commit(ctx); err != nil {
		return nil, err
	}
	return &Segment{Name: w.name, Entries: w.Count()}, nil
}

// Abort ends a segment that is not committed; nothing of it remains. On nil it does nothing.
func (w *SegmentWriter) Abort() {
	if w != nil {
		w.out.Abort()
	}
}

// LoadTable reads the manifest into memory.
func (s *Store) LoadTable(ctx context.Context, state State) (*manifest.Table, error) {
	table := manifest.NewTable(min(state.Documents(), state.Entries()))
	for _, g := range state.Segments {
		if err := s.read(ctx, g, func(in io.Reader) error { return table.Load(in, g.Unknown) }); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// EachEntry calls fn for every entry of the segments, in their order. It ends without an error when fn returns [Stop].
func (s *Store) EachEntry(ctx context.Context, segments []Segment, fn func(manifest.Entry) error) error {
	for _, g := range segments {
		err := s.read(ctx, g, func(in io.Reader) error { return manifest.Each(in, fn) })
		if errors.Is(err, Stop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Stop ends EachEntry early.
var Stop = errors.New("stop reading the manifest")

// Fold writes the manifest as one segment if its segments have grown too much; else it returns nil. table must hold the
// manifest and no scan yet. The segment is not committed.
func (s *Store) Fold(ctx context.Context, state State, table *manifest.Table, name string) (*SegmentWriter, error) {
	if len(state.Segments) <= FoldSegments && float64(state.Entries()) <= foldRatio*float64(table.Len())+foldSlack {
		return nil, nil
	}
	folded := s.NewSegment(ctx, name)
	err := s.EachEntry(ctx, state.Segments, func(e manifest.Entry) error {
		switch e, ok := table.Compact(e.ID); {
		case !ok:
			return nil
		case e.Tried:
			return folded.PutTried(e.ID, e.Hash)
		default:
			return folded.Put(e.ID, e.Hash)
		}
	})
	if err != nil {
		folded.Abort()
		return nil, err
	}
	table.Reset()
	return folded, nil
}
