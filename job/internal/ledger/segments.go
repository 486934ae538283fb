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
	maxOutdated  = 4    // entries for each document at most: folding leaves 1.25, and a full sync that failed adds one
)

// LoadTable reads the manifest into memory. One that does not fit there is damaged: no run of this container has written it.
func (s *Store) LoadTable(ctx context.Context, state State) (*manifest.Table, error) {
	if n := state.Entries(); n > maxOutdated*manifest.Capacity() {
		return nil, fmt.Errorf("read the manifest: %w: it claims %d entries, and there is memory for %d documents", manifest.ErrCorrupt, n, manifest.Capacity())
	}
	var table *manifest.Table
	for _, g := range state.Segments {
		err := s.read(ctx, g, func(in io.Reader, size int64) error {
			if table == nil { // the first one has most of the documents, and its size cannot be claimed without being there
				table = manifest.NewTable(min(state.Documents(), size/manifest.MinEntry))
			}
			return table.Load(in, g.Unknown)
		})
		if err != nil {
			return nil, err
		}
	}
	if table == nil {
		table = manifest.NewTable(0)
	}
	return table, nil
}

// EachEntry calls fn for every entry of the segments, in their order. It ends without an error when fn returns [ErrStop].
func (s *Store) EachEntry(ctx context.Context, segments []Segment, fn func(manifest.Entry) error) error {
	for _, g := range segments {
		err := s.read(ctx, g, func(in io.Reader, _ int64) error { return manifest.Each(in, fn) })
		if errors.Is(err, ErrStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ErrStop ends EachEntry early.
var ErrStop = errors.New("stop reading the manifest")

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
