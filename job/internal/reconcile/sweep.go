package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/ledger"
)

// orphanAge is the age at which an object that no state names is taken for one that a dead run left.
const orphanAge = time.Hour

// sweep deletes the objects that nothing needs any more. It comes after a commit only: a run that a guard stops, say with
// the wrong DATA_STORE_ID, must leave what the right one needs. What it cannot delete waits for the next sweep.
func (r *Run) sweep(ctx context.Context, start, state ledger.State, folder string) {
	if state.Revision == start.Revision || ctx.Err() != nil {
		return
	}
	fullDone := state.LastFull != start.LastFull && !state.LastFull.IsZero()
	names := r.ledger().Layout
	isOver := r.overFor(start, state, folder)
	swept, err := r.Bucket.DeleteAll(ctx, names.Internal(), isOver)
	if err == nil && fullDone {
		_, err = r.Bucket.DeleteAll(ctx, names.Snapshots(), func(o bucket.Object) bool {
			return names.IsSnapshot(o.Name) && !slices.Contains(state.Snapshot, o.Name)
		})
	}
	switch {
	case errors.Is(err, bucket.ErrRetained) && !fullDone: // logged once for each full sync
	case errors.Is(err, bucket.ErrRetained):
		r.Log.WarnContext(ctx, "the bucket's policy keeps objects that are no longer needed, they are deleted once it allows", "error", err)
	case err != nil:
		r.Log.WarnContext(ctx, "cannot clean up objects, the next run tries again", "error", err)
	default:
		r.Log.DebugContext(ctx, "objects cleaned up", "objects", swept)
	}
}

// overFor returns which of the internal objects are over: those that the state named when the run started and those in the
// run's own folder, unless the state needs them now; those that a dead run left; revisions beyond those that are kept; and
// what another format left, once a full sync of this one is confirmed.
func (r *Run) overFor(start, state ledger.State, folder string) func(bucket.Object) bool {
	names := r.ledger().Layout
	needed, superseded := state.Objects(), start.Objects()
	return func(o bucket.Object) bool {
		revision, isRevision := names.RevisionOf(o.Name)
		switch {
		case !r.Bucket.Owns(o.Name):
			return false // no name that this job, or the service, has written
		case isRevision && layout.Counts(revision, r.now()):
			return revision <= state.Revision-ledger.KeptRevisions
		case !strings.HasPrefix(o.Name, names.Root()):
			return !state.LastFull.IsZero()
		case within(needed, o.Name):
			return false
		}
		return within(superseded, o.Name) || strings.HasPrefix(o.Name, folder) || r.now().Sub(o.Updated) >= orphanAge
	}
}

// within reports that names holds the object, or a folder in which it lies: the service's error files are known by their
// folder alone.
func within(names map[string]bool, object string) bool {
	return names[object] || names[object[:strings.LastIndexByte(object, '/')+1]]
}
