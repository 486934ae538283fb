package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	gcs "cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"vertexmetadata/sandbox/storage"
)

const bucket = "shelf"

func TestRoundTrip(t *testing.T) {
	s := start(t)
	const chunk = 256 << 10
	for _, api := range []struct {
		name    string
		options []option.ClientOption
	}{
		{"xml reads", nil},
		{"json reads", []option.ClientOption{gcs.WithJSONReads()}},
	} {
		t.Run(api.name, func(t *testing.T) {
			client := connect(t, s, api.options...)
			for _, test := range []struct {
				name      string
				size      int
				chunkSize int
			}{
				{"empty", 0, chunk},
				{"one byte", 1, chunk},
				{"one chunk", chunk, chunk},
				{"one byte more than a chunk", chunk + 1, chunk},
				{"whole chunks", 4 * chunk, chunk},
				{"chunks and a rest", 4*chunk + 17, chunk},
				{"not resumable", 3 * chunk, 0},
				{"path/with spaces, ünïcode 植物 and 100%.jsonl", 9, chunk},
			} {
				t.Run(test.name, func(t *testing.T) {
					data := random(test.size)
					object := client.Bucket(bucket).Object(test.name)
					w := object.NewWriter(t.Context())
					w.ChunkSize, w.ContentType, w.Metadata = test.chunkSize, "application/x-ndjson", map[string]string{"token": "t1"}
					if _, err := w.Write(data); err != nil {
						t.Fatal(err)
					}
					if err := w.Close(); err != nil {
						t.Fatal(err)
					}
					if got := read(t, object); !bytes.Equal(got, data) {
						t.Errorf("read %d bytes that differ from the %d written", len(got), len(data))
					}
					attrs, err := object.Attrs(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if attrs.Size != int64(test.size) || attrs.ContentType != "application/x-ndjson" || attrs.Metadata["token"] != "t1" ||
						attrs.Generation == 0 || attrs.Generation != w.Attrs().Generation || len(attrs.MD5) != 16 {
						t.Errorf("attrs = %+v", attrs)
					}
				})
			}
		})
	}
}

func TestEmulatorHostIsEnough(t *testing.T) {
	s := start(t)
	t.Setenv("STORAGE_EMULATOR_HOST", s.Addr())
	client, err := gcs.NewClient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	write(t, client.Bucket(bucket).Object("a"), "hello")
	if got := read(t, client.Bucket(bucket).Object("a")); string(got) != "hello" {
		t.Errorf("read %q", got)
	}
}

func TestPreconditions(t *testing.T) {
	s := start(t)
	client := connect(t, s)
	b := client.Bucket(bucket)
	for _, test := range []struct {
		name   string
		exists bool
		do     func(o *gcs.ObjectHandle, live int64) error
		want   int
	}{
		{"create where none is", false, insertIf(func(int64) gcs.Conditions { return gcs.Conditions{DoesNotExist: true} }), 0},
		{"create where one is", true, insertIf(func(int64) gcs.Conditions { return gcs.Conditions{DoesNotExist: true} }), 412},
		{"replace the generation read", true, insertIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: g} }), 0},
		{"replace another generation", true, insertIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: g + 1} }), 412},
		{"replace one that is gone", false, insertIf(func(int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: 7} }), 412},
		{"replace unless unchanged", true, insertIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationNotMatch: g} }), 412},
		{"delete the generation read", true, deleteIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: g} }), 0},
		{"delete another generation", true, deleteIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: g + 1} }), 412},
		{"delete one that is gone", false, deleteIf(func(int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: 7} }), 404},
		{"patch the generation read", true, patchIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: g} }), 0},
		{"patch another generation", true, patchIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: g + 1} }), 412},
		{"patch one that is gone", false, patchIf(func(int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: 7} }), 404},
		{"read the generation read", true, readIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: g} }), 0},
		{"read another generation", true, readIf(func(g int64) gcs.Conditions { return gcs.Conditions{GenerationMatch: g + 1} }), 412},
		{"attrs if changed", true, func(o *gcs.ObjectHandle, live int64) error {
			return second(o.If(gcs.Conditions{GenerationNotMatch: live}).Attrs(context.Background()))
		}, 304},
		{"read by generation", true, func(o *gcs.ObjectHandle, live int64) error { return readOnce(o.Generation(live)) }, 0},
		{"read by a generation that was overwritten", true, func(o *gcs.ObjectHandle, live int64) error { return readOnce(o.Generation(live - 1)) }, 404},
		{"attrs of another generation", true, func(o *gcs.ObjectHandle, live int64) error {
			_, err := o.If(gcs.Conditions{GenerationMatch: live + 1}).Attrs(context.Background())
			return err
		}, 412},
		{"compose onto one that is there", true, func(o *gcs.ObjectHandle, live int64) error {
			_, err := o.If(gcs.Conditions{DoesNotExist: true}).ComposerFrom(o).Run(context.Background())
			return err
		}, 412},
		{"compose from a changed source", true, func(o *gcs.ObjectHandle, live int64) error {
			_, err := b.Object("composed").ComposerFrom(o.If(gcs.Conditions{GenerationMatch: live + 1})).Run(context.Background())
			return err
		}, 412},
		{"compose", true, func(o *gcs.ObjectHandle, live int64) error {
			_, err := b.Object("composed").ComposerFrom(o.If(gcs.Conditions{GenerationMatch: live}), o).Run(context.Background())
			return err
		}, 0},
		{"copy onto one that is there", true, func(o *gcs.ObjectHandle, live int64) error {
			_, err := o.If(gcs.Conditions{DoesNotExist: true}).CopierFrom(o).Run(context.Background())
			return err
		}, 412},
		{"copy a changed source", true, func(o *gcs.ObjectHandle, live int64) error {
			_, err := b.Object("copy").CopierFrom(o.If(gcs.Conditions{GenerationMatch: live + 1})).Run(context.Background())
			return err
		}, 412},
		{"copy", true, func(o *gcs.ObjectHandle, live int64) error {
			_, err := b.Object("copy").CopierFrom(o.If(gcs.Conditions{GenerationMatch: live})).Run(context.Background())
			return err
		}, 0},
		{"copy one that is gone", false, func(o *gcs.ObjectHandle, live int64) error {
			_, err := b.Object("copy").CopierFrom(o).Run(context.Background())
			return err
		}, 404},
		{"metageneration is refused loudly", true, func(o *gcs.ObjectHandle, live int64) error {
			_, err := o.If(gcs.Conditions{MetagenerationMatch: 1}).Attrs(context.Background())
			return err
		}, 501},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.Empty(bucket)
			o := b.Object("dir/o").Retryer(gcs.WithPolicy(gcs.RetryNever))
			live := int64(0)
			if test.exists {
				write(t, o, "first")
				live = write(t, o, "second")
			}
			if got := status(test.do(o, live)); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
}

