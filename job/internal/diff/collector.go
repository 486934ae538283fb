package diff

import (
	"context"
	"fmt"

	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/manifest"
	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/words"
)

const (
	// MaxNamed bounds how many documents of one kind a run names one by one; all are counted.
	MaxNamed = 20
	// listingCap bounds what is read of the data store's own list: 200 pages, at a page's usual 100 ms some 20 seconds.
	listingCap = 200_000

	reasonTwice = "the query returned the id more than once; only the first of the rows is used"
)

// collector compares documents with the manifest and writes down what has to change.
type collector struct {
	in Comparison
	Changes
	table   *manifest.Table
	skipped document.SkippedRows
	before  failure.Memory
	named   int
}

// takeBatch takes over what became of some rows.
func (c *collector) takeBatch(ctx context.Context, b *document.Batch) error {
	if !c.table.Fits() { // the kernel would end the run
		text := fmt.Sprintf("compare documents: the query has more than the %s for which this container has memory", words.Plural(manifest.Capacity(), "document"))
		return &refusal.Advice{Text: text, Remedy: "give the job more memory, or split the query into several syncs"}
	}
	manifest.Tune(c.Before+c.Rows, c.Before+c.Rows+b.Rows)
	c.Rows += b.Rows
	c.skipped.Add(b.Skipped)
	c.Skipped = c.skipped.Count
	for _, f := range b.Refused {
		// What the data store holds under the id, if anything, is an earlier version: it stays, unless a full import
		// removes it, as the guard must know.
		earlier := !c.Full && c.table.Keep([]byte(f.ID))
		c.refuse(ctx, f, earlier)
	}
	c.table.Expect(b.Len(), b.ID)
	return b.Each(func(id, line []byte) error { return c.take(ctx, id, line) })
}

// take compares one document and passes it on if it has to be imported.
func (c *collector) take(ctx context.Context, id, line []byte) error {
	hash := document.Hash(line)
	change := c.table.See(id, hash)
	if change == manifest.Duplicate {
		c.refuse(ctx, document.Refusal{ID: string(id), Hash: hash, Reason: reasonTwice}, false)
		return nil
	}
	c.Documents++
	switch change {
	case manifest.New:
		c.New++
		c.show(Change{Kind: Add, ID: id, Line: line})
	case manifest.Changed:
		c.Changed++
		c.show(Change{Kind: Update, ID: id, Line: line})
	case manifest.Rejected:
		if !c.Full {
			c.Rejected++
			c.Scan.Failures.Add(c.before.Rejected(string(id), hash))
			return nil
		}
	case manifest.Same:
		if !c.Full {
			return nil
		}
	}
	c.Send++
	c.Bytes += int64(len(line))
	if c.in.Show != nil {
		return nil
	}
	if err := c.data.Add(ctx, line); err != nil {
		return err
	}
	return c.upserted.Put(id, hash)
}

func (c *collector) show(change Change) {
	if c.in.Show != nil {
		c.in.Show(change)
	}
}

// refuse counts a row that cannot become a document, and names it in the log if it is new or has changed; a plan shows it
// itself. earlier says that an earlier version stays in the data store.
func (c *collector) refuse(ctx context.Context, f document.Refusal, earlier bool) {
	c.Refused++
	c.Scan.Failures.Add(failure.Document{ID: f.ID, Hash: f.Hash, Reason: f.Reason})
	c.show(Change{Kind: Refuse, ID: []byte(f.ID), Reason: f.Reason})
	if c.in.Show != nil || c.before.Refused(f.ID, f.Hash) {
		return
	}
	if c.named++; c.named > MaxNamed {
		return
	}
	attrs := []any{"id", f.ID, "reason", f.Reason}
	if earlier {
		attrs = append(attrs, "earlier_version", "stays searchable until the next full sync")
	}
	c.in.Log.WarnContext(ctx, "document refused", attrs...)
}

// finish finds what the data store holds and the scan did not see.
func (c *collector) finish(ctx context.Context) error {
	if c.named > MaxNamed {
		c.in.Log.WarnContext(ctx, "more documents refused than are named", "named", MaxNamed, "refused", c.named)
	}
	if c.in.State.Unnamed > 0 && !c.Full {
		c.Scan.Failures.AddUnnamed(c.in.State.Unnamed)
	}
	if c.Scan.Failures.Same(c.before.Tally) {
		c.Scan.Failures = c.before.Tally // which is in the bucket already
	}
	c.Scan.Documents = c.Documents
	// A full import removes what the manifest does not know too, and the manifest may have been written by others: the data
	// store itself is asked what it holds. A full import of nothing does not exist: what is there is deleted id by id then.
	listed := c.Full
	if c.Send == 0 {
		c.Full = false
	}
	c.Gone = c.table.Missing()
	if err := c.listGone(ctx); err != nil || !listed {
		return err
	}
	return c.listUnknown(ctx)
}

// listGone names what the manifest holds and the scan did not see, as far as somebody has to know.
func (c *collector) listGone(ctx context.Context) error {
	left := c.Gone
	if c.in.Show == nil {
		left = min(left, int64(c.in.MaxDeleted))
		if c.Full {
			left = 0
		}
	}
	if left == 0 {
		return nil
	}
	return c.in.Ledger.EachEntry(ctx, c.in.State.Segments, func(e manifest.Entry) error {
		if !c.table.TakeGone(e.ID) {
			return nil
		}
		if !document.ValidID(e.ID) {
			return fmt.Errorf("%w: %.150q is no document's id", manifest.ErrCorrupt, e.ID)
		}
		if err := c.remove(e.ID); err != nil {
			return err
		}
		if left--; left == 0 {
			return ledger.ErrStop
		}
		return nil
	})
}

// remove takes note of an id that has to leave the data store. A full import removes it by itself.
func (c *collector) remove(id []byte) error {
	c.show(Change{Kind: Remove, ID: id})
	if c.Full || c.in.Show != nil || len(c.Deletions) >= c.in.MaxDeleted {
		return nil
	}
	c.Deletions = append(c.Deletions, string(id))
	return c.removed.Remove(id)
}

// listUnknown finds out what a full sync removes that the manifest does not hold: the ids in the data store are listed, up
// to a bound, and looked up in the manifest and in what the scan has read.
func (c *collector) listUnknown(ctx context.Context) error {
	listed := 0
	for id, err := range c.in.Listed(ctx) {
		if err != nil {
			return fmt.Errorf("list the data store's documents to see what the full sync would remove: %w", err)
		}
		if !c.table.Held([]byte(id)) {
			c.Before++ // else it was counted with the manifest
		}
		if !c.table.Has([]byte(id)) {
			c.Gone++
			if err := c.remove([]byte(id)); err != nil {
				return err
			}
		}
		if listed++; listed == listingCap {
			c.in.Log.InfoContext(ctx, "the data store is large, what the full sync removes is estimated from a part of it", "documents", listed)
			break
		}
	}
	return nil
}
