package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestObjects(t *testing.T) {
	newCloud(t)
	b := openBucket(t, 10*time.Second)
	ctx := t.Context()

	if _, err := b.Read(ctx, "metadata/.sync/state.json", 1<<20); !errors.Is(err, ErrNotExist) ||
		err.Error() != "read gs://posts/metadata/.sync/state.json: object does not exist" {
		t.Errorf("read of an absent object: %v", err)
	}
	for _, content := range []string{`{"n":1}`, `{"n":2}`} {
		if err := write(ctx, b, "metadata/.sync/state.json", []byte(content)); err != nil {
			t.Fatal(err)
		}
		if data, err := b.Read(ctx, "metadata/.sync/state.json", 1<<20); string(data) != content || err != nil {
			t.Errorf("read %q, error %v", data, err)
		}
	}

	if err := b.Copy(ctx, "metadata/.sync/state.json", "metadata/.sync/old.json"); err != nil {
		t.Fatal(err)
	}
	if err := b.Copy(ctx, "absent", "metadata/x"); !errors.Is(err, ErrNotExist) {
		t.Errorf("copy of an absent object: %v", err)
	}
	var names []string
	for o, err := range b.List(ctx, "metadata/") {
		if err != nil {
			t.Fatal(err)
		}
		if o.Size != 7 || o.Updated.IsZero() {
			t.Errorf("listed %+v", o)
		}
		names = append(names, o.Name)
	}
	if diff := cmp.Diff([]string{"metadata/.sync/old.json", "metadata/.sync/state.json"}, names); diff != "" {
		t.Error(diff)
	}
	for range 2 { // the second finds nothing, which is fine
		if err := b.Delete(ctx, "metadata/.sync/old.json"); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Read(ctx, "metadata/.sync/old.json", 1<<20); !errors.Is(err, ErrNotExist) {
		t.Errorf("read of a deleted object: %v", err)
	}
	for range 2 {
		if err := b.CreateFolder(ctx, "metadata/.sync/errors/"); err != nil {
			t.Error(err)
		}
	}
	if data, err := b.Read(ctx, "metadata/.sync/errors/", 0); err != nil || len(data) != 0 {
		t.Errorf("folder of %d bytes, error %v", len(data), err)
	}
	if got := b.URI("metadata/metadata.jsonl"); got != "gs://posts/metadata/metadata.jsonl" {
		t.Errorf("URI = %s", got)
	}
}

// Each fault is healed: the call succeeds, and the object is there once.
func TestFaultsThatPass(t *testing.T) {
	const object = "/b/posts/o"
	small := func(t *testing.T, b *Bucket) {
		if err := write(t.Context(), b, "s.json", []byte("{}")); err != nil {
			t.Error(err)
		}
	}
	read := func(t *testing.T, b *Bucket) {
		if err := write(t.Context(), b, "r.txt", bytes.Repeat([]byte("0123456789"), 30_000)); err != nil {
			t.Fatal(err)
		}
		data, err := b.Read(t.Context(), "r.txt", 1<<20)
		if err != nil || string(data) != strings.Repeat("0123456789", 30_000) {
			t.Errorf("read %d bytes, error %v", len(data), err)
		}
	}
	list := func(t *testing.T, b *Bucket) {
		for _, err := range b.List(t.Context(), "") {
			if err != nil {
				t.Error(err)
			}
		}
	}
	for _, tt := range []struct {
		name  string
		fault fault
		do    func(*testing.T, *Bucket)
	}{
		{"write 503", fault{method: "POST", path: "/upload/", count: 2, spoil: status(503, "busy")}, small},
		{"write 429", fault{method: "POST", path: "/upload/", count: 1, spoil: status(429, "slow down")}, small},
		{"write cut", fault{method: "POST", path: "/upload/", count: 2, spoil: cut}, small},
		{"write reply lost", fault{method: "POST", path: "/upload/", count: 1, spoil: lose}, small},
		{"write reply 503 after the work", fault{method: "POST", path: "/upload/", count: 1, spoil: loseStatus}, small},
		{"read 503", fault{method: "GET", path: object, count: 1, spoil: status(503, "busy")}, read},
		{"read cut", fault{method: "GET", path: object, count: 1, spoil: half}, read},
		{"read hung up", fault{method: "GET", path: object, count: 1, spoil: cut}, read},
		{"list 503", fault{method: "GET", path: object, count: 2, spoil: status(503, "busy")}, list},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			c.fail(tt.fault)
			tt.do(t, openBucket(t, 10*time.Second))
			if left := c.unused(); left != nil {
				t.Errorf("faults that did not happen: %v", left)
			}
		})
	}
}

// again is what to do about storage that cannot be reached.
const again = " | wait for the next run, which tries again; check STORAGE_EMULATOR_HOST if this stays"

