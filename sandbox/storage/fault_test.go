package storage_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/gax-go/v2"

	"vertexmetadata/sandbox/storage"
)

func TestRefusalsAreRetriedOrReported(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault storage.Fault
		want  int
		hits  int
	}{
		{"503 twice", storage.Fault{Op: storage.OpInsert, Status: 503, Count: 2}, 0, 2},
		{"429 once", storage.Fault{Status: 429}, 0, 1},
		{"401", storage.Fault{Status: 401, Message: "Invalid Credentials"}, 401, 1},
		{"403", storage.Fault{Object: "dir/*", Status: 403}, 403, 1},
		{"another object", storage.Fault{Object: "dir/*.json", Status: 403}, 0, 0},
		{"another operation", storage.Fault{Op: storage.OpDelete, Status: 403}, 0, 0},
		{"reply lost", storage.Fault{Op: storage.OpInsert, DropReply: true}, 0, 1},
		{"connection lost on the way in", storage.Fault{Op: storage.OpInsert, Cut: true, CutAfter: 3}, 0, 1},
		{"slow", storage.Fault{Delay: time.Millisecond}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			fault := s.Inject(test.fault)
			o := quick(connect(t, s).Bucket(bucket).Object("dir/o"))
			if got := status(writeOnce(o, "hello")); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
			if fault.Hits() != test.hits {
				t.Errorf("%d hits, want %d", fault.Hits(), test.hits)
			}
			fault.Remove()
			if test.want == 0 {
				if got := read(t, o); string(got) != "hello" {
					t.Errorf("read %q", got)
				}
			} else if len(s.List(bucket, "")) != 0 {
				t.Error("the object is there all the same")
			}
		})
	}
}

func TestLostReplyOfACreateLooksLikeAConflict(t *testing.T) {
	s := start(t)
	s.Inject(storage.Fault{Op: storage.OpInsert, DropReply: true})
	o := quick(connect(t, s).Bucket(bucket).Object("o")).If(gcs.Conditions{DoesNotExist: true})
	if got := status(writeOnce(o, "hello")); got != 412 {
		t.Errorf("status %d, want 412 from the retry, since the first attempt was done", got)
	}
	if data, _ := s.Read(bucket, "o"); string(data) != "hello" {
		t.Errorf("object = %q", data)
	}
}

func TestResumableUploadSurvives(t *testing.T) {
	const chunk = 1 << 20
	data := random(4*chunk + 100)
	for _, test := range []struct {
		name  string
		fault storage.Fault
	}{
		{"503 at the start", storage.Fault{Op: storage.OpUploadStart, Status: 503}},
		{"503 at a chunk", storage.Fault{Op: storage.OpUploadChunk, Skip: 1, Status: 503}},
		{"a chunk cut before anything arrived", storage.Fault{Op: storage.OpUploadChunk, Skip: 1, Cut: true}},
		{"a chunk cut half way", storage.Fault{Op: storage.OpUploadChunk, Skip: 2, Cut: true, CutAfter: chunk/2 + 5}},
		{"the reply to a chunk lost", storage.Fault{Op: storage.OpUploadChunk, Skip: 1, DropReply: true}},
		{"the reply to the last chunk lost", storage.Fault{Op: storage.OpUploadChunk, Skip: 4, DropReply: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			fault := s.Inject(test.fault)
			w := quick(connect(t, s).Bucket(bucket).Object("big")).If(gcs.Conditions{DoesNotExist: true}).NewWriter(t.Context())
			w.ChunkSize = chunk
			_, err := w.Write(data)
			if err := errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			if fault.Hits() != 1 {
				t.Errorf("%d hits, want 1", fault.Hits())
			}
			if got, err := s.Read(bucket, "big"); err != nil || !bytes.Equal(got, data) {
				t.Errorf("stored %d bytes (%v) that differ from the %d sent", len(got), err, len(data))
			}
		})
	}
}

func TestCutUploadStoresNothing(t *testing.T) {
	s := start(t)
	s.Inject(storage.Fault{Op: storage.OpUploadChunk, Skip: 1, Count: -1, Cut: true, CutAfter: 1000})
	w := connect(t, s).Bucket(bucket).Object("big").Retryer(gcs.WithPolicy(gcs.RetryNever)).NewWriter(t.Context())
	w.ChunkSize, w.ChunkRetryDeadline = 256<<10, 100*time.Millisecond
	_, err := w.Write(random(1 << 20))
	if err = errors.Join(err, w.Close()); err == nil {
		t.Error("the upload succeeded")
	}
	if len(s.List(bucket, "")) != 0 {
		t.Error("the object is there all the same")
	}
}

