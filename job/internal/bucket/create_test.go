package bucket

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const revision = "metadata/.sync/v2/ledger/00000001.json"

func TestCreate(t *testing.T) {
	const exists = "create gs://posts/" + revision + ": object exists already"
	retained := status(403, "Object 'posts/"+revision+"' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until 2026-12-24T00:00:00Z")
	for _, tt := range []struct {
		name   string
		before string // content under the name
		fault  *fault // of the upload
		want   string // error
		after  string
	}{
		{name: "absent", after: "{}"},
		{name: "taken", before: "[]", want: exists, after: "[]"},
		{name: "taken by the same content", before: "{}", want: exists, after: "{}"},
		{name: "reply lost", fault: &fault{spoil: lose}, after: "{}"},
		{name: "reply 503 after the work", fault: &fault{spoil: loseStatus}, after: "{}"},
		{name: "taken under a retention policy that is reported first", before: "[]", fault: &fault{spoil: retained}, want: exists, after: "[]"},
		{name: "denied", fault: &fault{spoil: status(403, "no access")}, want: "create gs://posts/" + revision + ": access denied: no access"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			if tt.before != "" {
				if _, err := c.server.Write(bucketName, revision, []byte(tt.before)); err != nil {
					t.Fatal(err)
				}
			}
			if tt.fault != nil {
				tt.fault.method, tt.fault.path, tt.fault.count = "POST", "/upload/", 1
				c.fail(*tt.fault)
			}
			err := openBucket(t, 5*time.Second).Create(t.Context(), revision, []byte("{}"))
			if got := errorText(err); got != tt.want {
				t.Errorf("error %s, want %s", got, tt.want)
			}
			if errors.Is(err, ErrExist) != (tt.want == exists) {
				t.Errorf("%v and ErrExist do not agree", err)
			}
			if got, _ := c.content(revision); got != tt.after {
				t.Errorf("the object holds %q, want %q", got, tt.after)
			}
		})
	}
}

// Of several that create one name at a time exactly one succeeds.
func TestCreateRace(t *testing.T) {
	newCloud(t)
	b := openBucket(t, 10*time.Second)
	var created, refused int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := b.Create(t.Context(), revision, []byte("same"))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				created++
			case errors.Is(err, ErrExist):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if created != 1 || refused != 7 {
		t.Errorf("%d created, %d refused", created, refused)
	}
}

// What is larger than expected is refused by its size, before its content is fetched.
func TestReadLimit(t *testing.T) {
	c := newCloud(t)
	b := openBucket(t, 5*time.Second)
	if _, err := c.server.Write(bucketName, "s.json", bytes.Repeat([]byte{1}, 1000)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		limit int64
		want  string
	}{
		{1001, ""},
		{1000, ""},
		{999, "read gs://posts/s.json: object is too large: 1000 bytes or more, at most 999 are expected"},
		{0, "read gs://posts/s.json: object is too large: 1000 bytes or more, at most 0 are expected"},
	} {
		t.Run(fmt.Sprint(tt.limit), func(t *testing.T) {
			data, err := b.Read(t.Context(), "s.json", tt.limit)
			if got := errorText(err); got != tt.want {
				t.Errorf("error %s, want %s", got, tt.want)
			}
			if errors.Is(err, ErrTooLarge) != (tt.want != "") {
				t.Errorf("%v and ErrTooLarge do not agree", err)
			}
			if tt.want == "" && len(data) != 1000 {
				t.Errorf("%d bytes", len(data))
			}
		})
	}
}

func TestListFrom(t *testing.T) {
	newCloud(t)
	b := openBucket(t, 5*time.Second)
	for n := range 4 {
		if err := b.Create(t.Context(), fmt.Sprintf("metadata/.sync/v2/ledger/%08d.json", n), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for o, err := range b.listFrom(t.Context(), "metadata/.sync/v2/ledger/", "metadata/.sync/v2/ledger/00000002.json") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
	want := []string{"metadata/.sync/v2/ledger/00000002.json", "metadata/.sync/v2/ledger/00000003.json"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

// No call reaches outside of the root, whatever the name was read from.
func TestRoot(t *testing.T) {
	c := newCloud(t)
	b, err := Open(t.Context(), Config{Name: bucketName, Root: "metadata/", Budget: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	calls := map[string]func(name string) error{
		"read":    func(name string) error { _, err := b.Read(t.Context(), name, 1<<20); return err },
		"write":   func(name string) error { return write(t.Context(), b, name, nil) },
		"create":  func(name string) error { return b.Create(t.Context(), name, nil) },
		"stream":  func(name string) error { return write(t.Context(), b, name, lines(2*block)) },
		"reader":  func(name string) error { _, err := b.Reader(t.Context(), name); return err },
		"stat":    func(name string) error { _, err := b.Protected(t.Context(), name); return err },
		"delete":  func(name string) error { return b.Delete(t.Context(), name) },
		"copy":    func(name string) error { return b.Copy(t.Context(), name, "metadata/x") },
		"copy to": func(name string) error { return b.Copy(t.Context(), "metadata/x", name) },
		"folder":  func(name string) error { return b.CreateFolder(t.Context(), name+"/") },
		"list": func(name string) error {
			for _, err := range b.List(t.Context(), name) {
				return err
			}
			return nil
		},
	}
	for _, name := range []string{
		"photos/1.jpg", "metadata", "metadatas/x", "metadata/../photos/1.jpg", "metadata/./x", "metadata//x", "/metadata/x", "", "..",
		"metadata/..", "metadata/\xff", "metadata/" + strings.Repeat("x", 1024),
	} {
		for call, do := range calls {
			if err := do(name); err == nil {
				t.Errorf("%s of %q: no error", call, name)
			}
		}
	}
	if n := c.count(""); n != 0 {
		t.Errorf("%d requests", n)
	}
	if err := b.Delete(t.Context(), "photos/1.jpg"); !errors.Is(err, ErrOutside) ||
		err.Error() != `delete from gs://posts: name is outside of what the job may touch ("photos/1.jpg")` {
		t.Errorf("delete: %v", err)
	}
	for _, name := range []string{"metadata/x", "metadata/.sync/v2/errors/"} { // a folder's own object too
		if err := b.Delete(t.Context(), name); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
}

func TestDeleteRetained(t *testing.T) {
	for _, text := range []string{
		"Object 'posts/s.json' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until 2026-12-24T00:00:00Z",
		"Object 'posts/s.json' is under active Event-Based hold and cannot be deleted, overwritten or archived until hold is removed.",
		"Object 'posts/s.json' is under active Temporary hold and cannot be deleted, overwritten or archived until hold is removed.",
	} {
		c := newCloud(t)
		c.fail(fault{method: "DELETE", path: "/o/", count: 1, spoil: status(403, text)})
		if err := openBucket(t, time.Second).Delete(t.Context(), "s.json"); !errors.Is(err, ErrRetained) {
			t.Errorf("delete: %v", err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
