package diff

import (
	"context"

	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/panics"
)

const (
	batchBytes    = 256 << 10 // of encoded lines; large enough to make the hand-over between goroutines cheap
	batchRefusals = 1000      // bounds a batch in which hardly a row becomes a line
	batches       = 3         // one filled, one waiting, one worked on
)

// pipe reads the source and hands every document to the collector. Reading and encoding run beside comparing and
// uploading, so that PostgreSQL never waits while there is room in the pipeline.
func (c *collector) pipe(ctx context.Context) error {
	columns, err := c.in.DB.Columns(ctx)
	if err != nil {
		return err
	}
	encoder := document.NewEncoder(columns, c.in.Rules)
	full, free := make(chan *document.Batch, batches), make(chan *document.Batch, batches)
	for range batches {
		free <- document.NewBatch(batchBytes + batchBytes/4)
	}
	// The uploads that the collector begins outlive the scan, so they must not depend on the group's context.
	group, reading := errgroup.WithContext(ctx)
	group.Go(panics.Guard(func() error {
		defer close(full)
		return c.read(reading, encoder, full, free)
	}))
	group.Go(panics.Guard(func() error {
		c.progress()
		for b := range full {
			if err := c.takeBatch(ctx, b); err != nil {
				return err
			}
			c.progress()
			b.Reset()
			free <- b // never blocks: there are only as many batches as places
		}
		return nil
	}))
	return group.Wait()
}

func (c *collector) progress() {
	if c.in.Progress != nil {
		c.in.Progress(c.Rows, c.Before)
	}
}

// read encodes the rows into batches.
func (c *collector) read(ctx context.Context, encoder *document.Encoder, full chan<- *document.Batch, free <-chan *document.Batch) error {
	b := <-free
	err := c.in.DB.Scan(ctx, func(row [][]byte) error {
		b.Add(encoder, row)
		if b.Size() < batchBytes && len(b.Refused) < batchRefusals {
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
func swap(ctx context.Context, b *document.Batch, full chan<- *document.Batch, free <-chan *document.Batch) (*document.Batch, error) {
	full <- b
	select {
	case b := <-free:
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// logSkipped shows an operator which MIME types are left out, should one of them be missed. all says that no document is
// left.
func (c *collector) logSkipped(ctx context.Context, all bool) {
	switch {
	case len(c.skipped.ByType) == 0:
	case all:
		c.in.Log.WarnContext(ctx, "every row was skipped for its MIME type", "rows_by_type", c.skipped.ByType, "hint", "set SYNC_MIME_TYPES to the types that are wanted")
	default:
		c.in.Log.InfoContext(ctx, "rows skipped for their MIME type", "rows_by_type", c.skipped.ByType)
	}
}
