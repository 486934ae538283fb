package metadatasync

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"vertexmetadata/job/internal/datastore"
)

// await waits for the pending import and commits it when it is done.
func (r *run) await(ctx context.Context) (Outcome, error) {
	p := r.state.Pending
	progress, err := r.store.Await(ctx, p.Operation, r.set.ImportWait)
	switch {
	case errors.Is(err, datastore.ErrUnknownOperation):
		return r.abandon(ctx, "the service does not know the operation any more")
	case err != nil:
		return Failed, err
	case !progress.Done:
		r.summary.PendingAge = r.now().Sub(p.Started).Milliseconds()
		r.log.InfoContext(ctx, "import still runs, a later run picks it up", "operation", p.Operation, "pending_age_ms", r.summary.PendingAge)
		return Pending, nil
	case progress.Err != nil:
		return r.abandon(ctx, progress.Err.Error())
	}
	return r.confirm(ctx, progress)
}

// abandon gives up the pending import: nothing of it counts as imported, all of it goes again.
func (r *run) abandon(ctx context.Context, why string) (Outcome, error) {
	p := r.state.Pending
	next := r.state.clone()
	next.disown(p)
	next.Pending = nil
	next.Failed = max(p.Upserts, 1)
	if err := r.saveState(ctx, next); err != nil {
		return Failed, err
	}
	r.sweep(ctx)
	operation := p.Operation
	if operation == "" {
		operation = "of unknown name"
	}
	return Failed, fmt.Errorf("import %s of %d documents failed, they go again on the next run: %s", operation, p.Upserts, why)
}

// confirm commits the pending import, less the documents that the service did not take.
func (r *run) confirm(ctx context.Context, progress datastore.Progress) (Outcome, error) {
	p := r.state.Pending
	next := r.state.clone()
	next.Pending = nil
	rejected := max(p.Upserts-progress.Succeeded, 0)
	if rejected == 0 {
		next.commit(p)
	} else {
		rejects, err := r.readRejects(ctx, p, progress)
		if err != nil {
			return Failed, err
		}
		if err := r.commitPartly(ctx, &next, p, rejects, rejected); err != nil {
			return Failed, err
		}
	}
	if err := r.saveState(ctx, next); err != nil {
		return Failed, err
	}
	r.log.InfoContext(ctx, "import done", "operation", p.Operation, "documents", progress.Succeeded, "failed", rejected)
	r.summary.Failed += rejected
	r.sweep(ctx)
	if p.Full {
		r.dropSnapshots(ctx)
	}
	if len(r.state.Purges) > 0 {
		return Pending, nil
	}
	return Imported, nil
}

// commit makes an import, or a round that had nothing to import, part of the state.
func (s *state) commit(p *pending) {
	if p.Full {
		s.Shards = make([]shard, p.Tasks)
	}
	for _, o := range p.Offers {
		sh := &s.Shards[o.Task]
		if o.Upserted != nil {
			sh.Segments = append(sh.Segments, *o.Upserted)
		}
		sh.Documents = o.Documents
	}
	if p.Full {
		s.LastFull, s.Snapshot = p.ScannedAt, p.Objects
	}
	if p.Whole {
		s.Round = p.Round
		t := total(p.Offers)
		s.LastScan, s.Statistics, s.Configuration = p.ScannedAt, p.Statistics, p.Configuration
		s.Documents, s.Failed = t.Documents, t.Refused+t.Held
	}
	s.Failed += p.Undeleted
}

// disown records that the documents of an import may be in the data store, with whatever content: their ids must not
// get lost, and their hashes must not count.
func (s *state) disown(p *pending) {
	if p.Full {
		s.LastFull = time.Time{} // it may have removed documents: a full sync is due until one succeeds
	}
	s.Shards = divide(s.Shards, p.Tasks)
	if len(s.Shards) == 0 {
		s.Shards = make([]shard, p.Tasks)
	}
	for _, o := range p.Offers {
		if o.Upserted == nil {
			continue
		}
		g := *o.Upserted
		g.Unconfirmed = true
		sh := &s.Shards[o.Task]
		sh.Segments = append(slices.Clone(sh.Segments), g)
		sh.Documents = max(sh.Documents, o.Documents)
	}
}

// sameButTimes reports that two states differ in the time of the last scan and their revision only.
func sameButTimes(a, b *state) bool {
	x, y := *a, *b
	x.LastScan, x.Round, x.Revision = y.LastScan, y.Round, y.Revision
	return reflect.DeepEqual(x, y)
}
