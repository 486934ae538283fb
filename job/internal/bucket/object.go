package bucket

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"

	"cloud.google.com/go/storage"
)

const (
	// Absent is the generation of an object that does not exist, for Write.
	Absent int64 = 0
	// Any lets Write replace whatever is there.
	Any int64 = -1

	// tokenKey names the metadata in which a write leaves its token.
	tokenKey = "vertex-metadata-write"

	// smallChunk is the upload buffer for Write. An object over it goes up in
	// several requests; below it, in one.
	smallChunk = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Read returns a small object's content and its generation. An absent object
// is ErrNotExist.
func (b *Bucket) Read(ctx context.Context, name string) (data []byte, generation int64, err error) {
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	r, err := b.open(ctx, name)
	if err != nil {
		return nil, 0, b.explain(ctx, "read", name, err)
	}
	defer r.Close()
	// One byte more than announced, so that the end is seen without growing.
	data = make([]byte, 0, max(r.Attrs.Size, 0)+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, 0, b.explain(ctx, "read", name, err)
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		dog.feed()
	}
	if size := r.Attrs.Size; size >= 0 && int64(len(data)) != size {
		return nil, 0, fmt.Errorf("read %s: %w: %d of %d bytes", b.URI(name), ErrCorrupt, len(data), size)
	}
	return data, r.Attrs.Generation, nil
}

// Write stores a small object and returns its generation, provided that the
// object's present generation is ifGeneration (Absent: there is none; Any:
// whatever it is); otherwise the error is ErrConflict.
func (b *Bucket) Write(ctx context.Context, name string, data []byte, ifGeneration int64) (generation int64, err error) {
	if err := validName(name); err != nil {
		return 0, fmt.Errorf("write gs://%s: %w", b.name, err)
	}
	return b.put(ctx, name, data, ifGeneration)
}

func (b *Bucket) put(ctx context.Context, name string, data []byte, ifGeneration int64) (generation int64, err error) {
	token := rand.Text()
	wctx, dog := watch(ctx, b.budget)
	w := conditioned(b.handle.Object(name), ifGeneration).NewWriter(wctx)
	w.ContentType = contentType(name)
	w.Metadata = map[string]string{tokenKey: token}
	w.ChunkSize = smallChunk
	w.ChunkRetryDeadline = b.budget
	w.ProgressFunc = func(int64) { dog.feed() }
	w.CRC32C, w.SendCRC32C = crc32.Checksum(data, castagnoli), true
	_, err = w.Write(data)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	failure := b.explain(wctx, "write", name, err)
	dog.stop()
	if err == nil {
		return w.Attrs().Generation, nil
	}
	if o, ok := b.heal(ctx, name, token, err); ok {
		return o.Generation, nil
	}
	if isPrecondition(err) {
		return 0, fmt.Errorf("write %s: expected %s: %w", b.URI(name), describe(ifGeneration), ErrConflict)
	}
	return 0, failure
}

// CreateFolder makes prefix, which ends in a slash, exist as an empty folder: an
// empty object of that name. Services that write into a folder may insist that
// it is there.
func (b *Bucket) CreateFolder(ctx context.Context, prefix string) error {
	folder, ok := strings.CutSuffix(prefix, "/")
	if !ok {
		return fmt.Errorf("create folder %s: the name does not end in a slash", b.URI(prefix))
	}
	if err := validName(folder); err != nil {
		return fmt.Errorf("create folder %s: %w", b.URI(prefix), err)
	}
	_, err := b.put(ctx, prefix, nil, Any)
	return err
}

// heal finds out whether a write that seemed to fail was done after all: the
// object then carries the write's token. Both a lost reply and the conflict of
// a retry with its own first attempt end here.
func (b *Bucket) heal(ctx context.Context, name, token string, err error) (Object, bool) {
	if ctx.Err() != nil || isRefused(err) {
		return Object{}, false
	}
	ctx, dog := watch(ctx, b.budget/2)
	defer dog.stop()
	attrs, err := b.handle.Object(name).Attrs(ctx)
	if err != nil || attrs.Metadata[tokenKey] != token {
		return Object{}, false
	}
	return object(attrs), true
}

// Attrs describes an object. An absent one is ErrNotExist.
func (b *Bucket) Attrs(ctx context.Context, name string) (Object, error) {
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	attrs, err := b.handle.Object(name).Attrs(ctx)
	if err != nil {
		return Object{}, b.explain(ctx, "stat", name, err)
	}
	return object(attrs), nil
}

// Copy copies an object within the bucket, on the server, whatever its size.
func (b *Bucket) Copy(ctx context.Context, src, dst string) error {
	if err := validName(dst); err != nil {
		return fmt.Errorf("copy %s: %w", b.URI(src), err)
	}
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	copier := b.handle.Object(dst).CopierFrom(b.handle.Object(src))
	copier.ProgressFunc = func(uint64, uint64) { dog.feed() }
	if _, err := copier.Run(ctx); err != nil {
		return b.explain(ctx, "copy to "+b.URI(dst)+" from", src, err)
	}
	return nil
}

// Delete removes an object. An absent one is fine.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	err := b.handle.Object(name).Delete(ctx)
	if isAbsent(err) {
		return nil
	}
	return b.explain(ctx, "delete", name, err)
}

// conditioned is the object under the precondition that Write promises.
func conditioned(o *storage.ObjectHandle, generation int64) *storage.ObjectHandle {
	switch {
	case generation == Absent:
		return o.If(storage.Conditions{DoesNotExist: true})
	case generation > 0:
		return o.If(storage.Conditions{GenerationMatch: generation})
	}
	return o
}

func describe(generation int64) string {
	if generation == Absent {
		return "no object"
	}
	return fmt.Sprintf("generation %d", generation)
}

func object(a *storage.ObjectAttrs) Object {
	return Object{Name: a.Name, Generation: a.Generation, Size: a.Size, CRC32C: a.CRC32C, Updated: a.Updated}
}

// contentType goes by the name's ending.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".json":
		return "application/json"
	case ".jsonl", ".ndjson":
		return "application/x-ndjson"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}
