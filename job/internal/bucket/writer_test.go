package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// block is of the size of the smallest chunks of an upload.
const block = 256 << 10

// lines is reproducible content of n bytes.
func lines(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, 0, n+100)
	for len(out) < n {
		out = fmt.Appendf(out, "{\"id\":\"%d\",\"text\":\"%d\"}\n", r.Uint64(), r.Uint64())
	}
	return out[:n]
}

// put writes content in uneven pieces.
func put(w io.Writer, content []byte) error {
	for step := 1; len(content) > 0; step = step*3%70_001 + 1 {
		n := min(step, len(content))
		if _, err := w.Write(content[:n]); err != nil {
			return err
		}
		content = content[n:]
	}
	return nil
}

func TestUpload(t *testing.T) {
	for _, size := range []int{0, 1, block - 1, block, block + 1, 4*block - 1, 4 * block, 9*block + 17} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := newCloud(t)
			b := openBucket(t, 10*time.Second)
			content := lines(size)
			w := b.NewWriter(t.Context(), "metadata/metadata.jsonl", 2*block)
			defer w.Abort()
			if err := put(w, content); err != nil {
				t.Fatal(err)
			}
			if _, ok := c.content("metadata/metadata.jsonl"); ok {
				t.Error("the object exists before Commit")
			}
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
			if got, _ := c.content("metadata/metadata.jsonl"); got != string(content) {
				t.Errorf("stored %d bytes, want the %d written", len(got), size)
			}
			r, err := b.Reader(t.Context(), "metadata/metadata.jsonl")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("read back %d bytes, error %v", len(got), err)
			}
			if err := w.Commit(); err == nil || err.Error() != "write gs://posts/metadata/metadata.jsonl: the upload is over" {
				t.Errorf("second Commit: %v", err)
			}
			if _, err := w.Write([]byte("x")); err == nil || err.Error() != "write gs://posts/metadata/metadata.jsonl: the upload is over" {
				t.Errorf("Write after Commit: %v", err)
			}
		})
	}
}

func TestUploadFaultsThatPass(t *testing.T) {
	for _, tt := range []struct {
		name  string
		size  int
		fault fault
	}{
		{"session 503", 5 * block, fault{path: "/upload/storage", count: 2, spoil: status(503, "busy")}},
		{"session cut", 5 * block, fault{path: "/upload/storage", count: 1, spoil: cut}},
		{"first chunk 503", 5 * block, fault{path: "upload_id=", count: 2, spoil: status(503, "busy")}},
		{"chunk 429", 5 * block, fault{path: "upload_id=", skip: 1, count: 1, spoil: status(429, "slow")}},
		{"chunk cut", 5 * block, fault{path: "upload_id=", skip: 1, count: 2, spoil: cut}},
		{"chunk reply lost", 5 * block, fault{path: "upload_id=", skip: 1, count: 1, spoil: lose}},
		{"chunk reply 503 after the work", 5 * block, fault{path: "upload_id=", count: 1, spoil: loseStatus}},
		{"last chunk 503", 5 * block, fault{path: "upload_id=", skip: 2, count: 1, spoil: status(503, "busy")}},
		{"last reply lost", 5 * block, fault{path: "upload_id=", skip: 2, count: 1, spoil: lose}},
		{"last reply 503 after the work", 5 * block, fault{path: "upload_id=", skip: 2, count: 1, spoil: loseStatus}},
		{"single request cut", 100, fault{path: "/upload/storage", count: 1, spoil: cut}},
		{"single reply lost", 100, fault{path: "/upload/storage", count: 1, spoil: lose}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			tt.fault.method = "POST"
			c.fail(tt.fault)
			w := openBucket(t, 10*time.Second).NewWriter(t.Context(), "m.jsonl", 2*block)
			defer w.Abort()
			content := lines(tt.size)
			if err := put(w, content); err != nil {
				t.Fatal(err)
			}
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
			if got, _ := c.content("m.jsonl"); got != string(content) {
				t.Errorf("stored %d bytes, want the %d written", len(got), tt.size)
			}
			if left := c.unused(); left != nil {
				t.Errorf("faults that did not happen: %v", left)
			}
		})
	}
}

