package diff

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/manifest"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/source"
)

const (
	batchBytes    = 256 << 10 // of encoded lines; large enough to make the hand-over between goroutines cheap
	batchRefusals = 1000      // bounds a batch in which hardly a row becomes a line
	batches       = 3         // one filled, one waiting, one worked on
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
type refusal struct {
	id     string
	hash   uint64 // of the row and the reason
	reason string
}

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

// pipe reads the source and hands every document to the collector. Reading and encoding run beside comparing and
// uploading, so that PostgreSQL never waits while there is room in the pipeline.
func (c *collector) pipe(ctx context.Context) error {
	encoder, err := c.encoder(ctx)
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
		return c.read(reading, encoder, full, free)
	}))
	group.Go(panics.Guard(func() error {
		c.progress()
		for b := range full {
			if err := c.takeBatch(ctx, b); err != nil {
				return err
			}
			c.progress()
			b.reset()
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

// encoder prepares the query and the encoder for its columns.
func (c *collector) encoder(ctx context.Context) (*document.Encoder, error) {
	columns, err := c.in.DB.Columns(ctx)
	if err != nil {
		return nil, err
	}
	return NewEncoder(columns, c.in.Rules)
}

// NewEncoder returns the encoder for rows of these columns.
func NewEncoder(columns []source.Column, rules document.Options) (*document.Encoder, error) {
	mapped := make([]document.Column, len(columns))
	for i, column := range columns {
		mapped[i] = document.Column{Name: column.Name, Kind: document.Kind(column.Kind), Shape: column.Shape}
	}
	return document.NewEncoder(mapped, rules)
}

// read encodes the rows into batches.
func (c *collector) read(ctx context.Context, encoder *document.Encoder, full chan<- *batch, free <-chan *batch) error {
	b := <-free
	_, err := c.in.DB.Scan(ctx, func(row [][]byte) error {
		b.rows++
		lines, verdict := encoder.Append(b.lines, row)
		switch verdict.Outcome {
		case document.Skipped:
			b.skipped++
			c.skip(verdict.MIMEType)
			return nil
		case document.Refused:
			b.refused = append(b.refused, refusal{id: boundedID(verdict.ID), hash: rowHash(row, verdict.Reason), reason: verdict.Reason})
		default:
			b.lines = lines
			b.ids = append(b.ids, verdict.ID...)
			b.docs = append(b.docs, span{line: len(b.lines), id: len(b.ids)})
		}
		if len(b.lines) < batchBytes && len(b.refused) < batchRefusals {
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

// boundedID is an id as it is remembered and shown. One that is too long to be a document's is cut, since up to thousands
// are remembered, and ends in what no document's id has.
func boundedID(id []byte) string {
	if len(id) <= manifest.MaxID {
		return string(id)
	}
	return strings.ToValidUTF8(string(id[:manifest.MaxID]), "") + "…"
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

// rowHash tells a refused row that is as it was from one that changed.
func rowHash(row [][]byte, reason string) uint64 {
	h := xxh3.New()
	for _, value := range row {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(value)))
		h.Write(size[:])
		h.Write(value)
	}
	h.WriteString(reason)
	return h.Sum64()
}

// maxSkippedTypes bounds how many MIME types are counted apart; what is in the column is somebody's input.
const maxSkippedTypes = 20

// skip counts a row that was skipped, by its MIME type.
func (c *collector) skip(mimeType []byte) {
	if mimeType == nil {
		mimeType = []byte("NULL")
	}
	if len(mimeType) > maxSkippedType {
		mimeType = bytes.ToValidUTF8(mimeType[:maxSkippedType], []byte("\uFFFD"))
	}
	if _, known := c.skipped[string(mimeType)]; known || len(c.skipped) < maxSkippedTypes {
		c.skipped[string(mimeType)]++
		return
	}
	c.skipped["others"]++
}

// maxSkippedType is how many bytes of a MIME type are logged.
const maxSkippedType = 100

// logSkipped shows an operator which MIME types are left out, should one of them be missed. all says that no document is
// left.
func (c *collector) logSkipped(ctx context.Context, all bool) {
	switch {
	case len(c.skipped) == 0:
	case all:
		c.in.Log.WarnContext(ctx, "every row was skipped for its MIME type", "rows_by_type", c.skipped, "hint", "set SYNC_MIME_TYPES to the types that are wanted")
	default:
		c.in.Log.InfoContext(ctx, "rows skipped for their MIME type", "rows_by_type", c.skipped)
	}
}
