package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/manifest"
)

// KeptRevisions is how many revisions stay in the bucket, for job history and against a run that was stalled.
const KeptRevisions = 50

// segmentChunk is the upload chunk of segments, which need less throughput than documents.
const segmentChunk = 1 << 20

// Store keeps the ledger of one sync in a bucket. Every revision is an object of its own, created only if there is none of
// its name: that makes two runs that begin from the same revision exclude each other, writes no name twice, and leaves a
// history.
type Store struct {
	Layout    layout.Layout
	bucket    *bucket.Bucket
	dataStore string
}

// NewStore returns the ledger of a sync into a data store.
func NewStore(b *bucket.Bucket, names layout.Layout, dataStore string) *Store {
	return &Store{Layout: names, bucket: b, dataStore: dataStore}
}

// ErrSuperseded says that another run appended a revision meanwhile.
var ErrSuperseded = errors.New("another run changed the ledger meanwhile: nothing more of this run was recorded, the next run continues from the new revision")

// Load returns the newest revision. One that is damaged, foreign or of another format is no reason to fail: the state is
// an empty one then, from which the next run is a full sync, and doubt says why.
func (s *Store) Load(ctx context.Context) (state State, doubt error, err error) {
	newest, err := s.newest(ctx)
	if err != nil || newest == 0 {
		return State{}, nil, err
	}
	state, err = s.Read(ctx, newest)
	if Damaged(err) {
		return State{Revision: newest}, err, nil
	}
	return state, nil, err
}

// Read returns one revision. Its error is one for [Damaged] if the revision cannot be used.
func (s *Store) Read(ctx context.Context, revision int64) (State, error) {
	name := s.Layout.Revision(revision)
	data, err := s.bucket.Read(ctx, name, maxState)
	if err != nil {
		return State{}, err
	}
	state, err := decode(data, s.Layout, s.dataStore, revision)
	if err != nil {
		return State{}, fmt.Errorf("read ledger %s: %w: %w", s.bucket.URI(name), errDamaged, err)
	}
	return state, nil
}

// newest returns the last revision, 0 if there is none.
func (s *Store) newest(ctx context.Context) (int64, error) {
	now := time.Now()
	return s.bucket.Last(ctx, s.Layout.Revisions(), s.Layout.Revision, func(name string) (int64, bool) {
		n, ok := s.Layout.RevisionOf(name)
		return n, ok && layout.Counts(n, now)
	})
}

// Append makes next the revision after prev and returns it.
func (s *Store) Append(ctx context.Context, prev, next State) (State, error) {
	next.Format, next.DataStore, next.Revision = Format, s.dataStore, prev.Revision+1
	if err := next.validate(s.Layout); err != nil {
		return prev, fmt.Errorf("append to the ledger: %w", err)
	}
	data, err := json.Marshal(next)
	if err != nil {
		return prev, fmt.Errorf("append to the ledger: %w", err)
	}
	err = s.bucket.Create(ctx, s.Layout.Revision(next.Revision), data)
	if errors.Is(err, bucket.ErrExist) {
		return prev, ErrSuperseded
	}
	if err != nil {
		return prev, err
	}
	return next, nil
}

// History returns the last revisions, at most KeptRevisions, the newest first. Those that cannot be read are left out.
func (s *Store) History(ctx context.Context) ([]State, error) {
	newest, err := s.newest(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]State, min(newest, KeptRevisions))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range states {
		group.Go(func() error {
			state, err := s.Read(gctx, newest-int64(i))
			if Damaged(err) {
				return nil
			}
			states[i] = state
			return err
		})
	}
	err = group.Wait()
	return slices.DeleteFunc(states, func(s State) bool { return s.Revision == 0 }), err
}

// SegmentWriter writes one manifest segment, of which nothing exists before Commit.
type SegmentWriter struct {
	*manifest.Writer
	out *bucket.Writer
}

// NewSegment begins a manifest segment of this name.
func (s *Store) NewSegment(ctx context.Context, name string) *SegmentWriter {
	out := s.bucket.NewWriter(ctx, name, segmentChunk)
	return &SegmentWriter{Writer: manifest.NewWriter(out), out: out}
}

// Commit makes the segment exist and returns its reference, nil when it has no entry.
func (w *SegmentWriter) Commit(ctx context.Context) (*Segment, error) {
	if w.Count() == 0 {
		return nil, nil
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write manifest segment %s: %w", w.out.URI(), err)
	}
	if err := w.out.Commit(); err != nil {
		return nil, err
	}
	return &Segment{Name: w.out.Name(), Entries: w.Count()}, nil
}

// Abort ends a segment that is not committed; nothing of it remains. On nil it does nothing.
func (w *SegmentWriter) Abort() {
	if w != nil {
		w.out.Abort()
	}
}

// read opens a segment and passes it, and its size, to fn. No more is read than a segment of so many entries can have.
func (s *Store) read(ctx context.Context, g Segment, fn func(in io.Reader, size int64) error) error {
	in, err := s.bucket.Reader(ctx, g.Name)
	if err != nil {
		return err
	}
	defer in.Close()
	least, most := manifest.Sizes(g.Entries)
	if size := in.Size(); size >= 0 && (size < least || size > most) {
		return fmt.Errorf("read manifest segment %s: %w: %d bytes for %d entries", s.bucket.URI(g.Name), manifest.ErrCorrupt, size, g.Entries)
	}
	if err := fn(io.LimitReader(in, most+1), in.Size()); err != nil {
		return fmt.Errorf("read manifest segment %s: %w", s.bucket.URI(g.Name), err)
	}
	return nil
}

// WriteFailures keeps the remembered failures under name, unless an object holds them already, and returns f with a
// reference in their place.
func (s *Store) WriteFailures(ctx context.Context, f failure.Tally, name string) (failure.Tally, error) {
	if f.Object == "" && len(f.Remembered()) > 0 {
		data, err := f.Encode()
		if err != nil {
			return f, err
		}
		if err := s.bucket.Create(ctx, name, data); err != nil {
			return f, err
		}
		f.Object = name
	}
	return f.Sorted().Recall(nil), nil
}

// ReadFailures returns f with the failures that are remembered. An object that is gone or damaged says nothing.
func (s *Store) ReadFailures(ctx context.Context, f failure.Tally) (failure.Tally, error) {
	if f.Object == "" {
		return f.Recall(nil), nil
	}
	data, err := s.bucket.Read(ctx, f.Object, failure.MaxBytes)
	if err != nil && !Damaged(err) {
		return f, err
	}
	return f.Recall(data), nil
}

// Damaged reports whether an error is caused by what is in the bucket, and not by the way there: reading it again would
// not help, and a full sync does without it.
func Damaged(err error) bool {
	return slices.ContainsFunc([]error{errDamaged, manifest.ErrCorrupt, bucket.ErrNotExist, bucket.ErrTooLarge, bucket.ErrOutside},
		func(damage error) bool { return errors.Is(err, damage) })
}

var errDamaged = errors.New("unusable")
