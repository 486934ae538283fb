package storage_test

import (
	"bytes"
	"crypto/md5"
	"errors"
	"testing"

	gcs "cloud.google.com/go/storage"

	"vertexmetadata/sandbox/storage"
)

// Whatever is asked first of an object that came in chunks, it is there whole and as the service would describe it.
func TestChunkedObjectIsLikeAnyOther(t *testing.T) {
	data := random(3*chunkSize + 17)
	sum := md5.Sum(data)
	for _, test := range []struct {
		name string
		// ask asks something of o and says where its content is then; nil: nowhere
		ask func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle
	}{
		{"read", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			return o
		}},
		{"read in process", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			if got, err := s.Read(bucket, "o"); err != nil || !bytes.Equal(got, data) {
				t.Errorf("Read = %d bytes, %v; want the %d written", len(got), err, len(data))
			}
			return o
		}},
		{"list", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			attrs, err := b.Objects(t.Context(), &gcs.Query{Prefix: "o"}).Next()
			if err != nil || attrs.Size != int64(len(data)) || !bytes.Equal(attrs.MD5, sum[:]) {
				t.Errorf("list = %+v, %v", attrs, err)
			}
			return o
		}},
		{"list in process", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			if got := s.List(bucket, ""); len(got) != 1 || got[0].Size != int64(len(data)) || got[0].Metadata["token"] != "t1" {
				t.Errorf("List = %+v", got)
			}
			return o
		}},
		{"patch", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			if _, err := o.Update(t.Context(), gcs.ObjectAttrsToUpdate{Metadata: map[string]string{"more": "m"}}); err != nil {
				t.Error(err)
			}
			return o
		}},
		{"copy", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			if _, err := b.Object("copy").CopierFrom(o).Run(t.Context()); err != nil {
				t.Error(err)
			}
			return b.Object("copy")
		}},
		{"compose", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			composer := b.Object("composed").ComposerFrom(o)
			composer.Metadata = map[string]string{"token": "t1"}
			if _, err := composer.Run(t.Context()); err != nil {
				t.Error(err)
			}
			return b.Object("composed")
		}},
		{"overwrite by chunks", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			upload(t, o, data)
			return o
		}},
		{"overwrite a small one", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			write(t, o, "small")
			upload(t, o, data)
			if got := s.List(bucket, ""); len(got) != 1 || got[0].Size != int64(len(data)) {
				t.Errorf("List = %+v", got)
			}
			return o
		}},
		{"overwrite by a small one", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			write(t, o, "small")
			if got := read(t, o); string(got) != "small" {
				t.Errorf("read %d bytes, want those of the later object", len(got))
			}
			return nil
		}},
		{"delete", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			if err := o.Delete(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := o.Attrs(t.Context()); !errors.Is(err, gcs.ErrObjectNotExist) {
				t.Errorf("Attrs of the deleted object = %v", err)
			}
			return nil
		}},
		{"delete in process what was overwritten", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			write(t, o, "small")
			upload(t, o, data)
			if !s.Delete(bucket, "o") || s.Delete(bucket, "o") || len(s.List(bucket, "")) != 0 {
				t.Error("Delete left something")
			}
			return nil
		}},
		{"delete the bucket", func(t *testing.T, s *storage.Server, b *gcs.BucketHandle, o *gcs.ObjectHandle) *gcs.ObjectHandle {
			if err := b.Delete(t.Context()); err == nil {
				t.Error("a bucket that holds an object was deleted")
			}
			return o
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			b := connect(t, s).Bucket(bucket)
			upload(t, b.Object("o"), data)
			o := test.ask(t, s, b, b.Object("o"))
			if o == nil {
				return
			}
			attrs, err := o.Attrs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if attrs.Size != int64(len(data)) || !bytes.Equal(attrs.MD5, sum[:]) || attrs.Metadata["token"] != "t1" || attrs.Generation == 0 {
				t.Errorf("attrs = %+v", attrs)
			}
			if got := read(t, o); !bytes.Equal(got, data) {
				t.Errorf("read %d bytes that differ from the %d written", len(got), len(data))
			}
		})
	}
}

// The answer to the last chunk describes the object, but for the MD5 sum.
func TestAnswerToTheLastChunk(t *testing.T) {
	o := connect(t, start(t)).Bucket(bucket).Object("path/ü 1%")
	told := upload(t, o, random(2*chunkSize))
	if len(told.MD5) != 0 {
		t.Errorf("MD5 = %x, want none: nobody has computed it", told.MD5)
	}
	asked, err := o.Attrs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		name, contentType, class string
		size, generation, meta   int64
		crc                      uint32
		token                    string
		created                  int64
	}
	of := func(a *gcs.ObjectAttrs) facts {
		return facts{a.Name, a.ContentType, a.StorageClass, a.Size, a.Generation, a.Metageneration, a.CRC32C, a.Metadata["token"], a.Created.UnixMicro()}
	}
	if of(told) != of(asked) {
		t.Errorf("the answer to the upload says %+v, a later one %+v", of(told), of(asked))
	}
}

const chunkSize = 256 << 10

// upload writes an object in chunks.
func upload(t *testing.T, o *gcs.ObjectHandle, data []byte) *gcs.ObjectAttrs {
	t.Helper()
	w := o.NewWriter(t.Context())
	w.ChunkSize, w.ContentType, w.Metadata = chunkSize, "application/x-ndjson", map[string]string{"token": "t1"}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.Attrs()
}
