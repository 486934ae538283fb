package metadatasync

import (
	"bytes"
	"context"

	"vertexmetadata/job/internal/bucket"
)

const (
	// maxObject is how large an object of documents may become; the service reads files up to 2 GB.
	maxObject = 1900 << 20
	// maxLines and maxLinesBytes bound a change that is sent inline instead of through the bucket.
	maxLines      = 100
	maxLinesBytes = 1 << 20
	// smallObject is what an output keeps in memory before it begins a streaming upload.
	smallObject = 512 << 10
	// listChunk is the upload chunk of manifest segments and lists, which need less throughput than documents.
	listChunk = 1 << 20
)

// output is one object being written. A small one is kept in memory and written by one request. Nothing exists in the
// bucket before commit.
type output struct {
	bucket *bucket.Bucket
	name   string
	opts   bucket.WriterOptions
	small  bytes.Buffer
	stream *bucket.Writer
	size   int64
}

func newOutput(b *bucket.Bucket, name string, chunk int) *output {
	return &output{bucket: b, name: name, opts: bucket.WriterOptions{ChunkSize: chunk}}
}

// writer returns an io.Writer whose writes, and the upload that they begin, end with ctx.
func (o *output) writer(ctx context.Context) outputWriter { return outputWriter{o, ctx} }

type outputWriter struct {
	*output
	ctx context.Context
}

func (w outputWriter) Write(p []byte) (int, error) {
	w.size += int64(len(p))
	if w.stream != nil {
		return w.stream.Write(p)
	}
	w.small.Write(p)
	if w.small.Len() >= smallObject {
		w.stream = w.bucket.NewWriter(w.ctx, w.name, w.opts)
		if _, err := w.stream.Write(w.small.Bytes()); err != nil {
			return 0, err
		}
		w.small = bytes.Buffer{}
	}
	return len(p), nil
}

// commit makes the object exist.
func (o *output) commit(ctx context.Context) error {
	if o.stream != nil {
		_, err := o.stream.Commit()
		return err
	}
	_, err := o.bucket.Write(ctx, o.name, o.small.Bytes(), bucket.Any)
	return err
}

// abort leaves nothing behind; after commit it does nothing.
func (o *output) abort() {
	if o.stream != nil {
		o.stream.Abort()
	}
}

// jsonl collects document lines: in memory while they are few, else in objects of at most maxObject bytes.
type jsonl struct {
	bucket   *bucket.Bucket
	name     func(part int) string
	inMemory bool // while they are few
	lines    [][]byte
	size     int64
	closed   []*output // full, not committed yet
	open     *output
}

// add appends a line, its newline included.
func (j *jsonl) add(ctx context.Context, line []byte) error {
	j.size += int64(len(line))
	if j.inMemory && len(j.lines) < maxLines && j.size <= maxLinesBytes {
		j.lines = append(j.lines, bytes.Clone(line))
		return nil
	}
	if j.inMemory {
		j.inMemory = false
		for _, l := range j.lines {
			if err := j.append(ctx, l); err != nil {
				return err
			}
		}
		j.lines = nil
	}
	return j.append(ctx, line)
}

func (j *jsonl) append(ctx context.Context, line []byte) error {
	if j.open != nil && j.open.size+int64(len(line)) > maxObject {
		// A finished part must not be kept open, memory is bounded; its name is one that nobody reads yet.
		if err := j.open.commit(ctx); err != nil {
			return err
		}
		j.closed, j.open = append(j.closed, j.open), nil
	}
	if j.open == nil {
		j.open = newOutput(j.bucket, j.name(len(j.closed)), 0)
	}
	_, err := j.open.writer(ctx).Write(line)
	return err
}

// commit makes the objects exist and returns their names: none when the lines are in memory.
func (j *jsonl) commit(ctx context.Context) (names []string, err error) {
	if j.open != nil {
		if err := j.open.commit(ctx); err != nil {
			return nil, err
		}
		j.closed, j.open = append(j.closed, j.open), nil
	}
	for _, o := range j.closed {
		names = append(names, o.name)
	}
	return names, nil
}

func (j *jsonl) abort() {
	if j.open != nil {
		j.open.abort()
	}
}
