package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
)

// Reader streams an object's content. A read that is cut goes on where it was,
// on the same generation; the checksum is verified at the end, so content is
// whole only once Read has returned io.EOF. An absent object is ErrNotExist.
// The caller closes it.
func (b *Bucket) Reader(ctx context.Context, name string) (Stream, error) {
	if err := b.inside(name); err != nil {
		return nil, fmt.Errorf("read gs://%s: %w", b.name, err)
	}
	ctx, dog := watch(ctx, b.budget)
	r, err := b.open(ctx, name)
	if err != nil {
		defer dog.stop()
		return nil, b.explain(ctx, "read", name, err)
	}
	dog.rest()
	return &reader{b: b, ctx: ctx, dog: dog, name: name, r: r}, nil
}

// Stream is an object's content.
type Stream interface {
	io.ReadCloser
	// Size is how many bytes are stored, below 0 where the service does not say. What is read may be more where
	// somebody stored it compressed.
	Size() int64
}

func (b *Bucket) open(ctx context.Context, name string) (*storage.Reader, error) {
	return b.handle.Object(name).NewReader(ctx)
}

type reader struct {
	b    *Bucket
	ctx  context.Context
	dog  *watchdog
	name string
	r    *storage.Reader
}

// Read bounds the time of one read: the client reopens a body that breaks as
// often as it breaks.
func (r *reader) Read(p []byte) (int, error) {
	r.dog.feed()
	n, err := r.r.Read(p)
	r.dog.rest()
	if err != nil && err != io.EOF {
		err = r.b.explain(r.ctx, "read", r.name, err)
	}
	return n, err
}

// Size is how many bytes are stored.
func (r *reader) Size() int64 { return r.r.Attrs.Size }

// Close releases the connection.
func (r *reader) Close() error {
	err := r.r.Close()
	r.dog.stop()
	return err
}

// isAbsent reports whether err says that the object is not there, while its
// bucket is.
func isAbsent(err error) bool {
	if err == nil || isNoBucket(err) {
		return false
	}
	var api *googleapi.Error
	return errors.Is(err, storage.ErrObjectNotExist) ||
		errors.As(err, &api) && api.Code == http.StatusNotFound
}
