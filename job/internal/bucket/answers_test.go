package bucket

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vertexmetadata/job/internal/refusal"
)

// answer says text in place of the server, which does what it was asked for all the same.
func answer(text string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
		serve.ServeHTTP(httptest.NewRecorder(), r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

// TestListWithoutEnd: a list whose pages come again and again is an error, not a run that never ends.
func TestListWithoutEnd(t *testing.T) {
	c := newCloud(t)
	c.fail(fault{method: "GET", path: "/o?", count: 100, spoil: answer(`{"items": [{"name": "a", "size": "1"}, {"name": "b", "size": "1"}], "nextPageToken": "again"}`)})
	b := openBucket(t, 5*time.Second)
	const want = `list gs://posts/: the service is unavailable: the list has no end: a page came twice`
	var names []string
	var failure error
	for o, err := range b.List(t.Context(), "") {
		if failure = err; err == nil {
			names = append(names, o.Name)
		}
	}
	if failure == nil || failure.Error() != want || strings.Join(names, " ") != "a b" {
		t.Errorf("got %v, then %v, want %s", names, failure, want)
	}
	name := func(int64) string { return "a" }
	if _, err := b.Last(t.Context(), "", name, func(string) (int64, bool) { return 1, true }); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAnswerWithoutAnObject: an upload whose answer does not say what is stored is looked at; it may be all there.
func TestAnswerWithoutAnObject(t *testing.T) {
	for name, said := range map[string]string{"nothing": "{}", "an error": `{"error": {"code": 503, "message": "Backend Error"}}`} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.fail(fault{method: "POST", path: "/upload/", count: 1, spoil: answer(said)})
			b := openBucket(t, 5*time.Second)
			if err := b.Create(t.Context(), "m.jsonl", []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if got, _ := c.content("m.jsonl"); string(got) != "hello" {
				t.Errorf("stored %q", got)
			}
			c.fail(fault{method: "POST", path: "/upload/", count: 1, spoil: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, said) }})
			const want = "create gs://posts/other: the answer describes no object"
			if err := b.Create(t.Context(), "other", []byte("hello")); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// What ended an upload is said in the same way however often it is asked, and never with the upload's address, which is as
// good as a key to it.
func TestFailedUploadStaysExplained(t *testing.T) {
	c := newCloud(t)
	c.fail(fault{method: "POST", path: "upload_id=", count: 1, spoil: status(403, "no")})
	w := openBucket(t, 5*time.Second).NewWriter(t.Context(), "m.jsonl", block)
	defer w.Abort()
	var first error
	for range 4 {
		if first = put(w, lines(block)); first != nil {
			break
		}
	}
	if first == nil || refusal.HintOf(first) == "" {
		t.Fatalf("error %v with hint %q", first, refusal.HintOf(first))
	}
	_, again := w.Write([]byte("x"))
	for _, err := range []error{again, w.Commit()} {
		if err == nil || err.Error() != first.Error() || refusal.HintOf(err) != refusal.HintOf(first) {
			t.Errorf("error %v, want %v", err, first)
		}
	}
	if left := c.unused(); left != nil {
		t.Errorf("unused %v", left)
	}
}
