package metadatasync

import (
	"context"

	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/source"
)

const (
	batchBytes = 256 << 10 // of encoded lines; large enough to make the hand-over between goroutines cheap
	batches    = 3         // one filled, one waiting, one worked on

	// gcPercent bounds what a scan adds to the table of the manifest, which is nearly all of its memory: the collector
	// starts when the heap has grown by this much. With Go's 100 it would be twice the table. The table holds no
	// pointers, so a collection costs next to nothing however large it is. An idle tick, which has no table, would be
	// 2 ms slower with it.
	gcPercent = 20
)

// batch is what became of some rows, on its way from the reader to the collector.
type batch struct {
	rows, skipped int64
	lines         []byte
	ids           []byte
	docs          []span
	refused       []refusal
}

// span says where a document ends in its batch: line and id begin where those of the one before end.
type span struct{ line, id int }

// refusal is a row whose document Vertex AI Search would not take.
type refusal struct{ id, reason string }

func (b *batch) reset() {
	*b = batch{lines: b.lines[:0], ids: b.ids[:0], docs: b.docs[:0], refused: b.refused[:0]}
}

// id returns the id of the i-th document.
func (b *batch) id(i int) []byte {
	from := 0
	if i > 0 {
		from = b.docs[i-1].id
	}
	return b.ids[from:b.docs[i].id]
}

// each calls fn for every document of the batch.
func (b *batch) each(fn func(id, line []byte) error) error {
	var from span
	for _, to := range b.docs {
		if err := fn(b.ids[from.id:to.id], b.lines[from.line:to.line]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// scan reads the share once and hands every document to the collector. Reading and encoding run beside comparing and
// uploading, so that PostgreSQL never waits while there is room in the pipeline.
func (r *run) scan(ctx context.Context, c *collector) error {
	encoder, err := r.encoder(ctx)
	if err != nil {
		return err
	}
	full, free := make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		free <- &batch{lines: make([]byte, 0, batchBytes+batchBytes/4)}
	}
	// The uploads that the collector begins outlive the scan, so they must not depend on the group's context.
	group, reading := errgroup.WithContext(ctx)
	group.Go(panics.Guard(func() error {
		defer close(full)
		return r.read(reading, encoder, full, free)
	}))
	group.Go(panics.Guard(func() error {
		for b := range full {
			if err := c.takeBatch(ctx, b); err != nil {
				return err
			}
			r.progress(c.offer.Rows, c.offer.Before)
			b.reset()
			free <- b // never blocks: there are only as many batches as places
		}
		return nil
	}))
	err = group.Wait()
	r.logSkipped(ctx, err == nil && c.offer.Documents == 0)
	return err
}

// maxSkippedTypes bounds how many MIME types are told apart; what is in the column is somebody's input.
const maxSkippedTypes = 20

// skip counts a row that was skipped, by its MIME type.
func (r *run) skip(mimeType []byte) {
	if mimeType == nil {
		mimeType = []byte("NULL")
	}
	if _, known := r.skipped[string(mimeType)]; known || len(r.skipped) < maxSkippedTypes {
		r.skipped[string(mimeType)]++
		return
	}
	r.skipped["others"]++
}

// logSkipped shows an operator which MIME types are left out, should one of them be missed. all says that no document is
// left.
func (r *run) logSkipped(ctx context.Context, all bool) {
	switch {
	case len(r.skipped) == 0:
	case all:
		r.log.WarnContext(ctx, "every row was skipped for its MIME type, see SYNC_MIME_TYPES", "rows_by_type", r.skipped)
	default:
		r.log.InfoContext(ctx, "rows skipped for their MIME type", "rows_by_type", r.skipped)
	}
}

// encoder prepares the query and the encoder for its columns.
func (r *run) encoder(ctx context.Context) (*document.Encoder, error) {
	columns, err := r.db.Columns(ctx)
	if err != nil {
		return nil, err
	}
	mapped := make([]document.Column, len(columns))
	for i, c := range columns {
		mapped[i] = document.Column{Name: c.Name, Kind: document.Kind(c.Kind), Shape: c.Shape}
	}
	return document.NewEncoder(mapped, r.set.Documents)
}

// read encodes the rows of the share into batches.
func (r *run) read(ctx context.Context, encoder *document.Encoder, full chan<- *batch, free <-chan *batch) error {
	b := <-free
	share := source.Share{Index: r.set.Task, Count: r.set.Tasks}
	_, err := r.db.Scan(ctx, share, func(row [][]byte) error {
		b.rows++
		lines, verdict := encoder.Append(b.lines, row)
		switch verdict.Outcome {
		case document.Skipped:
			b.skipped++
			r.skip(verdict.MIMEType)
			return nil
		case document.Refused:
			b.refused = append(b.refused, refusal{id: string(verdict.ID), reason: verdict.Reason})
			return nil
		}
		b.lines = lines
		b.ids = append(b.ids, verdict.ID...)
		b.docs = append(b.docs, span{line: len(b.lines), id: len(b.ids)})
		if len(b.lines) < batchBytes {
			return nil
		}
		var err error
		b, err = swap(ctx, b, full, free)
		return err
	})
	if err != nil {
		return err
	}
	full <- b // never blocks, as above
	return nil
}

// swap hands a full batch over and takes an empty one.
func swap(ctx context.Context, b *batch, full chan<- *batch, free <-chan *batch) (*batch, error) {
	full <- b
	select {
	case b := <-free:
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