// Each fault is reported as it is, at once where nothing can help.
func TestFaultsThatStay(t *testing.T) {
	write := func(ctx context.Context, b *Bucket) error {
		return write(ctx, b, "s.json", []byte("{}"))
	}
	read := func(ctx context.Context, b *Bucket) error {
		_, err := b.Read(ctx, "s.json", 1<<20)
		return err
	}
	remove := func(ctx context.Context, b *Bucket) error { return b.Delete(ctx, "s.json") }
	list := func(ctx context.Context, b *Bucket) error {
		for _, err := range b.List(ctx, "metadata/") {
			if err != nil {
				return err
			}
		}
		return nil
	}
	perms := func(ctx context.Context, b *Bucket) error {
		_, err := b.CheckPermissions(ctx, "storage.objects.create")
		return err
	}
	noBucket := "bucket does not exist: The specified bucket does not exist | create bucket posts, or set GCS_BUCKET to one that exists"
	const who = "job@p.iam does not have storage.objects.create access"
	denied := "access denied: " + who + " | grant roles/storage.objectAdmin on bucket posts to the account the job runs as"
	for _, tt := range []struct {
		name, method, path string
		do                 func(context.Context, *Bucket) error
		spoil              func(http.ResponseWriter, *http.Request, http.Handler)
		once               bool // exactly one request, no retry
		want               string
	}{
		{"write 403", "POST", "/upload/", write, status(403, who), true, "write gs://posts/s.json: " + denied},
		{"write 401", "POST", "/upload/", write, status(401, "Invalid Credentials"), true, "write gs://posts/s.json: not signed in: Invalid Credentials | give the job a service account, or run: gcloud auth application-default login"},
		{"read 403 in JSON", "GET", "/o/", read, status(403, who), true, "read gs://posts/s.json: " + denied},
		{"read 403", "GET", "/o/", read, plain(403, "job@p.iam does not have\nstorage.objects.create access\n"), true, "read gs://posts/s.json: " + denied},
		{"read 403 without a word", "GET", "/o/", read, plain(403, ""), true, strings.Replace("read gs://posts/s.json: "+denied, who, "Forbidden", 1)},
		{"read 403 with a page", "GET", "/o/", read, plain(403, strings.Repeat("あ", 1000)), true, strings.Replace("read gs://posts/s.json: "+denied, who, strings.Repeat("あ", 400/3), 1)},
		{"write to no bucket", "POST", "/upload/", write, status(404, "The specified bucket does not exist."), true, "write gs://posts/s.json: " + noBucket},
		{"read from no bucket", "GET", "/o/", read, status(404, "The specified bucket does not exist."), true, "read gs://posts/s.json: " + noBucket},
		{"delete in no bucket", "DELETE", "/o/", remove, status(404, "The specified bucket does not exist."), true, "delete gs://posts/s.json: " + noBucket},
		{"list in no bucket", "GET", "/o", list, status(404, "The specified bucket does not exist."), true, "list gs://posts/metadata/: " + noBucket},
		{"permissions on no bucket", "GET", "/iam/testPermissions", perms, status(404, "Not Found"), true, "check permissions on gs://posts: " + noBucket},
		{"write 400", "POST", "/upload/", write, status(400, "Invalid argument."), true, "write gs://posts/s.json: invalid argument: Invalid argument"},
		{"write 503 for ever", "POST", "/upload/", write, status(503, "busy"), false, "write gs://posts/s.json: the service is unavailable: no progress within 300ms; last failure: HTTP 503: Service Unavailable" + again},
		{"write hangs", "POST", "/upload/", write, hang, false, "write gs://posts/s.json: the service is unavailable: no progress within 300ms" + again},
		{"read hangs", "GET", "/o/", read, hang, false, "read gs://posts/s.json: the service is unavailable: no progress within 300ms" + again},
		{"list hangs", "GET", "/o", list, hang, false, "list gs://posts/metadata/: the service is unavailable: no progress within 300ms" + again},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			c.fail(fault{method: tt.method, path: tt.path, count: 1000, spoil: tt.spoil})
			began := time.Now()
			err := tt.do(t.Context(), openBucket(t, 300*time.Millisecond))
			if err == nil || withHint(err) != tt.want {
				t.Errorf("error\n%v, want\n%s", err, tt.want)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %s", took)
			}
			if n := c.count(tt.method); tt.once && n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestReadDamaged(t *testing.T) {
	c := newCloud(t)
	b := openBucket(t, 5*time.Second)
	if err := write(t.Context(), b, "m.bin", bytes.Repeat([]byte{1}, 5000)); err != nil {
		t.Fatal(err)
	}
	c.fail(fault{method: "GET", path: "/o/", count: 1, spoil: garble})
	r, err := b.Reader(t.Context(), "m.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err == nil || !strings.HasPrefix(err.Error(), "read gs://posts/m.bin: storage: bad CRC on read") {
		t.Errorf("error %v", err)
	}
}

func TestReaderStalls(t *testing.T) {
	c := newCloud(t)
	b := openBucket(t, 300*time.Millisecond)
	if err := write(t.Context(), b, "m.bin", bytes.Repeat([]byte{1}, 500_000)); err != nil {
		t.Fatal(err)
	}
	// Every body breaks half way: the client would reopen it for ever.
	c.fail(fault{method: "GET", path: "/o/", skip: 1, count: 1_000_000, spoil: cut})
	c.fail(fault{method: "GET", path: "/o/", count: 1, spoil: half})
	r, err := b.Reader(t.Context(), "m.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err == nil || !strings.HasPrefix(err.Error(), "read gs://posts/m.bin: ") {
		t.Errorf("error %v", err)
	}
}

func TestCancelledCaller(t *testing.T) {
	newCloud(t)
	b := openBucket(t, 300*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := write(ctx, b, "s.json", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	if _, err := b.Read(ctx, "s.json", 1<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
}

func TestCheckPermissions(t *testing.T) {
	c := newCloud(t)
	c.fail(fault{method: "GET", path: "/iam/testPermissions", count: 1, spoil: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = io.WriteString(w, `{"permissions":["storage.objects.get"]}`)
	}})
	missing, err := openBucket(t, time.Second).CheckPermissions(t.Context(), "storage.objects.list", "storage.objects.get", "storage.objects.create")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"storage.objects.list", "storage.objects.create"}, missing); diff != "" {
		t.Error(diff)
	}
}
