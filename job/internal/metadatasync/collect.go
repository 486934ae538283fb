package metadatasync

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/manifest"
)

// maxGoneIDs is how many ids all tasks together remove one by one, which takes effect at once; more are purged, which may
// take hours.
const maxGoneIDs = 1000

// maxNamedRefusals bounds how many refused documents a run names one by one; all are counted.
const maxNamedRefusals = 100

// collector compares the documents of a share with the manifest and writes down what has to change.
type collector struct {
	run   *run
	full  bool // every document goes, not only what changed
	table *manifest.Table
	held  *manifest.Table // ids that wait for a purge to end, nil if there are none
	offer offer

	base     *list // nil unless the share's segments are folded
	data     *jsonl
	upserted *list
	removed  *list
	gone     *output // ids as a purge reads them, when they are more than maxGoneIDs

	change func(kind changeKind, id []byte) // told of every change, when it is not nil
	dry    bool                             // nothing is written
}

// list is a manifest segment being written.
type list struct {
	out     *output
	segment *manifest.Writer
}

func (r *run) newList(ctx context.Context, kind string) *list {
	out := newOutput(r.bucket, r.object(kind), listChunk)
	return &list{out: out, segment: manifest.NewWriter(out.writer(ctx))}
}

// commit makes the segment exist and returns its reference, nil when it has no entry.
func (l *list) commit(ctx context.Context) (*segment, error) {
	if l.segment.Count() == 0 {
		return nil, nil
	}
	if err := l.segment.Close(); err != nil {
		return nil, fmt.Errorf("write %s: %w", l.out.bucket.URI(l.out.name), err)
	}
	if err := l.out.commit(ctx); err != nil {
		return nil, err
	}
	return &segment{Name: l.out.name, Entries: l.segment.Count()}, nil
}

// takeBatch takes over what became of some rows.
func (c *collector) takeBatch(ctx context.Context, b *batch) error {
	c.offer.Rows += b.rows
	c.offer.Skipped += b.skipped
	for _, f := range b.refused {
		if !c.full {
			// What the data store holds under the id, if anything, is the last good version: it stays. A full import
			// removes it, as the guard must know.
			c.table.Keep([]byte(f.id))
		}
		c.refuse(ctx, f.id, f.reason)
	}
	c.table.Expect(len(b.docs), b.id)
	return b.each(func(id, line []byte) error { return c.take(ctx, id, line) })
}

// take compares one document and passes it on if it has to be imported.
func (c *collector) take(ctx context.Context, id, line []byte) error {
	if c.held != nil && c.held.Has(id) {
		c.offer.Documents++
		c.offer.Held++
		return nil
	}
	hash := document.Hash(line)
	change := c.table.See(id, hash)
	switch {
	case change == manifest.Duplicate:
		c.refuse(ctx, string(id), "the query returned the id more than once; only the first of the rows is used")
		return nil
	case change == manifest.New:
		c.offer.New++
	}
	c.offer.Documents++
	c.tell(changeOf[change], id)
	if change == manifest.Same && !c.full {
		return nil
	}
	c.offer.Upserts++
	c.offer.Bytes += int64(len(line))
	if c.dry {
		return nil
	}
	if err := c.data.add(ctx, line); err != nil {
		return err
	}
	return c.upserted.segment.Put(id, hash)
}

// changeOf maps a comparison to what a plan calls it.
var changeOf = map[manifest.Change]changeKind{
	manifest.New:     changeAdd,
	manifest.Changed: changeUpdate,
	manifest.Same:    changeNone,
}

func (c *collector) tell(kind changeKind, id []byte) {
	if c.change != nil && kind != changeNone {
		c.change(kind, id)
	}
}

// refuse counts a row that cannot become a document, and names it in the log.
func (c *collector) refuse(ctx context.Context, id, reason string) {
	c.offer.Refused++
	switch n := c.offer.Refused; {
	case n <= maxNamedRefusals:
		c.run.log.ErrorContext(ctx, "document refused", "id", id, "reason", reason)
	case n == maxNamedRefusals+1:
		c.run.log.ErrorContext(ctx, "more documents refused, not named any more; the last line counts them")
	}
}

