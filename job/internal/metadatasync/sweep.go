package metadatasync

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/panics"
)

// orphanAge is the age at which an object that the state does not name is taken for one that a dead run left. Before,
// it may be one that another task is about to offer.
const orphanAge = time.Hour

// sweep is sweepAll where a commit may have left something to delete.
func (r *run) sweep(ctx context.Context) {
	if r.set.Tasks > 1 || len(r.superseded) > 0 {
		r.sweepAll(ctx)
	}
}

// sweepAll deletes the objects under root that nothing needs any more: those of the round that was just committed, those
// that the state named before, and old ones. What it cannot delete waits for the next sweep. It may come before the guard:
// what it deletes is of no use whatever the guard says, and runs that the guard stops leave objects too.
func (r *run) sweepAll(ctx context.Context) {
	if r.strange {
		return // the guard may stop this run, and somebody put right what made the state strange: a wrong DATA_STORE_ID, say
	}
	needed := r.state.objects()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	var swept int
	for o, err := range r.bucket.List(ctx, root) {
		if err != nil {
			r.log.WarnContext(ctx, "cannot list objects to clean up, the next run tries again", "cause", err.Error())
			return
		}
		if within(needed, o.Name) {
			continue
		}
		if !r.over(o.Name) && !within(r.superseded, o.Name) && r.now().Sub(o.Updated) < orphanAge {
			continue
		}
		swept++
		group.Go(panics.Guard(func() error { return r.bucket.Delete(gctx, o.Name) }))
	}
	if err := group.Wait(); err != nil {
		r.log.WarnContext(ctx, "cannot clean up objects, the next run tries again", "cause", err.Error())
		return
	}
	r.log.DebugContext(ctx, "cleaned up", "objects", swept)
}

// over reports that an object belongs to a round that was committed, or never can be.
func (r *run) over(name string) bool {
	round, _, _ := strings.Cut(strings.TrimPrefix(name, roundsPrefix), "/")
	return round == r.state.Round || r.obsolete[round]
}

// within reports that names holds the object, or a folder in which it lies: the service's error files are known by
// their folder alone.
func within(names map[string]bool, object string) bool {
	return names[object] || names[object[:strings.LastIndexByte(object, '/')+1]]
}

// snapshotNames are those of the objects of a snapshot.
var snapshotNames = regexp.MustCompile(`^` + prefix + `metadata(-[0-9]{5}-of-[0-9]{5})?\.jsonl$`)

// dropSnapshots deletes the objects of other snapshots than the last, those of a full sync that failed included.
func (r *run) dropSnapshots(ctx context.Context) {
	for o, err := range r.bucket.List(ctx, prefix+"metadata") {
		if err == nil && snapshotNames.MatchString(o.Name) && !slices.Contains(r.state.Snapshot, o.Name) {
			err = r.bucket.Delete(ctx, o.Name)
		}
		if err != nil {
			r.log.WarnContext(ctx, "cannot delete the objects of an older snapshot, the next full sync tries again", "cause", err.Error())
			return
		}
	}
}
