package bucket

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"cloud.google.com/go/storage"
)

const (
	// defaultChunk is the size of one request of a streamed upload. By
	// BenchmarkUpload every size from 256 KiB up keeps pace with a producer of
	// 400 MB/s next door; 30 ms away 1 MiB reaches 33 MB/s, 4 MiB 117, 8 MiB
	// 207 and 16 MiB 312. 8 MiB is beyond what one connection to the service
	// usually carries, at 16 MiB of memory.
	defaultChunk = 8 << 20

	// small is up to which size an object has no memory for a whole chunk. Most have less.
	small = 512 << 10

	// tokenKey names the metadata in which a write leaves its token.
	tokenKey = "vertex-metadata-write"
)

var contentTypes = map[string]string{".json": "application/json", ".jsonl": "application/x-ndjson", ".txt": "text/plain; charset=utf-8"}

var (
	errOver    = errors.New("the upload is over")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Writer is one object being written. It is used by one goroutine, and must be
// ended by Commit or Abort; Abort after Commit does nothing, so it can be
// deferred.
//
// Write collects a chunk while the one before is on its way, so that the
// producer and the network work at the same time.
type Writer struct {
	b      *Bucket
	verb   string
	name   string
	isNew  bool // there must be no object of that name
	parent context.Context
	ctx    context.Context // the upload's own
	dog    *watchdog
	upload *storage.Writer // sends nothing before the first chunk is full, or Close
	chunk  []byte          // is being filled
	size   int64
	crc    uint32
	closed error // why nothing more is written
}

var _ io.Writer = (*Writer)(nil)

// NewWriter begins an object, whose upload, if it gets large, goes in requests of
// chunk bytes, a multiple of 256 KiB; the memory of a Writer is about twice as
// much. 0 is defaultChunk. Writes end with ctx. Nothing exists under the name, or
// what existed stays as it is, until Commit returns.
func (b *Bucket) NewWriter(ctx context.Context, name string, chunk int) *Writer {
	return b.newWriter(ctx, "write", name, cmp.Or(chunk, defaultChunk), false)
}

func (b *Bucket) newWriter(parent context.Context, verb, name string, chunk int, isNew bool) *Writer {
	w := &Writer{b: b, verb: verb, name: name, isNew: isNew, parent: parent}
	w.close(b.inside(strings.TrimSuffix(name, "/")))
	object := b.handle.Object(name)
	if isNew {
		object = object.If(storage.Conditions{DoesNotExist: true})
	}
	w.ctx, w.dog = watch(parent, b.budget)
	w.dog.rest()
	w.upload = object.NewWriter(w.ctx)
	w.upload.ContentType = cmp.Or(contentTypes[path.Ext(name)], "application/octet-stream")
	w.upload.Metadata = map[string]string{tokenKey: rand.Text()}
	w.upload.ChunkSize = chunk
	w.upload.ChunkTransferTimeout = b.budget / 2
	return w
}

// put stores a small object, only if there is none of its name where isNew.
func (b *Bucket) put(ctx context.Context, verb, name string, data []byte, isNew bool) error {
	w := b.newWriter(ctx, verb, name, min(len(data)+1, defaultChunk), isNew)
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Commit()
}

// Name is the object's name.
func (w *Writer) Name() string { return w.name }

// URI is the object's address.
func (w *Writer) URI() string { return w.b.URI(w.name) }

// Size is how many bytes were written so far.
func (w *Writer) Size() int64 { return w.size }

// close ends the writing, if there is a reason.
func (w *Writer) close(why error) {
	if why != nil {
		w.closed = fmt.Errorf("%s %s: %w", w.verb, w.URI(), why)
	}
}

// Write adds p to the object. An error is final: the upload has failed.
func (w *Writer) Write(p []byte) (int, error) {
	if w.closed != nil {
		return 0, w.closed
	}
	w.size += int64(len(p))
	for rest := p; len(rest) > 0; {
		n := min(len(rest), w.upload.ChunkSize-len(w.chunk))
		if len(w.chunk)+n > small { // grow once more, to the end
			w.chunk = slices.Grow(w.chunk, w.upload.ChunkSize-len(w.chunk))
		}
		w.chunk, rest = append(w.chunk, rest[:n]...), rest[n:]
		if len(w.chunk) == w.upload.ChunkSize {
			if w.closed = w.b.explain(w.ctx, w.verb, w.name, w.send()); w.closed != nil {
				return len(p) - len(rest), w.closed
			}
		}
	}
	return len(p), nil
}

// send passes the chunk on to the upload, which takes one while the one before is on its way. In between the server owes
// nothing.
func (w *Writer) send() error {
	w.crc = crc32.Update(w.crc, castagnoli, w.chunk) // twice as fast as line by line
	w.dog.feed()
	defer w.dog.rest()
	_, err := w.upload.Write(w.chunk)
	w.chunk = w.chunk[:0]
	return err
}

// Commit ends the upload, checks that the server has what was written, and
// makes the object visible. After an error there is no object, unless the
// error came so late that the server had already finished it: then the whole
// object is there, never a part.
func (w *Writer) Commit() error {
	defer w.Abort()
	if w.closed != nil {
		return w.closed
	}
	stored, err := w.finish()
	if err != nil {
		return err
	}
	return w.verify(stored)
}

// finish returns what is stored. A write whose reply was lost left its token there, as did one
// whose retry met the object of its own first attempt.
func (w *Writer) finish() (*storage.ObjectAttrs, error) {
	if int64(len(w.chunk)) == w.size {
		w.upload.ChunkSize = len(w.chunk) + 1 // one request, without a buffer for more
	}
	err := w.send()
	if err == nil {
		w.dog.feed()
		err = w.upload.Close()
		w.dog.rest()
	}
	if err == nil {
		return w.upload.Attrs(), nil
	}
	failure := w.b.explain(w.ctx, w.verb, w.name, err)
	found, exists := w.b.stored(w.parent, w.name, failure)
	switch {
	case exists && found.Metadata[tokenKey] == w.upload.Metadata[tokenKey]:
		return found, nil
	case w.isNew && (statusOf(err) == http.StatusPreconditionFailed || exists && errors.Is(failure, ErrRetained)):
		// A retention policy may be reported before the condition that would not hold either.
		return nil, fmt.Errorf("%s %s: %w", w.verb, w.URI(), ErrExist)
	}
	return nil, failure
}

// stored looks at what is stored under the name of a write that seemed to fail.
func (b *Bucket) stored(ctx context.Context, name string, err error) (found *storage.ObjectAttrs, exists bool) {
	if ctx.Err() != nil || isRefused(err) && !errors.Is(err, ErrRetained) {
		return nil, false
	}
	ctx, dog := watch(ctx, b.budget/2)
	defer dog.stop()
	found, err = b.handle.Object(name).Attrs(ctx)
	return found, err == nil
}

// verify removes an object that is not what was written.
func (w *Writer) verify(o *storage.ObjectAttrs) error {
	if o.Size == w.size && o.CRC32C == w.crc {
		return nil
	}
	err := fmt.Errorf("%s %s: %w: sent %d bytes with CRC32C %08x, stored %d with %08x",
		w.verb, w.URI(), ErrCorrupt, w.size, w.crc, o.Size, o.CRC32C)
	ctx, dog := watch(w.parent, w.b.budget)
	defer dog.stop()
	damaged := w.b.handle.Object(w.name).If(storage.Conditions{GenerationMatch: o.Generation})
	return errors.Join(err, w.b.explain(ctx, "delete", w.name, damaged.Delete(ctx)))
}

// Abort gives the upload up and waits until nothing of it is under way.
// Nothing is left in the bucket.
func (w *Writer) Abort() {
	w.close(errOver)
	w.dog.stop()
	// With its context over, Close sends nothing more: it waits for the request
	// that was under way to be torn down.
	_ = w.upload.Close()
}