func TestCopyAndComposeKeepTheContent(t *testing.T) {
	s := start(t)
	b := connect(t, s).Bucket(bucket)
	write(t, b.Object("a"), "one ")
	write(t, b.Object("b"), "two")
	if _, err := b.Object("both").ComposerFrom(b.Object("a"), b.Object("b")).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Object("copy").CopierFrom(b.Object("both")).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, b.Object("copy")); string(got) != "one two" {
		t.Errorf("copy = %q", got)
	}
}

func TestList(t *testing.T) {
	s := start(t)
	b := connect(t, s).Bucket(bucket)
	for _, name := range []string{"metadata/b", "metadata/a", "metadata/.sync/x", "other"} {
		write(t, b.Object(name), "x")
	}
	for _, test := range []struct {
		name  string
		query gcs.Query
		want  []string
	}{
		{"prefix", gcs.Query{Prefix: "metadata/"}, []string{"metadata/.sync/x", "metadata/a", "metadata/b"}},
		{"delimiter", gcs.Query{Prefix: "metadata/", Delimiter: "/"}, []string{"metadata/a", "metadata/b", "metadata/.sync/"}},
		{"nothing", gcs.Query{Prefix: "absent"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for objects := b.Objects(t.Context(), &test.query); ; {
				attrs, err := objects.Next()
				if err == iterator.Done {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, attrs.Prefix+attrs.Name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAbsentBucketAndObject(t *testing.T) {
	s := start(t)
	client := connect(t, s)
	absent := client.Bucket("absent").Object("o")
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"read", readOnce(absent), ""},
		{"attrs", second(absent.Attrs(t.Context())), "The specified bucket does not exist."},
		{"delete", absent.Delete(t.Context()), "The specified bucket does not exist."},
		{"write", writeOnce(absent, "x"), "The specified bucket does not exist."},
		{"list", second(client.Bucket("absent").Objects(t.Context(), nil).Next()), ""},
		{"bucket attrs", second(client.Bucket("absent").Attrs(t.Context())), ""},
		{"object", second(client.Bucket(bucket).Object("o").Attrs(t.Context())), "No such object: shelf/o"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status(test.err) != 404 && !errors.Is(test.err, gcs.ErrBucketNotExist) {
				t.Fatalf("error %v, want a 404", test.err)
			}
			if !strings.Contains(test.err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", test.err, test.want)
			}
		})
	}
}

func TestGenerationsGrow(t *testing.T) {
	s := start(t)
	last := int64(0)
	for range 200 {
		g, err := s.Write(bucket, "o", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if g <= last {
			t.Fatalf("generation %d after %d", g, last)
		}
		last = g
	}
}

func TestBucketMadeTwice(t *testing.T) {
	client := connect(t, start(t))
	if err := client.Bucket("new").Create(t.Context(), "p", nil); err != nil {
		t.Fatal(err)
	}
	if err := client.Bucket("new").Create(t.Context(), "p", nil); status(err) != 409 {
		t.Errorf("second Create = %v, want 409", err)
	}
}

func TestWrongChecksumIsRefused(t *testing.T) {
	s := start(t)
	for _, test := range []struct {
		name string
		set  func(w *gcs.Writer)
	}{
		{"crc32c", func(w *gcs.Writer) { w.CRC32C, w.SendCRC32C = 1, true }},
		{"md5", func(w *gcs.Writer) { w.MD5 = make([]byte, 16) }},
		{"md5 of chunks", func(w *gcs.Writer) { w.MD5, w.ChunkSize = make([]byte, 16), 1 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := connect(t, s).Bucket(bucket).Object("o").NewWriter(t.Context())
			test.set(w)
			_, _ = w.Write(random(300 << 10))
			if err := w.Close(); status(err) != 400 {
				t.Errorf("Close = %v, want 400", err)
			}
			if len(s.List(bucket, "")) != 0 {
				t.Error("the object is there all the same")
			}
		})
	}
}

func TestInProcessAccess(t *testing.T) {
	s := start(t)
	g, err := s.Write(bucket, "dir/o", []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]storage.Object{{Name: "dir/o", Size: 5, Generation: g}}, s.List(bucket, "dir/")); diff != "" {
		t.Error(diff)
	}
	if data, err := s.Read(bucket, "dir/o"); err != nil || string(data) != "hello" {
		t.Errorf("Read = %q, %v", data, err)
	}
	if !s.Delete(bucket, "dir/o") || s.Delete(bucket, "dir/o") {
		t.Error("Delete does not report what was there")
	}
	if _, err := s.Read(bucket, "dir/o"); err == nil || err.Error() != "open gs://shelf/dir/o: No such object: shelf/dir/o" {
		t.Errorf("Read = %v", err)
	}
	s.DeleteBucket(bucket)
	if _, err := s.Write(bucket, "o", nil); err == nil || err.Error() != "write gs://shelf/o: The specified bucket does not exist." {
		t.Errorf("Write = %v", err)
	}
}

func BenchmarkResumableUpload150MB(b *testing.B) {
	s, err := storage.Start(storage.Options{Buckets: []string{bucket}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	client, err := gcs.NewClient(b.Context(), option.WithEndpoint(s.Endpoint()), option.WithoutAuthentication())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	data := random(150 << 20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		w := client.Bucket(bucket).Object("big").NewWriter(b.Context())
		w.ChunkSize = 1 << 20
		if _, err := w.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func start(t *testing.T) *storage.Server {
	t.Helper()
	s, err := storage.Start(storage.Options{Buckets: []string{bucket}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func connect(t *testing.T, s *storage.Server, options ...option.ClientOption) *gcs.Client {
	t.Helper()
	options = append(options, option.WithEndpoint(s.Endpoint()), option.WithoutAuthentication(), gcs.WithDisabledClientMetrics())
	client, err := gcs.NewClient(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func write(t *testing.T, o *gcs.ObjectHandle, text string) int64 {
	t.Helper()
	w := o.NewWriter(t.Context())
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.Attrs().Generation
}

func writeOnce(o *gcs.ObjectHandle, text string) error {
	w := o.NewWriter(context.Background())
	_, err := io.WriteString(w, text)
	return errors.Join(err, w.Close())
}

func read(t *testing.T, o *gcs.ObjectHandle) []byte {
	t.Helper()
	r, err := o.NewReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readOnce(o *gcs.ObjectHandle) error {
	r, err := o.NewReader(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

type condition func(live int64) gcs.Conditions

func insertIf(c condition) func(*gcs.ObjectHandle, int64) error {
	return func(o *gcs.ObjectHandle, live int64) error { return writeOnce(o.If(c(live)), "third") }
}

func deleteIf(c condition) func(*gcs.ObjectHandle, int64) error {
	return func(o *gcs.ObjectHandle, live int64) error { return o.If(c(live)).Delete(context.Background()) }
}

func patchIf(c condition) func(*gcs.ObjectHandle, int64) error {
	return func(o *gcs.ObjectHandle, live int64) error {
		return second(o.If(c(live)).Update(context.Background(), gcs.ObjectAttrsToUpdate{ContentType: "text/plain"}))
	}
}

func readIf(c condition) func(*gcs.ObjectHandle, int64) error {
	return func(o *gcs.ObjectHandle, live int64) error { return readOnce(o.If(c(live))) }
}

func second[T any](_ T, err error) error { return err }

// status is the HTTP status in an error: 0 for none, -1 for an error without one.
func status(err error) int {
	var api *googleapi.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &api):
		return api.Code
	case errors.Is(err, gcs.ErrObjectNotExist):
		return http.StatusNotFound
	}
	return -1
}

func random(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}
