package metadatasync

import (
	"context"
	"errors"
	"fmt"

	"vertexmetadata/job/internal/manifest"
	"vertexmetadata/job/internal/source"
)

// syncShare reads this task's share and brings the data store in step with it, alone or as one of several tasks.
func (r *run) syncShare(ctx context.Context, stats source.Stats) (Outcome, error) {
	if r.set.Tasks > 1 {
		return r.syncInRound(ctx, stats)
	}
	table, err := r.loadTable(ctx)
	if damaged(err) {
		table, err = r.startOver(ctx, err)
	}
	if err != nil {
		return Failed, err
	}
	full := r.fullDue()
	if full {
		r.sweepAll(ctx) // what runs left that died before they committed anything
	}
	c, err := r.compare(ctx, table, full, nil)
	if err != nil {
		return Failed, err
	}
	defer c.abort()
	c.offer.Statistics = stats.Fingerprint
	if err := r.guard(c.offer, c.offer.Before, true); err != nil {
		return Failed, err
	}
	o, err := c.commit(ctx)
	if err != nil {
		return Failed, err
	}
	r.countSent(o)
	return r.lead(ctx, c.full, true, []offer{o})
}

// syncInRound is syncShare for one of several tasks.
func (r *run) syncInRound(ctx context.Context, stats source.Stats) (Outcome, error) {
	agreed, err := r.joinRound(ctx)
	if err != nil {
		return Failed, err
	}
	switch {
	case r.committed():
		return Imported, nil
	case agreed == nil:
		return Pending, nil
	}
	if offered, err := r.hasOffered(ctx, *agreed); err != nil {
		return Failed, err
	} else if offered {
		return r.closeRound(ctx, *agreed)
	}
	table, err := r.loadTable(ctx)
	if damaged(err) {
		_, err = r.startOver(ctx, err)
		if errors.Is(err, errSuperseded) { // by another task that met the same, or moved the state on
			err = nil
		}
		return Pending, err // the round is void, the next execution reads again
	}
	if err != nil {
		return Failed, err
	}
	c, err := r.compare(ctx, table, agreed.Full, nil)
	if err != nil {
		return Failed, err
	}
	defer c.abort()
	c.offer.Statistics = stats.Fingerprint
	return r.offerShare(ctx, c, *agreed)
}

// startOver forgets a manifest that cannot be read, so that this run becomes a full sync, which is right from any state.
func (r *run) startOver(ctx context.Context, cause error) (*manifest.Table, error) {
	r.log.WarnContext(ctx, "manifest cannot be read, starting over with a full sync", "cause", cause.Error())
	if err := r.saveState(ctx, state{Purges: r.state.Purges, Snapshot: r.state.Snapshot}); err != nil {
		return nil, err
	}
	return r.loadTable(ctx)
}

// compare reads the share and returns what has to change. change, if not nil, is told of every change, and nothing is
// written.
func (r *run) compare(ctx context.Context, table *manifest.Table, full bool, change func(changeKind, []byte)) (*collector, error) {
	c := &collector{run: r, full: full, table: table, change: change, dry: change != nil}
	var err error
	if c.held, err = r.loadHeld(ctx); err != nil {
		return nil, err
	}
	c.offer = offer{Task: r.set.Task, Revision: r.state.Revision, Before: table.Len()}
	c.offer.scanned = scanned{ScannedAt: r.now(), Configuration: r.configuration()}
	if !c.dry {
		// A full sync too: if it fails, and the next, each adds a segment of all documents.
		if c.base, err = r.compact(ctx, table); err != nil {
			return nil, err
		}
		c.upserted, c.removed = r.newList(ctx, "upserted"), r.newList(ctx, "removed")
		c.data = &jsonl{bucket: r.bucket, inMemory: !full && r.set.Tasks == 1, name: r.dataName(full)}
	}
	if err := r.fill(ctx, c); err != nil {
		c.abort()
		return nil, err
	}
	r.count(c.offer)
	return c, nil
}

// fill reads the share into the collector.
func (r *run) fill(ctx context.Context, c *collector) error {
	if err := r.scan(ctx, c); err != nil {
		return err
	}
	// An import of nothing does not exist: what is there goes id by id then. A full import would remove what the manifest
	// does not know too, such as the ids of a purge that the service refused; so the data store itself is asked.
	emptied := c.offer.Documents == 0 && r.set.Tasks == 1
	listed := c.full && (emptied || !r.state.known())
	if c.offer.Upserts == 0 && r.set.Tasks == 1 {
		c.full = false
	}
	if err := c.finishScan(ctx); err != nil || !listed {
		return err
	}
	return r.listUnknown(ctx, c)
}

// count takes what the task read into the summary.
func (r *run) count(o offer) {
	r.counted = true
	r.summary.Documents = o.Documents
	r.summary.Skipped = o.Skipped
	r.summary.Failed += o.Refused
}

// lastCount returns how many documents the share had when it was read last, 0 if nobody knows.
func (r *run) lastCount() int64 {
	if p := r.state.Pending; p != nil && p.Tasks == r.set.Tasks {
		for _, o := range p.Offers {
			if o.Task == r.set.Task {
				return o.Documents
			}
		}
	}
	if len(r.view) == 0 {
		return 0
	}
	return r.view[r.set.Task].Documents
}

// countSent takes what the task sends into the summary, once nothing keeps it from being sent any more.
func (r *run) countSent(o offer) {
	r.summary.Upserted = o.Upserts
	r.summary.Deleted = o.Gone
	r.summary.Bytes = o.Bytes
}

// dataName names the objects for documents. A single task writes the first part of a full snapshot under its final
// name, so that the usual snapshot, which has one part, need not be copied; nothing is there before the guard has
// passed, since an upload becomes an object only at its end.
func (r *run) dataName(full bool) func(part int) string {
	return func(part int) string {
		if full && part == 0 && r.set.Tasks == 1 {
			return snapshotName
		}
		return fmt.Sprintf("%s-%05d.jsonl", r.object("data"), part)
	}
}

// compactRatio and compactSegments say when the segments of a share are folded into one: when a quarter of their
// entries is outdated, or when there are many. Both bound what a run reads to a constant times the documents, and what
// folding costs to a constant times the changes.
const (
	compactRatio    = 1.25
	compactSegments = 24
)

// compact writes the share's manifest as one segment if its segments have grown too much, or hold the ids of other shares;
// else it returns nil. The segment is not committed yet: a run that the guard stops leaves nothing.
func (r *run) compact(ctx context.Context, table *manifest.Table) (*list, error) {
	var entries int64
	for _, g := range r.share() {
		entries += g.Entries
	}
	shared := len(r.view) > 0 && r.view[r.set.Task].Shared
	if !shared && len(r.share()) <= compactSegments && float64(entries) <= compactRatio*float64(table.Len())+1000 {
		return nil, nil
	}
	base := r.newList(ctx, "base")
	err := r.eachEntry(ctx, r.share(), func(e manifest.Entry) error {
		if hash, ok := table.Compact(e.ID); ok {
			return base.segment.Put(e.ID, hash)
		}
		return nil
	})
	if err != nil {
		base.out.abort()
		return nil, err
	}
	table.Reset()
	return base, nil
}
