package bucket

import (
	"bytes"
	"context"
	"io"
)

// smallOutput is what an Output keeps in memory before it begins a streaming upload.
const smallOutput = 512 << 10

// Output is one object being written. A small one is kept in memory and written by one request. Nothing exists in the
// bucket before Commit.
type Output struct {
	bucket *Bucket
	name   string
	opts   WriterOptions
	small  bytes.Buffer
	stream *Writer
	size   int64
}

// NewOutput begins an object of this name, whose upload, if it gets large, goes in chunks of this many bytes; 0: a default
// for throughput.
func (b *Bucket) NewOutput(name string, chunk int) *Output {
	return &Output{bucket: b, name: name, opts: WriterOptions{ChunkSize: chunk}}
}

// Name is the object's name.
func (o *Output) Name() string { return o.name }

// URI is the object's address.
func (o *Output) URI() string { return o.bucket.URI(o.name) }

// Size is how many bytes were written so far.
func (o *Output) Size() int64 { return o.size }

// Writer returns an io.Writer whose writes, and the upload that they begin, end with ctx.
func (o *Output) Writer(ctx context.Context) io.Writer { return outputWriter{o, ctx} }

type outputWriter struct {
	*Output
	ctx context.Context
}

func (w outputWriter) Write(p []byte) (int, error) {
	w.size += int64(len(p))
	if w.stream != nil {
		return w.stream.Write(p)
	}
	w.small.Write(p)
	if w.small.Len() >= smallOutput {
		w.stream = w.bucket.NewWriter(w.ctx, w.name, w.opts)
		if _, err := w.stream.Write(w.small.Bytes()); err != nil {
			return 0, err
		}
		w.small = bytes.Buffer{}
	}
	return len(p), nil
}

// Commit makes the object exist.
func (o *Output) Commit(ctx context.Context) error {
	if o.stream != nil {
		_, err := o.stream.Commit()
		return err
	}
	_, err := o.bucket.Write(ctx, o.name, o.small.Bytes(), Any)
	return err
}

// Abort leaves nothing behind; after Commit it does nothing.
func (o *Output) Abort() {
	if o.stream != nil {
		o.stream.Abort()
	}
}