// finishScan lists what the data store holds and the scan did not see.
func (c *collector) finishScan(ctx context.Context) error {
	c.offer.Gone = c.table.Missing()
	if c.offer.Gone == 0 {
		return nil
	}
	return c.run.eachEntry(ctx, c.run.share(), func(e manifest.Entry) error {
		if !c.table.TakeGone(e.ID) {
			return nil
		}
		return c.goes(ctx, e.ID)
	})
}

// goes takes note of an id that leaves the data store. A full import removes what it does not contain by itself.
func (c *collector) goes(ctx context.Context, id []byte) error {
	c.tell(changeRemove, id)
	if c.full || c.dry {
		return nil
	}
	if c.gone == nil && len(c.offer.GoneIDs) < maxGoneIDs/c.run.set.Tasks {
		c.offer.GoneIDs = append(c.offer.GoneIDs, string(id))
	} else if err := c.listGone(ctx, id); err != nil {
		return err
	}
	return c.removed.segment.Remove(id)
}

// listGone writes an id as PurgeDocuments reads it: one id a line.
func (c *collector) listGone(ctx context.Context, id []byte) error {
	if c.gone == nil {
		c.gone = newOutput(c.run.bucket, c.run.object("gone"), listChunk)
		few := c.offer.GoneIDs
		c.offer.GoneIDs = nil
		for _, id := range few {
			if err := c.listGone(ctx, []byte(id)); err != nil {
				return err
			}
		}
	}
	_, err := c.gone.writer(ctx).Write(append(bytes.Clone(id), '\n'))
	return err
}

// commit makes everything that the offer names exist in the bucket and returns the offer.
func (c *collector) commit(ctx context.Context) (offer, error) {
	var err error
	if c.offer.Data, err = c.data.commit(ctx); err != nil {
		return offer{}, err
	}
	c.offer.Lines = c.data.lines
	if c.base != nil {
		if c.offer.Base, err = c.base.commit(ctx); err != nil {
			return offer{}, err
		}
		if c.offer.Base == nil {
			c.offer.Base = &segment{} // nothing is left: the share has no segments
		}
	}
	if c.offer.Upserted, err = c.upserted.commit(ctx); err != nil {
		return offer{}, err
	}
	if c.offer.Removed, err = c.removed.commit(ctx); err != nil {
		return offer{}, err
	}
	if c.gone != nil {
		if err := c.gone.commit(ctx); err != nil {
			return offer{}, err
		}
		c.offer.GoneObject = c.gone.name
	}
	return c.offer, nil
}

// abort ends every upload that is not committed; nothing of them remains.
func (c *collector) abort() {
	if c.dry {
		return
	}
	if c.base != nil {
		c.base.out.abort()
	}
	c.data.abort()
	c.upserted.out.abort()
	c.removed.out.abort()
	if c.gone != nil {
		c.gone.abort()
	}
}

// eachEntry calls fn for every entry of the segments, in their order.
func (r *run) eachEntry(ctx context.Context, segments []segment, fn func(manifest.Entry) error) error {
	for _, g := range segments {
		if err := r.eachEntryOf(ctx, g, fn); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) eachEntryOf(ctx context.Context, g segment, fn func(manifest.Entry) error) error {
	return r.readSegment(ctx, g, func(in io.Reader) error { return manifest.Each(in, fn) })
}

// readSegment opens the object of a segment and passes it to fn.
func (r *run) readSegment(ctx context.Context, g segment, fn func(io.Reader) error) error {
	in, err := r.bucket.Reader(ctx, g.Name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := fn(in); err != nil {
		return fmt.Errorf("read manifest segment %s: %w", r.bucket.URI(g.Name), err)
	}
	return nil
}
