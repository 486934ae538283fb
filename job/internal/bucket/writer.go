package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"cloud.google.com/go/storage"

	"vertexmetadata/job/internal/panics"
)

const (
	// DefaultChunk is the size of one request of a streamed upload. By
	// BenchmarkUpload every size from 256 KiB up keeps pace with a producer of
	// 400 MB/s next door; 30 ms away 1 MiB reaches 33 MB/s, 4 MiB 117, 8 MiB
	// 207 and 16 MiB 312. 8 MiB is beyond what one connection to the service
	// usually carries, at 16 MiB of memory.
	DefaultChunk = 8 << 20

	// block is the unit in which written bytes are handed to the upload. What is
	// less than one is written by one request, without an upload.
	block = 512 << 10
)

var errAborted = errors.New("upload was aborted")

// Writer is one object being written. It is used by one goroutine, and must be
// ended by Commit or Abort; Abort after Commit does nothing, so it can be
// deferred.
//
// Write collects bytes while the chunk before is on its way, so that the
// producer and the network work at the same time.
type Writer struct {
	b      *Bucket
	name   string
	chunk  int
	token  string
	parent context.Context
	ctx    context.Context
	dog    *watchdog
	upload *storage.Writer // nil: not begun

	block []byte      // being filled by Write
	full  chan []byte // to the upload
	free  chan []byte // back from it
	size  int64
	crc   uint32

	pumped chan struct{} // closed once the pump ended, err set
	err    error         // the pump's, to be read after pumped
	end    sync.Once     // closes full
	over   bool          // committed or aborted
}

var _ io.Writer = (*Writer)(nil)

// NewWriter begins an object, whose upload, if it gets large, goes in requests of
// chunk bytes, a multiple of 256 KiB; the memory of a Writer is about twice as
// much. 0 is DefaultChunk. Writes end with ctx. Nothing exists under the name, or
// what existed stays as it is, until Commit returns.
func (b *Bucket) NewWriter(ctx context.Context, name string, chunk int) *Writer {
	if chunk <= 0 {
		chunk = DefaultChunk
	}
	return &Writer{b: b, name: name, chunk: chunk, parent: ctx}
}

// Name is the object's name.
func (w *Writer) Name() string { return w.name }

// URI is the object's address.
func (w *Writer) URI() string { return w.b.URI(w.name) }

// Size is how many bytes were written so far.
func (w *Writer) Size() int64 { return w.size }

// mayWrite says why the object cannot be written, or returns nil.
func (w *Writer) mayWrite() error {
	if err := w.b.mayWrite(w.name); err != nil {
		return fmt.Errorf("write %s: %w", w.URI(), err)
	}
	return nil
}

// start begins the upload.
func (w *Writer) start() error {
	if err := w.mayWrite(); err != nil {
		return err
	}
	blocks := max(w.chunk/block, 1)
	w.full, w.free, w.pumped = make(chan []byte, blocks), make(chan []byte, blocks), make(chan struct{})
	w.ctx, w.dog = watch(w.parent, w.b.budget)
	w.dog.rest()
	w.token = rand.Text()
	w.upload = w.b.handle.Object(w.name).NewWriter(w.ctx)
	w.upload.ContentType = contentType(w.name)
	w.upload.Metadata = map[string]string{tokenKey: w.token}
	w.upload.ChunkSize = w.chunk
	w.upload.ChunkRetryDeadline = w.b.budget
	w.upload.ChunkTransferTimeout = w.b.budget / 2
	w.upload.ProgressFunc = func(int64) { w.dog.feed() }
	go w.run()
	return nil
}

// run pumps, and ends the upload where that panics.
func (w *Writer) run() {
	defer close(w.pumped)
	w.err = panics.Guard(w.pump)()
}

