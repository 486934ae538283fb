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

	// block is the unit in which written bytes are handed to the upload.
	block = 256 << 10
)

var errAborted = errors.New("upload was aborted")

// WriterOptions are the settings of one streamed upload; zero values stand for
// the defaults.
type WriterOptions struct {
	// ChunkSize is how many bytes go up in one request, and are kept for its
	// retry; a multiple of 256 KiB. The memory of a Writer is about twice as
	// much. Default: DefaultChunk.
	ChunkSize int
	// ContentType of the object. Default: by the name's ending.
	ContentType string
}

// Writer is one streamed upload. It is used by one goroutine, and must be
// ended by Commit or Abort; Abort after Commit does nothing, so it can be
// deferred.
//
// Write collects bytes while the chunk before is on its way, so that the
// producer and the network work at the same time.
type Writer struct {
	b      *Bucket
	name   string
	token  string
	parent context.Context
	ctx    context.Context
	dog    *watchdog
	upload *storage.Writer

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

// NewWriter starts the upload of an object. Nothing exists under the name, or
// what existed stays as it is, until Commit returns.
func (b *Bucket) NewWriter(ctx context.Context, name string, opts WriterOptions) *Writer {
	if opts.ChunkSize <= 0 {
		opts.ChunkSize = DefaultChunk
	}
	if opts.ContentType == "" {
		opts.ContentType = contentType(name)
	}
	blocks := max(opts.ChunkSize/block, 1)
	w := &Writer{
		b: b, name: name, token: rand.Text(), parent: ctx,
		full: make(chan []byte, blocks), free: make(chan []byte, blocks),
		pumped: make(chan struct{}),
	}
	w.ctx, w.dog = watch(ctx, b.budget)
	w.dog.rest()
	w.upload = b.handle.Object(name).NewWriter(w.ctx)
	w.upload.ContentType = opts.ContentType
	w.upload.Metadata = map[string]string{tokenKey: w.token}
	w.upload.ChunkSize = opts.ChunkSize
	w.upload.ChunkRetryDeadline = b.budget
	w.upload.ChunkTransferTimeout = b.budget / 2
	w.upload.ProgressFunc = func(int64) { w.dog.feed() }
	if err := b.mayWrite(name); err != nil {
		w.dog.cancel(err) // reported by the first Write that fills a block, or by Commit
	}
	go w.run()
	return w
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
		return 0, fmt.Errorf("write %s: the upload is over", w.b.URI(w.name))
	}
	w.crc = crc32.Update(w.crc, castagnoli, p)
	w.size += int64(len(p))
	for rest := p; len(rest) > 0; {
		if w.block == nil {
			w.block = w.fresh()
		}
		n := min(len(rest), cap(w.block)-len(w.block))
		w.block, rest = append(w.block, rest[:n]...), rest[n:]
		if len(w.block) == cap(w.block) {
			if err := w.hand(); err != nil {
				return len(p) - len(rest), err
			}
		}
	}
	return len(p), nil
}

// fresh is an empty block, one that came back where there is one.
func (w *Writer) fresh() []byte {
	select {
	case p := <-w.free:
		return p
	default:
		return make([]byte, 0, block)
	}
}

// hand gives the current block to the pump, waiting while it is full up.
func (w *Writer) hand() error {
	p := w.block
	w.block = nil
	select {
	case w.full <- p:
		return nil
	case <-w.pumped:
		return w.b.explain(w.ctx, "write", w.name, w.err)
	}
}

// Commit ends the upload, checks that the server has what was written, and
// makes the object visible. After an error there is no object, unless the
// error came so late that the server had already finished it: then the whole
// object is there, never a part.
func (w *Writer) Commit() (Object, error) {
	if w.over {
		return Object{}, fmt.Errorf("commit %s: the upload is over", w.b.URI(w.name))
	}
	defer w.Abort()
	if len(w.block) > 0 {
		if err := w.hand(); err != nil {
			return Object{}, err
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
	var o Object
	if err == nil {
		o = object(w.upload.Attrs())
	} else {
		failure := w.b.explain(w.ctx, "write", w.name, err)
		var stalled stalledError
		if w.ctx.Err() != nil && !errors.As(context.Cause(w.ctx), &stalled) {
			return Object{}, failure // cancelled, or never begun
		}
		found, exists := w.b.stored(w.parent, w.name, err)
		if !exists || found.Metadata[tokenKey] != w.token {
			return Object{}, failure
		}
		o = object(found)
	}
	return o, w.verify(o)
}

// verify removes an object that is not what was written.
func (w *Writer) verify(o Object) error {
	if o.Size == w.size && o.CRC32C == w.crc {
		return nil
	}
	err := fmt.Errorf("write %s: %w: sent %d bytes with CRC32C %08x, stored %d with %08x",
		w.b.URI(w.name), ErrCorrupt, w.size, w.crc, o.Size, o.CRC32C)
	ctx, dog := watch(w.parent, w.b.budget)
	defer dog.stop()
	damaged := w.b.handle.Object(w.name).If(storage.Conditions{GenerationMatch: o.Generation})
	if gone := damaged.Delete(ctx); gone != nil {
		return errors.Join(err, w.b.explain(ctx, "delete", w.name, gone))
	}
	return err
}

// Abort gives the upload up and waits until nothing of it is under way.
// Nothing is left in the bucket.
func (w *Writer) Abort() {
	if w.over {
		return
	}
	w.over = true
	w.dog.cancel(errAborted)
	w.end.Do(func() { close(w.full) })
	<-w.pumped
	// With its context over, Close sends nothing more: it waits for the request
	// that was under way to be torn down.
	_ = w.upload.Close()
	w.dog.stop()
	w.block = nil
}
