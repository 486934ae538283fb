package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	raw "google.golang.org/api/storage/v1"
)

// held is an object that came in chunks and that no request has asked for since.
//
// fake-gcs-server copies what it is given and sums it by MD5, which for a snapshot of 150 MB takes as long as its
// upload, at the end of it, while the job waits. Most snapshots are only ever read by the import. So such an object
// stays here, in the chunks that it came in, until a request needs the fake to have it.
type held struct {
	attrs fakestorage.ObjectAttrs
	parts [][]byte
}

func heldKey(bucket, object string) string { return bucket + "/" + object }

// hold keeps a finished upload. The caller holds s.change.
func (s *Server) hold(u *upload, attrs fakestorage.ObjectAttrs) {
	attrs.Size, attrs.Crc32c = u.size, encodeCRC(u.crc)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[heldKey(attrs.BucketName, attrs.Name)] = held{attrs, u.parts}
}

// heldObject finds what is held under a name.
func (s *Server) heldObject(bucket, object string) (held, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, found := s.held[heldKey(bucket, object)]
	return h, found
}

// drop forgets what is held under a name and reports whether there was anything. The caller holds s.change.
func (s *Server) drop(bucket, object string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.held[heldKey(bucket, object)]
	delete(s.held, heldKey(bucket, object))
	return found
}

// handOver gives the fake every object whose name begins with prefix. The caller holds s.change.
func (s *Server) handOver(bucket, prefix string) error {
	for _, h := range s.heldUnder(bucket, prefix) {
		err := s.fake.CreateObjectStreaming(fakestorage.StreamingObject{ObjectAttrs: h.attrs, Content: h.open()})
		if err != nil {
			return err
		}
		s.drop(bucket, h.attrs.Name)
	}
	return nil
}

// handOverFirst is handOver for callers that do not hold s.change.
func (s *Server) handOverFirst(bucket, prefix string) error {
	s.change.Lock()
	defer s.change.Unlock()
	return s.handOver(bucket, prefix)
}

func (s *Server) heldUnder(bucket, prefix string) (found []held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		if h.attrs.BucketName == bucket && strings.HasPrefix(h.attrs.Name, prefix) {
			found = append(found, h)
		}
	}
	return found
}

// resource is the object as the JSON API describes it, but for its MD5 sum, which nobody has computed. Clients put up
// with that: composed objects have none either.
func (h held) resource(host string) ([]byte, error) {
	a := h.attrs
	path := fmt.Sprintf("storage/v1/b/%s/o/%s", url.PathEscape(a.BucketName), url.PathEscape(a.Name))
	created := a.Created.UTC().Format(time.RFC3339Nano)
	o := raw.Object{
		Kind: "storage#object", Bucket: a.BucketName, Name: a.Name, Generation: a.Generation, Metageneration: 1,
		Id:   fmt.Sprintf("%s/%s/%d", a.BucketName, a.Name, a.Generation),
		Size: uint64(a.Size), Crc32c: a.Crc32c, Etag: fmt.Sprint(a.Generation), Metadata: a.Metadata,
		ContentType: a.ContentType, ContentEncoding: a.ContentEncoding, ContentDisposition: a.ContentDisposition,
		ContentLanguage: a.ContentLanguage, CacheControl: a.CacheControl, StorageClass: a.StorageClass,
		TimeCreated: created, Updated: created, TimeStorageClassUpdated: created,
		SelfLink:  "http://" + host + "/" + path,
		MediaLink: "http://" + host + "/download/" + path + "?alt=media",
	}
	if o.StorageClass == "" {
		o.StorageClass = "STANDARD"
	}
	if !a.CustomTime.IsZero() {
		o.CustomTime = a.CustomTime.UTC().Format(time.RFC3339Nano)
	}
	return json.Marshal(&o)
}

// answer writes the resource.
func (h held) answer(w *reply, r *http.Request) error {
	body, err := h.resource(r.Host)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, err = w.Write(body)
	return err
}

// open reads over the chunks.
func (h held) open() unseekable {
	chunks := make([]io.Reader, len(h.parts))
	for i, part := range h.parts {
		chunks[i] = bytes.NewReader(part)
	}
	return unseekable{io.MultiReader(chunks...)}
}

// unseekable gives a reader the methods that the fake asks for and never calls.
type unseekable struct{ io.Reader }

func (unseekable) Close() error { return nil }

func (unseekable) Seek(int64, int) (int64, error) { return 0, errors.ErrUnsupported }
