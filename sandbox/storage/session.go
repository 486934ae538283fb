package storage

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// chunkUnit is what every chunk but the last must be a multiple of, and the unit in which the part of a
// chunk that arrived before the connection was lost is kept.
const chunkUnit = 256 << 10

// session is one resumable upload. Its chunks are collected here and handed over once, since the fake
// copies and hashes everything it has so far at every chunk.
type session struct {
	mu         sync.Mutex
	upload     *upload
	generation int64 // of the finished object; 0 before
}

func (s *Server) uploadStart(w *reply, r *http.Request, req Request) error {
	u, err := newUpload(r, req)
	if err != nil {
		return err
	}
	if err := u.readMeta(r.Body); err != nil {
		return uploadError(err)
	}
	if u.meta.ContentType == "" {
		u.meta.ContentType = r.Header.Get("X-Upload-Content-Type")
	}
	if err := checkName(u.name); err != nil {
		return err
	}
	w.request.Object = u.name
	if err := u.conds.hold(s.liveGeneration(u.bucket, u.name), false); err != nil {
		return err
	}
	id := rand.Text()
	s.mu.Lock()
	s.sessions[id] = &session{upload: u}
	s.mu.Unlock()
	w.Header().Set("X-GUploader-UploadID", id)
	w.Header().Set("Location", fmt.Sprintf("http://%s/upload/storage/v1/b/%s/o?uploadType=resumable&name=%s&upload_id=%s",
		r.Host, url.PathEscape(u.bucket), url.QueryEscape(u.name), id))
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) uploadChunk(w *reply, r *http.Request, req Request) error {
	session := s.session(r)
	if session == nil {
		return errUnknownUpload
	}
	session.mu.Lock()
	defer session.mu.Unlock()
	u := session.upload
	if session.generation != 0 {
		// A client that missed the answer to its last chunk sends it again.
		_, _ = io.Copy(io.Discard, r.Body)
		return s.answerObject(w, r, u, session.generation)
	}
	chunk, err := parseContentRange(r.Header.Get("Content-Range"), r.ContentLength)
	if err != nil {
		return err
	}
	data, err := readChunk(r)
	if err != nil {
		if errors.Is(err, errCutOff) && chunk.start >= 0 {
			_ = u.join(chunk.start, data[:len(data)/chunkUnit*chunkUnit])
		}
		return uploadError(err)
	}
	if chunk.start >= 0 {
		if chunk.total < 0 && len(data)%chunkUnit != 0 {
			return badRequest("Invalid request.  The number of bytes uploaded is required to be equal or greater than %d, except for the final request (it's recommended to be the exact multiple of %d).  The received request contained %d bytes, which does not meet this requirement.", chunkUnit, chunkUnit, len(data))
		}
		if err := u.join(chunk.start, data); err != nil {
			return err
		}
	}
	if chunk.total < 0 || u.size < chunk.total {
		w.incomplete(r, u.size)
		return nil
	}
	if session.generation, err = s.finish(u, r.Header); err != nil {
		return err
	}
	u.parts = nil // the object has them
	return s.answerObject(w, r, u, session.generation)
}

// readChunk reads a body without growing a buffer for it.
func readChunk(r *http.Request) ([]byte, error) {
	const most = 64 << 20 // whatever a header claims
	body := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), most)+bytes.MinRead))
	_, err := body.ReadFrom(r.Body)
	return body.Bytes(), err
}

func (s *Server) uploadCancel(w *reply, r *http.Request) error {
	if s.session(r) == nil {
		return errUnknownUpload
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, r.URL.Query().Get("upload_id"))
	w.WriteHeader(499) // what the service answers, for historical reasons
	return nil
}

func (s *Server) session(r *http.Request) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[r.URL.Query().Get("upload_id")]
}

// join appends what is new of a chunk: the client sends a chunk whole again when its answer was lost.
func (u *upload) join(start int64, data []byte) error {
	known := u.size - start
	if known < 0 {
		return badRequest("Invalid request.  The chunk begins at byte %d, but only %d have arrived.", start, u.size)
	}
	if known < int64(len(data)) {
		u.add(data[known:])
	}
	return nil
}

// incomplete reports to the client how much has arrived, as a 308, or as the 200 that Go's client asks for since
// 308 has another meaning by now.
func (w *reply) incomplete(r *http.Request, size int64) {
	if size > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", size-1))
	}
	if r.Header.Get("X-Guploader-No-308") == "yes" {
		w.Header().Set("X-Http-Status-Code-Override", "308")
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

// contentRange is a chunk's place: start is -1 when the request carries no content, total -1 when unknown.
type contentRange struct{ start, total int64 }

// parseContentRange understands "bytes 0-9/*", "bytes 0-9/10", "bytes */10" and "bytes */*". Without a
// header the body is the whole content.
func parseContentRange(header string, length int64) (contentRange, error) {
	if header == "" {
		return contentRange{0, max(length, 0)}, nil
	}
	place, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	result := contentRange{-1, -1}
	var err error
	if total != "*" {
		result.total, err = strconv.ParseInt(total, 10, 64)
		ok = ok && result.total >= 0
	}
	if place != "*" && err == nil {
		first, _, dash := strings.Cut(place, "-")
		result.start, err = strconv.ParseInt(first, 10, 64)
		ok = ok && dash && result.start >= 0
	}
	if !ok || err != nil {
		return contentRange{}, badRequest("Invalid Content-Range: %q", header)
	}
	return result, nil
}
