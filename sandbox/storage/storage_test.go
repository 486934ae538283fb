package storage_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	gcs "cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
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
