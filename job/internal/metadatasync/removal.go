package metadatasync

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/manifest"
)

// removal is what one offer deletes one by one, which takes effect at once.
type removal struct {
	ids     []string
	segment string // that lists the same ids
}

// prepareRemovals applies to next what the offers remove, and new bases. Many ids are queued for a purge. Few are
// returned for removeFew; once next is the state they count as documents of which nothing is known, so that a deletion
// of which the state is not told any more leaves nothing in the manifest that is not in the data store.
func (r *run) prepareRemovals(next *state, p *pending) (few []removal) {
	if len(next.Shards) == 0 {
		if p.Full {
			return nil // there is no manifest yet, and until it succeeds there must not seem to be one
		}
		next.Shards = make([]shard, p.Tasks)
	}
	for i := range p.Offers {
		o := &p.Offers[i]
		sh := &next.Shards[o.Task]
		if o.Base != nil {
			sh.Segments = slices.DeleteFunc([]segment{*o.Base}, func(g segment) bool { return g.Name == "" })
			sh.Shared = false
		}
		switch {
		case o.GoneObject != "":
			next.Purges = append(next.Purges, purge{Object: o.GoneObject, Removed: *o.Removed, Started: p.Started})
			sh.Segments = append(sh.Segments, *o.Removed)
		case o.Removed != nil:
			unknown := *o.Removed
			unknown.Unconfirmed = true
			sh.Segments = append(sh.Segments, unknown)
			few = append(few, removal{ids: o.GoneIDs, segment: o.Removed.Name})
		}
		// Done or to be done again by the next run; the pending import is not concerned any more.
		o.Base, o.Removed, o.GoneIDs, o.GoneObject = nil, nil, nil, ""
	}
	return few
}

// removeFew deletes documents and returns the segments that are true now. The ids of the others stay unknown, so that the
// next run tries again, or imports what came back meanwhile.
func (r *run) removeFew(ctx context.Context, few []removal, p *pending) (done map[string]bool, err error) {
	var ids []string
	for _, f := range few {
		ids = append(ids, f.ids...)
	}
	failed, err := r.deleteDocuments(ctx, ids)
	p.Undeleted = int64(len(failed))
	done = make(map[string]bool, len(few))
	for _, f := range few {
		done[f.segment] = !slices.ContainsFunc(f.ids, func(id string) bool { return failed[id] != nil })
	}
	return done, err
}

// confirmRemovals makes the segments of removals that are done count as they are.
func (s *state) confirmRemovals(done map[string]bool) {
	for _, sh := range s.Shards {
		for i, g := range sh.Segments {
			if done[g.Name] {
				sh.Segments[i].Unconfirmed = false
			}
		}
	}
}

// deleteDocuments deletes documents at once and returns those that could not be.
func (r *run) deleteDocuments(ctx context.Context, ids []string) (failed map[string]error, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	_, failed, err = r.store.Delete(ctx, ids)
	if err != nil {
		// It is not known which are gone, so all count as failed; deleting one twice is harmless.
		failed = make(map[string]error, len(ids))
		for _, id := range ids {
			failed[id] = err
		}
	}
	for id, cause := range failed {
		r.log.ErrorContext(ctx, "document not deleted, the next run tries again", "id", id, "reason", cause.Error())
		if err == nil {
			err = fmt.Errorf("delete %d of %d documents: %w", len(failed), len(ids), cause)
		}
	}
	r.log.InfoContext(ctx, "documents deleted", "documents", len(ids)-len(failed), "failed", len(failed))
	return failed, err
}

// errHeldUnknown ends a run as pending. A removal ends by itself, and what is wrong without its list is repaired then: if it
// succeeded, its ids have left the manifest already; if it failed, a full sync takes its place.
var errHeldUnknown = errors.New("the list of what a removal removes cannot be read; nothing is imported until the removal has ended, since it could remove that again")

// loadHeld returns the ids, of all shares, that wait for a purge to end, nil if there are none.
func (r *run) loadHeld(ctx context.Context) (*manifest.Table, error) {
	if len(r.state.Purges) == 0 {
		return nil, nil
	}
	held := manifest.NewTable(0)
	for _, p := range r.state.Purges {
		err := r.eachEntryOf(ctx, p.Removed, func(e manifest.Entry) error {
			held.See(e.ID, manifest.Unknown)
			return nil
		})
		if damaged(err) {
			err = fmt.Errorf("%w: %w", errHeldUnknown, err)
		}
		if err != nil {
			return nil, fmt.Errorf("tell which documents removal %s holds back until it ends: %w", p.Operation, err)
		}
	}
	return held, nil
}

