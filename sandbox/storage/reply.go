package storage

import (
	"io"
	"net/http"
)

// reply is a response that knows the moment between the work and the answer: everything the handlers do is
// done when they write the header.
type reply struct {
	http.ResponseWriter
	request  Request
	after    Hook
	drop     bool  // close the connection instead of answering
	cutAfter int64 // bytes of the body after which the connection is closed; below 0: none
	answered bool
	sent     int64
}

// WriteHeader runs the After hook, then answers, or drops the connection if a fault says so.
func (w *reply) WriteHeader(status int) {
	if w.answered {
		return
	}
	w.answered = true
	w.request.Status = status
	if w.after != nil {
		w.after(w.request)
	}
	if w.drop {
		w.request.Status = 0
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *reply) Write(data []byte) (int, error) {
	if !w.answered {
		w.WriteHeader(http.StatusOK)
	}
	cut := w.cutAfter >= 0 && w.request.Op == OpRead && w.sent+int64(len(data)) > w.cutAfter
	if cut {
		data = data[:w.cutAfter-w.sent]
	}
	n, err := w.ResponseWriter.Write(data)
	w.sent += int64(n)
	if cut {
		if flusher, ok := w.ResponseWriter.(http.Flusher); ok {
			flusher.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// countingBody counts what was read of a request, and can lose the rest of it.
type countingBody struct {
	io.ReadCloser
	n       int64
	limited bool
	limit   int64 // bytes after which the connection is lost, when limited
}

func (b *countingBody) cut(after int64, on bool) { b.limit, b.limited = after, on }

func (b *countingBody) Read(p []byte) (int, error) {
	if b.limited {
		if b.n >= b.limit {
			return 0, errCutOff
		}
		p = p[:min(int64(len(p)), b.limit-b.n)]
	}
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}
