package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"cloud.google.com/go/storage"
)

// Stream is an object's content. A read that is cut goes on where it was, on the
// same generation; the checksum is verified at the end, so content is whole only
// once Read has returned io.EOF.
type Stream struct {
	b    *Bucket
	ctx  context.Context
	dog  *watchdog
	name string
	r    *storage.Reader
}

// Reader streams an object's content. An absent object is ErrNotExist. The caller
// closes it.
func (b *Bucket) Reader(ctx context.Context, name string) (*Stream, error) {
	if err := b.inside(name); err != nil {
		return nil, fmt.Errorf("read gs://%s: %w", b.name, err)
	}
	ctx, dog := watch(ctx, b.budget)
	r, err := b.handle.Object(name).NewReader(ctx)
	if err != nil {
		defer dog.stop()
		return nil, b.explain(ctx, "read", name, err)
	}
	dog.rest()
	return &Stream{b: b, ctx: ctx, dog: dog, name: name, r: r}, nil
}

// Read bounds the time of one read: the client reopens a body that breaks as
// often as it breaks.
func (s *Stream) Read(p []byte) (int, error) {
	s.dog.feed()
	n, err := s.r.Read(p)
	s.dog.rest()
	if err != nil && err != io.EOF {
		err = s.b.explain(s.ctx, "read", s.name, err)
	}
	return n, err
}

// Size is how many bytes are stored, below 0 where the service does not say. What is read may be more where somebody
// stored it compressed.
func (s *Stream) Size() int64 { return s.r.Attrs.Size }

// Close releases the connection.
func (s *Stream) Close() error {
	err := s.r.Close()
	s.dog.stop()
	return err
}

// isAbsent reports whether err says that the object is not there, while its
// bucket is.
func isAbsent(err error) bool {
	return !isNoBucket(err) && (errors.Is(err, storage.ErrObjectNotExist) || statusOf(err) == http.StatusNotFound)
}
