package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/panics"
)

// orphanAge is the age at which an object that no state names is taken for one that a dead run left.
const orphanAge = time.Hour

// sweep deletes the objects that nothing needs any more: those that the state named when the run started, those that the
// run wrote into its folder, old ones, and revisions beyond those that are kept. It comes after a commit only: a run that a guard stops, say with the wrong
// DATA_STORE_ID, must leave what the right one needs. What it cannot delete waits for the next sweep.
func (r *Run) sweep(ctx context.Context, start, state ledger.State, folder string) {
	if state.Revision == start.Revision || ctx.Err() != nil {
		return
	}
	layout := r.ledger().Layout
	needed, superseded := state.Objects(), start.Objects()
	over := func(o bucket.Object) bool {
		return within(superseded, o.Name) || strings.HasPrefix(o.Name, folder) || r.now().Sub(o.Updated) >= orphanAge
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	swept := 0
	for o, err := range r.Bucket.List(ctx, layout.Internal()) {
		if err != nil {
			r.Log.WarnContext(ctx, "cannot list objects to clean up, the next run tries again", "error", err.Error())
			return
		}
		if n, ok := layout.RevisionOf(o.Name); ok {
			if n > state.Revision-ledger.KeptRevisions {
				continue
			}
		} else if within(needed, o.Name) || !over(o) {
			continue
		}
		swept++
		group.Go(panics.Guard(func() error { return r.Bucket.Delete(gctx, o.Name) }))
	}
	if err := group.Wait(); err != nil {
		r.Log.WarnContext(ctx, "cannot clean up objects, the next run tries again", "error", err.Error())
		return
	}
	r.Log.DebugContext(ctx, "objects cleaned up", "objects", swept)
	if state.LastFull != start.LastFull && !state.LastFull.IsZero() {
		r.dropSnapshots(ctx, state)
	}
}

// within reports that names holds the object, or a folder in which it lies: the service's error files are known by their
// folder alone.
func within(names map[string]bool, object string) bool {
	return names[object] || names[object[:strings.LastIndexByte(object, '/')+1]]
}

// dropSnapshots deletes the objects of other snapshots than the last, those of a full sync that failed included.
func (r *Run) dropSnapshots(ctx context.Context, state ledger.State) {
	layout := r.ledger().Layout
	for o, err := range r.Bucket.List(ctx, layout.Snapshots()) {
		if err == nil && layout.IsSnapshot(o.Name) && !slices.Contains(state.Snapshot, o.Name) {
			err = r.Bucket.Delete(ctx, o.Name)
		}
		if err != nil {
			r.Log.WarnContext(ctx, "cannot delete the objects of an older snapshot, the next full sync tries again", "error", err.Error())
			return
		}
	}
}