func TestUploadFaultsThatStay(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		skip, size int
		spoil      func(http.ResponseWriter, *http.Request, http.Handler)
		want       string
	}{
		{"denied", "/upload/storage", 0, 5 * block, status(403, "no access"), "write gs://posts/m.jsonl: access denied: no access | grant roles/storage.objectAdmin on bucket posts to the account the job runs as"},
		{"no bucket", "/upload/storage", 0, 100, status(404, "The specified bucket does not exist."), "write gs://posts/m.jsonl: bucket does not exist: The specified bucket does not exist | create bucket posts, or set GCS_BUCKET to one that exists"},
		{"session hangs", "/upload/storage", 0, 5 * block, hang, "write gs://posts/m.jsonl: the service is unavailable: no progress within 300ms" + again},
		{"chunk hangs", "upload_id=", 1, 5 * block, hang, "write gs://posts/m.jsonl: the service is unavailable: no progress within 300ms" + again},
		{"last chunk hangs", "upload_id=", 2, 5 * block, hang, "write gs://posts/m.jsonl: the service is unavailable: no progress within 300ms" + again},
		{"chunk 503 for ever", "upload_id=", 1, 5 * block, status(503, "busy"), "write gs://posts/m.jsonl: the service is unavailable: no progress within 300ms; last failure: HTTP 503: Service Unavailable" + again},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			c.fail(fault{method: "POST", path: tt.path, skip: tt.skip, count: 1000, spoil: tt.spoil})
			w := openBucket(t, 300*time.Millisecond).NewWriter(t.Context(), "m.jsonl", 2*block)
			defer w.Abort()
			began := time.Now()
			err := put(w, lines(tt.size))
			if err == nil {
				err = w.Commit()
			}
			if err == nil || !strings.HasPrefix(withHint(err), tt.want) {
				t.Errorf("error\n%v, want\n%s", err, tt.want)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %s", took)
			}
			if _, ok := c.content("m.jsonl"); ok {
				t.Error("the object exists")
			}
		})
	}
}

// What was there stays until Commit, and after Abort.
func TestAbort(t *testing.T) {
	c := newCloud(t)
	b := openBucket(t, 10*time.Second)
	if err := write(t.Context(), b, "m.jsonl", []byte("before")); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 100, 9 * block} {
		w := b.NewWriter(t.Context(), "m.jsonl", 2*block)
		if err := put(w, lines(size)); err != nil {
			t.Fatal(err)
		}
		w.Abort()
		w.Abort()
		if err := w.Commit(); err == nil {
			t.Error("Commit after Abort succeeded")
		}
		if got, _ := c.content("m.jsonl"); got != "before" {
			t.Errorf("after aborting %d bytes the object is %d bytes", size, len(got))
		}
	}
}

func TestUploadCancelled(t *testing.T) {
	c := newCloud(t)
	b := openBucket(t, 10*time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	w := b.NewWriter(ctx, "m.jsonl", block)
	if err := put(w, lines(3*block)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, ok := c.content("m.jsonl"); ok {
		t.Error("the object exists")
	}
}

// A server that stores something else than was sent is found out, whether it checks the sum that comes with the content
// or not.
func TestUploadDamaged(t *testing.T) {
	for _, tt := range []struct {
		name, sum string // what of the request's sum the server does not see
		want      string
		corrupt   bool
	}{
		{"server checks", "", `write gs://posts/m.jsonl: invalid argument: Provided CRC32C "mnG7TA==" doesn't match calculated CRC32C "6lNkFA=="`, false},
		{"server does not check", `"crc32c":"mnG7TA==",`, "write gs://posts/m.jsonl: checksum mismatch: sent 5 bytes with CRC32C 9a71bb4c, stored 5 with ea536414", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			c.fail(fault{method: "POST", path: "/upload/", count: 1, spoil: func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
				body, _ := io.ReadAll(r.Body)
				body = bytes.Replace(body, []byte("hello"), []byte("jello"), 1)
				body = bytes.Replace(body, []byte(tt.sum), nil, 1)
				if tt.sum != "" {
					r.Header.Del("X-Goog-Hash")
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				serve.ServeHTTP(w, r)
			}})
			w := openBucket(t, 5*time.Second).NewWriter(t.Context(), "m.jsonl", 0)
			if _, err := io.WriteString(w, "hello"); err != nil {
				t.Fatal(err)
			}
			err := w.Commit()
			if err == nil || err.Error() != tt.want || errors.Is(err, ErrCorrupt) != tt.corrupt {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if got, ok := c.content("m.jsonl"); ok {
				t.Errorf("the damaged object %q stays", got)
			}
		})
	}
}

func TestNothingLeftRunning(t *testing.T) {
	newCloud(t)
	b := openBucket(t, 5*time.Second)
	round := func() {
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 20 {
			w := b.NewWriter(ctx, "m.jsonl", block)
			_ = put(w, lines(2*block))
			if i%2 == 0 {
				w.Abort()
			} else if err := w.Commit(); err != nil {
				t.Error(err)
			}
		}
		// Forgotten, but its context ends.
		_ = put(b.NewWriter(ctx, "m.jsonl", block), lines(2*block))
		cancel()
	}
	round()
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()
	round()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+6 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before+6 { // connections come and go
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, buf[:runtime.Stack(buf, true)])
	}
}

// A producer that pauses for longer than a call may take, such as a slow query, owes the upload nothing meanwhile.
func TestUploadOfSlowProducer(t *testing.T) {
	c := newCloud(t)
	w := openBucket(t, 200*time.Millisecond).NewWriter(t.Context(), "m.jsonl", 2*block)
	defer w.Abort()
	for range 2 { // a chunk is sent while nothing is written
		if err := put(w, lines(2*block)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(400 * time.Millisecond)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.content("m.jsonl"); len(got) != 4*block {
		t.Errorf("stored %d bytes, want %d", len(got), 4*block)
	}
}
