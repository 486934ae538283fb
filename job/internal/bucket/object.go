package bucket

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"path"
	"strings"

	"cloud.google.com/go/storage"
)

const (
	// tokenKey names the metadata in which a write leaves its token.
	tokenKey = "vertex-metadata-write"

	// smallChunk is the upload buffer for put. An object over it goes up in
	// several requests; below it, in one.
	smallChunk = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Read returns a small object's content. An absent object is ErrNotExist. One of more than limit bytes is ErrTooLarge, before any of it is
// kept in memory: others may be able to write the object too.
func (b *Bucket) Read(ctx context.Context, name string, limit int64) ([]byte, error) {
	in, err := b.Reader(ctx, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	size := in.Size()
	if size > limit {
		return nil, b.tooLarge(name, size, limit)
	}
	content := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
	switch read, err := content.ReadFrom(io.LimitReader(in, limit+1)); {
	case err != nil:
		return nil, err
	case read > limit:
		return nil, b.tooLarge(name, read, limit)
	case size >= 0 && read != size:
		return nil, fmt.Errorf("read %s: %w: %d of %d bytes", b.URI(name), ErrCorrupt, read, size)
	}
	return content.Bytes(), nil
}

func (b *Bucket) tooLarge(name string, size, limit int64) error {
	return fmt.Errorf("read %s: %w: %d bytes or more, at most %d are expected", b.URI(name), ErrTooLarge, size, limit)
}

// Create stores a small object under a name that is not taken; if it is, the error
// is ErrExist. Of several that create the same name at a time one succeeds. An
// object that this very call made, and whose reply was lost, is no conflict; one
// that somebody else made is, even when its content is the same.
func (b *Bucket) Create(ctx context.Context, name string, data []byte) error {
	if err := b.mayWrite(name); err != nil {
		return fmt.Errorf("create gs://%s: %w", b.name, err)
	}
	_, err := b.put(ctx, "create", name, data, true)
	return err
}

// put stores a small object, only if there is none of its name where isNew.
func (b *Bucket) put(ctx context.Context, verb, name string, data []byte, isNew bool) (*storage.ObjectAttrs, error) {
	token := rand.Text()
	wctx, dog := watch(ctx, b.budget)
	handle := b.handle.Object(name)
	if isNew {
		handle = handle.If(storage.Conditions{DoesNotExist: true})
	}
	w := handle.NewWriter(wctx)
	w.ContentType = contentType(name)
	w.Metadata = map[string]string{tokenKey: token}
	w.ChunkSize = smallChunk
	w.ChunkRetryDeadline = b.budget
	w.ProgressFunc = func(int64) { dog.feed() }
	w.CRC32C, w.SendCRC32C = crc32.Checksum(data, castagnoli), true
	_, err := w.Write(data)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	failure := b.explain(wctx, verb, name, err)
	dog.stop()
	if err == nil {
		return w.Attrs(), nil
	}
	found, exists := b.stored(ctx, name, err)
	switch {
	case exists && found.Metadata[tokenKey] == token && found.CRC32C == w.CRC32C && found.Size == int64(len(data)):
		return found, nil
	case isNew && (statusOf(err) == http.StatusPreconditionFailed || exists && errors.Is(failure, ErrRetained)):
		// A retention policy may be reported before the condition that would not hold either.
		return nil, fmt.Errorf("%s %s: %w", verb, b.URI(name), ErrExist)
	}
	return nil, failure
}

// CreateFolder makes prefix, which ends in a slash, exist as an empty folder: an
// empty object of that name. Services that write into a folder may insist that
// it is there.
func (b *Bucket) CreateFolder(ctx context.Context, prefix string) error {
	folder, ok := strings.CutSuffix(prefix, "/")
	if !ok {
		return fmt.Errorf("create folder %s: the name does not end in a slash", b.URI(prefix))
	}
	if err := b.mayWrite(folder); err != nil {
		return fmt.Errorf("create folder %s: %w", b.URI(prefix), err)
	}
	_, err := b.put(ctx, "create folder", prefix, nil, false)
	return err
}

// stored looks at what is stored under the name of a write that seemed to fail: a
// write whose reply was lost left its token there. Both a lost reply and the
// conflict of a retry with its own first attempt end here.
func (b *Bucket) stored(ctx context.Context, name string, err error) (found *storage.ObjectAttrs, exists bool) {
	if ctx.Err() != nil || isRefused(err) && !isRetained(err) {
		return nil, false
	}
	ctx, dog := watch(ctx, b.budget/2)
	defer dog.stop()
	found, err = b.handle.Object(name).Attrs(ctx)
	return found, err == nil
}

// Copy copies an object within the bucket, on the server, whatever its size.
func (b *Bucket) Copy(ctx context.Context, src, dst string) error {
	if err := cmp.Or(b.mayWrite(dst), b.inside(src)); err != nil {
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

// Delete removes an object. An absent one is fine. One that a retention policy or a
// hold protects is ErrRetained: it stays, and does no harm.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	return b.delete(ctx, b.handle.Object(name))
}

func (b *Bucket) delete(ctx context.Context, object *storage.ObjectHandle) error {
	if err := b.inside(object.ObjectName()); err != nil {
		return fmt.Errorf("delete from gs://%s: %w", b.name, err)
	}
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	err := object.Delete(ctx)
	if isAbsent(err) {
		return nil
	}
	return b.explain(ctx, "delete", object.ObjectName(), err)
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
