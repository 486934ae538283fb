package storage_test

import (
	"context"
	"testing"

	gcs "cloud.google.com/go/storage"
)

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