// pump moves full blocks into the upload, which blocks while a chunk is sent.
func (w *Writer) pump() error {
	for {
		select {
		case p, more := <-w.full:
			if !more {
				return nil
			}
			w.dog.feed()
			_, err := w.upload.Write(p)
			w.dog.rest()
			if err != nil {
				return err
			}
			select {
			case w.free <- p[:0]:
			default: // more blocks than the writer can need at a time
			}
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
}

// Write adds p to the object. An error is final: the upload has failed.
func (w *Writer) Write(p []byte) (int, error) {
	if w.over {
		return 0, fmt.Errorf("write %s: the upload is over", w.URI())
	}
	w.crc = crc32.Update(w.crc, castagnoli, p)
	w.size += int64(len(p))
	for rest := p; len(rest) > 0; {
		if w.block == nil && w.upload != nil { // one that came back, where there is one
			select {
			case w.block = <-w.free:
			default:
				w.block = make([]byte, 0, block)
			}
		}
		n := min(len(rest), block-len(w.block))
		w.block, rest = append(w.block, rest[:n]...), rest[n:]
		if len(w.block) == block {
			if err := w.hand(); err != nil {
				return len(p) - len(rest), err
			}
		}
	}
	return len(p), nil
}

// hand gives the current block to the pump, waiting while it is full up.
func (w *Writer) hand() error {
	if w.upload == nil {
		if err := w.start(); err != nil {
			return err
		}
	}
	select {
	case w.full <- w.block:
	case <-w.pumped:
		return w.b.explain(w.ctx, "write", w.name, w.err)
	}
	w.block = nil
	return nil
}

// Commit ends the upload, checks that the server has what was written, and
// makes the object visible. After an error there is no object, unless the
// error came so late that the server had already finished it: then the whole
// object is there, never a part.
func (w *Writer) Commit() error {
	if w.over {
		return fmt.Errorf("commit %s: the upload is over", w.URI())
	}
	defer w.Abort()
	stored, err := w.finish()
	if err != nil {
		return err
	}
	return w.verify(stored)
}

// finish returns what is stored.
func (w *Writer) finish() (*storage.ObjectAttrs, error) {
	if w.upload == nil {
		if err := w.mayWrite(); err != nil {
			return nil, err
		}
		return w.b.put(w.parent, "write", w.name, w.block, false)
	}
	if len(w.block) > 0 {
		if err := w.hand(); err != nil {
			return nil, err
		}
	}
	w.end.Do(func() { close(w.full) })
	<-w.pumped
	err := w.err
	if err == nil {
		w.dog.feed()
		err = w.upload.Close()
		w.dog.rest()
	}
	if err == nil {
		return w.upload.Attrs(), nil
	}
	failure := w.b.explain(w.ctx, "write", w.name, err)
	var stalled stalledError
	if w.ctx.Err() != nil && !errors.As(context.Cause(w.ctx), &stalled) {
		return nil, failure // cancelled
	}
	if found, exists := w.b.stored(w.parent, w.name, err); exists && found.Metadata[tokenKey] == w.token {
		return found, nil
	}
	return nil, failure
}

// verify removes an object that is not what was written.
func (w *Writer) verify(o *storage.ObjectAttrs) error {
	if o.Size == w.size && o.CRC32C == w.crc {
		return nil
	}
	err := fmt.Errorf("write %s: %w: sent %d bytes with CRC32C %08x, stored %d with %08x",
		w.URI(), ErrCorrupt, w.size, w.crc, o.Size, o.CRC32C)
	ctx, dog := watch(w.parent, w.b.budget)
	defer dog.stop()
	damaged := w.b.handle.Object(w.name).If(storage.Conditions{GenerationMatch: o.Generation})
	return errors.Join(err, w.b.explain(ctx, "delete", w.name, damaged.Delete(ctx)))
}

// Abort gives the upload up and waits until nothing of it is under way.
// Nothing is left in the bucket.
func (w *Writer) Abort() {
	if w.over {
		return
	}
	w.over, w.block = true, nil
	if w.upload == nil {
		return
	}
	w.dog.cancel(errAborted)
	w.end.Do(func() { close(w.full) })
	<-w.pumped
	// With its context over, Close sends nothing more: it waits for the request
	// that was under way to be torn down.
	_ = w.upload.Close()
	w.dog.stop()
}