// startPurges starts the purges that are queued and writes down their operations. A full sync takes the place of one that
// cannot be. Where the source holds no document there is no full import, and a person has to know.
func (r *run) startPurges(ctx context.Context) (refused error) {
	for {
		i := slices.IndexFunc(r.state.Purges, func(p purge) bool { return p.Operation == "" })
		if i < 0 {
			return refused
		}
		next := r.state.clone()
		documents := next.Purges[i].Removed.Entries
		switch err := r.startPurge(ctx, &next.Purges[i]); {
		case errors.Is(err, datastore.ErrPurgeRefused) && next.documents() == 0:
			refused = fmt.Errorf("the service refuses to remove %d documents by id, and a source without documents cannot be imported in full: purge the data store's documents in the console: %w", documents, err)
			fallthrough
		case errors.Is(err, datastore.ErrPurgeRefused) || damaged(err):
			r.log.WarnContext(ctx, "documents cannot be purged by id; the next run is a full sync, which removes them",
				"documents", documents, "cause", err.Error())
			next.Purges = slices.Delete(next.Purges, i, i+1)
			next.LastFull = time.Time{}
		case err != nil:
			return err
		}
		if err := r.saveState(ctx, next); err != nil {
			return err
		}
	}
}

// startPurge starts a purge whose lists of ids are still there and whole: without them it could never succeed, and what it
// holds back could not be told.
func (r *run) startPurge(ctx context.Context, p *purge) error {
	if _, err := r.bucket.Attrs(ctx, p.Object); err != nil {
		return err
	}
	if err := r.eachEntryOf(ctx, p.Removed, func(manifest.Entry) error { return nil }); err != nil {
		return err
	}
	p.Errors = r.object("purge-errors") + "-" + strings.ToLower(rand.Text()[:6]) + "/"
	if err := r.bucket.CreateFolder(ctx, p.Errors); err != nil {
		return err
	}
	operation, err := r.store.PurgeObjects(ctx, []string{r.bucket.URI(p.Object)}, r.bucket.URI(p.Errors))
	if err != nil {
		return fmt.Errorf("start removal of %d documents: %w", p.Removed.Entries, err)
	}
	r.log.InfoContext(ctx, "removal started", "operation", operation, "documents", p.Removed.Entries)
	p.Operation, p.Started = operation, r.now()
	return nil
}

// finishPurges drops the purges that are done from the state, and starts those again that failed.
func (r *run) finishPurges(ctx context.Context) error {
	next := r.state.clone()
	kept := next.Purges[:0]
	changed := false
	for _, p := range next.Purges {
		if p.Operation != "" {
			done, err := r.purgeEnded(ctx, p)
			if err != nil {
				return err
			}
			if done != running {
				changed = true
			}
			if done == succeeded {
				continue
			}
			if done == failed {
				p.Operation = ""
			}
		}
		kept = append(kept, p)
	}
	if changed {
		next.Purges = kept
		if err := r.saveState(ctx, next); err != nil {
			return err
		}
		r.sweep(ctx)
	}
	return r.startPurges(ctx)
}

// ending is how far an operation has come.
type ending int

const (
	running ending = iota
	succeeded
	failed
)

func (r *run) purgeEnded(ctx context.Context, p purge) (ending, error) {
	progress, err := r.store.Await(ctx, p.Operation, 0)
	switch {
	case errors.Is(err, datastore.ErrUnknownOperation):
		progress.Err = err
	case err != nil:
		return running, err
	case !progress.Done:
		return running, nil
	}
	if progress.Err != nil || progress.Failed > 0 {
		r.log.ErrorContext(ctx, "removal failed, starting it again", "operation", p.Operation, "documents", p.Removed.Entries,
			"failed", progress.Failed, "cause", fmt.Sprint(progress.Err))
		if r.earlier == nil {
			r.earlier = fmt.Errorf("removal %s of %d documents failed", p.Operation, p.Removed.Entries)
		}
		return failed, nil
	}
	if lost := r.lost(ctx, "removal", r.store.FindPurge, p.Started); lost != "" { // it could remove what came back
		r.log.InfoContext(ctx, "removal done, but another runs that may be its first attempt, waiting for it", "operation", lost)
		return running, nil
	}
	r.log.InfoContext(ctx, "removal done", "operation", p.Operation, "documents", p.Removed.Entries)
	return succeeded, nil
}
