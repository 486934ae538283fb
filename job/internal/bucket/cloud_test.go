package bucket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vertexmetadata/sandbox/storage"
)

const bucketName = "posts"

// cloud is the sandbox's storage, mounted behind a front that spoils requests in
// ways that its own switches do not know.
type cloud struct {
	server *storage.Server

	mu       sync.Mutex
	faults   []*fault
	requests []string // "METHOD path" of all that came in
}

// fault spoils the next count requests that match.
type fault struct {
	method, path string // path is a part of the request's URL
	skip, count  int
	spoil        func(w http.ResponseWriter, r *http.Request, serve http.Handler)
}

// newCloud starts a server with an empty bucket and points the storage client
// at it.
func newCloud(t testing.TB) *cloud {
	t.Helper()
	server, err := storage.Start(storage.Options{Buckets: []string{bucketName}})
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{server: server}
	front := httptest.NewServer(c)
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("STORAGE_EMULATOR_HOST", front.URL)
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := c.note(r); f != nil {
		f.spoil(w, r, c.server)
		return
	}
	c.server.ServeHTTP(w, r)
}

func (c *cloud) note(r *http.Request) *fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r.Method+" "+r.URL.Path)
	for _, f := range c.faults {
		if f.count == 0 || r.Method != f.method || !strings.Contains(r.URL.String(), f.path) {
			continue
		}
		if f.skip > 0 {
			f.skip--
			continue
		}
		f.count--
		return f
	}
	return nil
}

func (c *cloud) fail(f fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// unused lists faults that never happened, which would prove nothing.
func (c *cloud) unused() (left []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		if f.count > 0 {
			left = append(left, fmt.Sprintf("%s %s ×%d", f.method, f.path, f.count))
		}
	}
	return left
}

func (c *cloud) count(prefix string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

// content is what the server holds under name, and whether it holds anything.
func (c *cloud) content(name string) (string, bool) {
	data, err := c.server.Read(bucketName, name)
	return string(data), err == nil
}

// status answers with an error in Google's form, before anything is done.
func status(code int, message string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":{"code":%d,"message":%q}}`, code, message)
	}
}

// plain answers with an error as a refused read does: in plain text, before anything is done.
func plain(code int, text string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

// cut drops the connection in the middle of the request, before anything is done.
func cut(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.CopyN(io.Discard, r.Body, 1000)
	hangUp(w)
}

// lose does the work and drops the connection instead of replying.
func lose(w http.ResponseWriter, r *http.Request, serve http.Handler) {
	serve.ServeHTTP(httptest.NewRecorder(), r)
	hangUp(w)
}

// loseStatus does the work and replies 503.
func loseStatus(w http.ResponseWriter, r *http.Request, serve http.Handler) {
	serve.ServeHTTP(httptest.NewRecorder(), r)
	w.WriteHeader(http.StatusServiceUnavailable)
}

// hang says nothing until the client gives up.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case <-r.Context().Done():
	case <-time.After(20 * time.Second):
	}
}

// half replies with the first half of the content and drops the connection.
func half(w http.ResponseWriter, r *http.Request, serve http.Handler) {
	whole := httptest.NewRecorder()
	serve.ServeHTTP(whole, r)
	for k, v := range whole.Header() {
		w.Header()[k] = v
	}
	body := whole.Body.Bytes()
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body[:len(body)/2])
	hangUp(w)
}

// garble replies with one byte of the content changed.
func garble(w http.ResponseWriter, r *http.Request, serve http.Handler) {
	whole := httptest.NewRecorder()
	serve.ServeHTTP(whole, r)
	for k, v := range whole.Header() {
		w.Header()[k] = v
	}
	body := bytes.Clone(whole.Body.Bytes())
	body[len(body)/2] ^= 1
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body)
}

func hangUp(w http.ResponseWriter) {
	panic(http.ErrAbortHandler)
}

func openBucket(t testing.TB, budget time.Duration) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), Config{Name: bucketName, Budget: budget})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// write stores an object, whatever is there.
func write(ctx context.Context, b *Bucket, name string, data []byte) error {
	w := b.NewWriter(ctx, name, 0)
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Commit()
}
