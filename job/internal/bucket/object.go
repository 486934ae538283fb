package bucket

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"cloud.google.com/go/storage"
)

// Read returns a small object's content. An absent object is ErrNotExist. One of more than
// limit bytes is ErrTooLarge, before more of it is kept in memory: others may be able to
// write the object too.
func (b *Bucket) Read(ctx context.Context, name string, limit int64) ([]byte, error) {
	in, err := b.Reader(ctx, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if size := in.Size(); size > limit {
		return nil, b.tooLarge(name, size, limit)
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, err
	}
	if read := int64(len(data)); read > limit { // stored compressed, its size is not known before
		return nil, b.tooLarge(name, read, limit)
	}
	return data, nil
}

func (b *Bucket) tooLarge(name string, size, limit int64) error {
	return fmt.Errorf("read %s: %w: %d bytes or more, at most %d are expected", b.URI(name), ErrTooLarge, size, limit)
}

// Create stores a small object under a name that is not taken; if it is, the error
// is ErrExist. Of several that create the same name at a time one succeeds. An
// object that this very call made, and whose reply was lost, is no conflict; one
// that somebody else made is, even when its content is the same.
func (b *Bucket) Create(ctx context.Context, name string, data []byte) error {
	return b.put(ctx, "create", name, data, true)
}

// CreateFolder makes prefix, which ends in a slash, exist as an empty folder: an
// empty object of that name. Services that write into a folder may insist that
// it is there.
func (b *Bucket) CreateFolder(ctx context.Context, prefix string) error {
	return b.put(ctx, "create folder", prefix, nil, false)
}

// Copy copies an object within the bucket, on the server, whatever its size.
func (b *Bucket) Copy(ctx context.Context, src, dst string) error {
	if err := cmp.Or(b.inside(dst), b.inside(src)); err != nil {
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
