package storage

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Object describes one stored object, for tests and for servers that share the process.
type Object struct {
	Name        string
	ContentType string
	Size        int64 // bytes
	Generation  int64
	Metadata    map[string]string
}

// CreateBucket makes a bucket, or keeps the one that exists.
func (s *Server) CreateBucket(name string) {
	s.fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
}

// BucketExists reports whether there is a bucket of that name.
func (s *Server) BucketExists(name string) bool { return s.bucketExists(name) }

// DeleteBucket removes a bucket with all it holds, as if by hand; it need not exist.
func (s *Server) DeleteBucket(name string) {
	s.Empty(name)
	s.change.Lock()
	defer s.change.Unlock()
	_ = s.fake.Backend().DeleteBucket(name) // absent or empty by now
}

// Empty removes every object of a bucket, as if by hand.
func (s *Server) Empty(bucket string) {
	for _, object := range s.List(bucket, "") {
		s.Delete(bucket, object.Name)
	}
}

// List describes the objects of a bucket whose names begin with prefix, in the order of their names. An
// absent bucket has none.
func (s *Server) List(bucket, prefix string) []Object {
	found, err := s.fake.ListObjectsWithOptionsPaginated(bucket, fakestorage.ListOptions{Prefix: prefix})
	if err != nil {
		return nil
	}
	objects := make([]Object, 0, len(found.Objects))
	for _, o := range found.Objects {
		if _, newer := s.heldObject(bucket, o.Name); !newer {
			objects = append(objects, describe(o))
		}
	}
	for _, h := range s.heldUnder(bucket, prefix) {
		objects = append(objects, describe(h.attrs))
	}
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return objects
}

// Open returns an object's content; the error says whether the bucket or the object is missing.
func (s *Server) Open(bucket, name string) (io.ReadCloser, Object, error) {
	if !s.bucketExists(bucket) {
		return nil, Object{}, fmt.Errorf("open gs://%s/%s: %w", bucket, name, errNoBucket)
	}
	if h, found := s.heldObject(bucket, name); found {
		return h.open(), describe(h.attrs), nil
	}
	found, err := s.fake.GetObjectStreaming(bucket, name)
	if err != nil {
		return nil, Object{}, fmt.Errorf("open gs://%s/%s: %w", bucket, name, noObject(bucket, name))
	}
	return found.Content, describe(found.ObjectAttrs), nil
}

// Read returns an object's content whole.
func (s *Server) Read(bucket, name string) ([]byte, error) {
	content, object, err := s.Open(bucket, name)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	data := bytes.NewBuffer(make([]byte, 0, object.Size))
	if _, err := io.Copy(data, content); err != nil {
		return nil, fmt.Errorf("read gs://%s/%s: %w", bucket, name, err)
	}
	return data.Bytes(), nil
}

// Write stores an object, as if by hand, and returns its generation. The bucket must exist.
func (s *Server) Write(bucket, name string, data []byte) (int64, error) {
	if !s.bucketExists(bucket) {
		return 0, fmt.Errorf("write gs://%s/%s: %w", bucket, name, errNoBucket)
	}
	u := &upload{bucket: bucket, name: name, byHand: true}
	u.add(bytes.Clone(data))
	generation, err := s.finish(u, nil)
	if err != nil {
		return 0, fmt.Errorf("write gs://%s/%s: %w", bucket, name, err)
	}
	return generation, nil
}

// Delete removes an object, as if by hand, and reports whether it was there.
func (s *Server) Delete(bucket, name string) bool {
	s.change.Lock()
	defer s.change.Unlock()
	return s.remove(bucket, name)
}

// remove removes an object, if it is there. The caller holds s.change.
func (s *Server) remove(bucket, name string) bool {
	wasHeld := s.drop(bucket, name)
	return s.fake.Backend().DeleteObject(bucket, name) == nil || wasHeld
}

func describe(o fakestorage.ObjectAttrs) Object {
	return Object{Name: o.Name, ContentType: o.ContentType, Size: o.Size, Generation: o.Generation, Metadata: o.Metadata}
}
