package storage

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// upload is an object on its way in.
type upload struct {
	bucket, name string
	conds        conditions
	meta         objectMeta
	parts        [][]byte
	size         int64
	crc          uint32 // of all parts
	byHand       bool   // by a test, past every policy
}

// objectMeta is the part of the object resource that a writer may set.
type objectMeta struct {
	Name               string
	ContentType        string
	ContentEncoding    string
	ContentDisposition string
	ContentLanguage    string
	CacheControl       string
	StorageClass       string
	CustomTime         time.Time
	Metadata           map[string]string
	Crc32c             string
	Md5Hash            string
}

func (u *upload) add(data []byte) {
	if len(data) == 0 {
		return
	}
	u.parts = append(u.parts, data)
	u.size += int64(len(data))
	u.crc = crc32.Update(u.crc, castagnoli, data)
}

// insert takes an upload that comes in one request: content alone, or metadata and content as two parts.
func (s *Server) insert(w *reply, r *http.Request, req Request) error {
	u, err := newUpload(r, req)
	if err != nil {
		return err
	}
	var content []byte
	switch kind := r.URL.Query().Get("uploadType"); kind {
	case "media":
		u.meta.ContentType = r.Header.Get("Content-Type")
		content, err = io.ReadAll(r.Body)
	case "multipart":
		content, err = u.readMultipart(r)
	default:
		return badRequest("Invalid upload type: %q", kind)
	}
	if err != nil {
		return uploadError(err)
	}
	u.add(content)
	w.request.Object = u.name
	generation, err := s.finish(u, r.Header)
	if err != nil {
		return err
	}
	return s.answerObject(w, r, u, generation)
}

func newUpload(r *http.Request, req Request) (*upload, error) {
	conds, err := readConditions(r.URL.Query(), "if")
	if err != nil {
		return nil, err
	}
	return &upload{bucket: req.Bucket, name: req.Object, conds: conds}, nil
}

// readMultipart takes the metadata of a multipart/related body and returns its content.
func (u *upload) readMultipart(r *http.Request) ([]byte, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, badRequest("Invalid multipart request: %v", err)
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	meta, err := parts.NextPart()
	if err != nil {
		return nil, err
	}
	if err := u.readMeta(meta); err != nil {
		return nil, err
	}
	media, err := parts.NextPart()
	if err != nil {
		return nil, err
	}
	if u.meta.ContentType == "" {
		u.meta.ContentType = media.Header.Get("Content-Type")
	}
	return io.ReadAll(media)
}

// readMeta takes the object resource that an upload starts with; an empty one says nothing.
func (u *upload) readMeta(body io.Reader) error {
	if err := json.NewDecoder(body).Decode(&u.meta); err != nil && err != io.EOF {
		if errors.Is(err, errCutOff) {
			return err
		}
		return badRequest("Parse Error: %v", err)
	}
	if u.name == "" {
		u.name = u.meta.Name
	}
	return nil
}

// uploadError distinguishes a body that was cut, by a fault switch or by the client, from one that is wrong.
func uploadError(err error) error {
	var known apiError
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, errCutOff):
		return errCutOff
	}
	return badRequest("Invalid request body: %v", err)
}

// finish makes the object, if its checksums and preconditions hold, and returns its generation.
func (s *Server) finish(u *upload, header http.Header) (int64, error) {
	if err := checkName(u.name); err != nil {
		return 0, err
	}
	if err := u.checkSums(header); err != nil {
		return 0, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if err := u.conds.hold(s.liveGeneration(u.bucket, u.name), false); err != nil {
		return 0, err
	}
	if !u.byHand {
		if err := s.mayChange(u.bucket, u.name); err != nil {
			return 0, err
		}
	}
	s.changed(u.bucket, u.name, false)
	generation := s.nextGeneration()
	now := time.Now()
	s.hold(u, fakestorage.ObjectAttrs{
		BucketName: u.bucket, Name: u.name, Generation: generation, Metadata: u.meta.Metadata,
		ContentType: u.meta.ContentType, ContentEncoding: u.meta.ContentEncoding,
		ContentDisposition: u.meta.ContentDisposition, ContentLanguage: u.meta.ContentLanguage,
		CacheControl: u.meta.CacheControl, StorageClass: u.meta.StorageClass, CustomTime: u.meta.CustomTime,
		Created: now, Updated: now,
	})
	if len(u.parts) > 1 {
		return generation, nil
	}
	return generation, s.handOver(u.bucket, u.name)
}

// checkSums compares the content with the checksums that the client declared, in the metadata or in a header.
func (u *upload) checkSums(header http.Header) error {
	if want := u.meta.Md5Hash; want != "" {
		sum := md5.New()
		for _, part := range u.parts {
			sum.Write(part)
		}
		if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != want {
			return badRequest("Provided MD5 hash %q doesn't match calculated MD5 hash %q.", want, got)
		}
	}
	got := encodeCRC(u.crc)
	declared := []string{u.meta.Crc32c}
	for _, line := range header.Values("X-Goog-Hash") {
		for hash := range strings.SplitSeq(line, ",") {
			if crc, ok := strings.CutPrefix(strings.TrimSpace(hash), "crc32c="); ok {
				declared = append(declared, crc)
			}
		}
	}
	for _, want := range declared {
		if want != "" && want != got {
			return badRequest("Provided CRC32C %q doesn't match calculated CRC32C %q.", want, got)
		}
	}
	return nil
}

func encodeCRC(crc uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc))
}

// nextGeneration is the time in microseconds, as the service's generations look, but never the same twice.
// The caller holds s.change.
func (s *Server) nextGeneration() int64 {
	s.lastGeneration = max(s.lastGeneration+1, time.Now().UnixMicro())
	return s.lastGeneration
}

// answerObject answers with the resource of the object just made, in the fake's own words if it has it.
func (s *Server) answerObject(w *reply, r *http.Request, u *upload, generation int64) error {
	w.Header().Set("X-Goog-Generation", fmt.Sprint(generation))
	if h, found := s.heldObject(u.bucket, u.name); found {
		return h.answer(w, r)
	}
	inner, err := http.NewRequestWithContext(r.Context(), http.MethodGet,
		fmt.Sprintf("http://%s/storage/v1/b/%s/o/%s?projection=full", r.Host, url.PathEscape(u.bucket), url.PathEscape(u.name)), nil)
	if err != nil {
		return err
	}
	return s.pass(w, inner)
}

// checkName refuses what the service refuses as an object's name.
func checkName(name string) error {
	switch {
	case name == "":
		return badRequest("Required")
	case len(name) > 1024:
		return badRequest("The specified object name is too long: %d bytes, at most 1024.", len(name))
	case strings.ContainsAny(name, "\r\n"):
		return badRequest("Disallowed unicode characters present in object name %q", name)
	case name == "." || name == "..":
		return badRequest("Invalid object name %q", name)
	}
	return nil
}
