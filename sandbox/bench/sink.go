package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// sink is the bucket, but for the upload of a snapshot: that is read and forgotten, as a stand-in that costs nothing
// would. The difference between a run against the bucket and one against the sink is the stand-in's own share.
type sink struct {
	next http.Handler

	mu   sync.Mutex
	name string // of the snapshot that is being sent
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	name := query.Get("name")
	switch {
	case query.Get("upload_id") == "sink":
		s.chunk(w, r)
	case query.Get("uploadType") == "resumable" && strings.HasSuffix(name, ".jsonl"):
		forget(r.Body)
		s.mu.Lock()
		s.name = name
		s.mu.Unlock()
		w.Header().Set("Location", "http://"+r.Host+"/upload?upload_id=sink")
	default:
		s.next.ServeHTTP(w, r)
	}
}

// chunk takes a piece of the upload. The total stands in the last piece's range.
// https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
func (s *sink) chunk(w http.ResponseWriter, r *http.Request) {
	forget(r.Body)
	span := r.Header.Get("Content-Range")
	total := span[strings.LastIndexByte(span, '/')+1:]
	if total == "*" {
		w.Header().Set("X-Http-Status-Code-Override", "308")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(w, `{"name":%q,"generation":"1","size":%q,"crc32c":%q}`, s.name, total,
		strings.TrimPrefix(r.Header.Get("X-Goog-Hash"), "crc32c="))
}

// forget reads a body in large pieces: io.Discard takes 8 KB at a time, which costs more than all else here. A connection
// that breaks shows in the reply.
func forget(body io.Reader) {
	const piece = 1 << 20
	_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, make([]byte, piece))
}