func TestCutReadGoesOn(t *testing.T) {
	s := start(t)
	data := random(1 << 20)
	if _, err := s.Write(bucket, "o", data); err != nil {
		t.Fatal(err)
	}
	fault := s.Inject(storage.Fault{Op: storage.OpRead, Cut: true, CutAfter: 300_000, Count: 2})
	if got := read(t, quick(connect(t, s).Bucket(bucket).Object("o"))); !bytes.Equal(got, data) {
		t.Errorf("read %d bytes that differ", len(got))
	}
	if fault.Hits() != 2 {
		t.Errorf("%d hits, want 2", fault.Hits())
	}
}

func TestHooksSeeEveryStep(t *testing.T) {
	s := start(t)
	o := connect(t, s).Bucket(bucket).Object("o")
	var steps []string
	s.SetHooks(
		func(r storage.Request) {
			steps = append(steps, "before "+string(r.Op), exists(s.List(bucket, "o")))
		},
		func(r storage.Request) {
			steps = append(steps, "after "+string(r.Op), exists(s.List(bucket, "o")))
		})
	if err := writeOnce(o, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := o.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"before objects.insert", "no", "after objects.insert", "yes",
		"before objects.delete", "yes", "after objects.delete", "no",
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Error(diff)
	}
}

func exists(objects []storage.Object) string {
	if len(objects) == 0 {
		return "no"
	}
	return "yes"
}

func TestStats(t *testing.T) {
	s := start(t)
	b := connect(t, s).Bucket(bucket)
	w := b.Object("metadata/big").NewWriter(t.Context())
	w.ChunkSize = 256 << 10
	_, _ = w.Write(random(1 << 20))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	read(t, b.Object("metadata/big"))
	write(t, b.Object("other"), "x")
	_, _ = b.Object("metadata/absent").Attrs(t.Context())
	_ = b.Object("metadata/big").Delete(t.Context())
	got := s.Stats("metadata/")
	want := storage.Stats{
		Requests: map[storage.Op]int{
			storage.OpUploadStart: 1, storage.OpUploadChunk: 5, storage.OpRead: 1, storage.OpGet: 1, storage.OpDelete: 1,
		},
		ClassA: 1, ClassB: 2, Failed: 1, BytesIn: got.BytesIn, BytesOut: got.BytesOut,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.BytesIn < 1<<20 || got.BytesIn > 1<<20+1000 || got.BytesOut < 1<<20 || got.BytesOut > 1<<20+5000 {
		t.Errorf("bytes in %d, out %d; want about a MiB each", got.BytesIn, got.BytesOut)
	}
	if all := s.Stats(""); all.Requests[storage.OpInsert] != 1 {
		t.Errorf("all requests: %v", all.Requests)
	}
	s.ResetLog()
	if len(s.Log()) != 0 {
		t.Error("ResetLog kept requests")
	}
}

func TestAuthorize(t *testing.T) {
	s := start(t)
	denied := map[string]bool{}
	var asked []string
	s.SetAuthorize(func(token, permission, resource string) error {
		asked = append(asked, permission+" "+resource)
		if denied[permission] {
			return errors.New("robot does not have " + permission + " access")
		}
		return nil
	})
	b := connect(t, s).Bucket(bucket)
	write(t, b.Object("o"), "first")
	write(t, b.Object("o"), "second")
	want := []string{
		"storage.objects.create projects/_/buckets/shelf/objects/o",
		"storage.objects.create projects/_/buckets/shelf/objects/o",
		"storage.objects.delete projects/_/buckets/shelf/objects/o",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	denied["storage.objects.get"] = true
	if err := second(b.Object("o").Attrs(t.Context())); status(err) != 401 { // no token: anonymous
		t.Errorf("Attrs = %v, want 401", err)
	}
	got, err := b.IAM().TestPermissions(t.Context(), []string{"storage.objects.get", "storage.objects.create"})
	if diff := cmp.Diff([]string{"storage.objects.create"}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// quick makes a client's retries immediate and applies them to everything.
func quick(o *gcs.ObjectHandle) *gcs.ObjectHandle {
	return o.Retryer(gcs.WithPolicy(gcs.RetryAlways), gcs.WithErrorFunc(func(err error) bool {
		return gcs.ShouldRetry(err) || errors.Is(err, io.EOF)
	}), gcs.WithBackoff(gax.Backoff{Initial: time.Millisecond, Max: 5 * time.Millisecond, Multiplier: 2}))
}
