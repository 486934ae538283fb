package manifest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// uuid returns the canonical text of a random UUID.
func uuid(r *rand.Rand) string {
	var raw [16]byte
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	var text [36]byte
	formatUUID(&text, raw[:])
	return string(text[:])
}

func segment(t testing.TB, entries ...Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, e := range entries {
		write := func() error { return w.Put(e.ID, e.Hash) }
		switch {
		case e.Gone:
			write = func() error { return w.Remove(e.ID) }
		case e.Tried:
			write = func() error { return w.PutTried(e.ID, e.Hash) }
		}
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Count() != int64(len(entries)) {
		t.Fatalf("Count = %d, want %d", w.Count(), len(entries))
	}
	return b.Bytes()
}

func decode(b []byte) ([]Entry, error) {
	var got []Entry
	err := Each(bytes.NewReader(b), func(e Entry) error {
		e.ID = bytes.Clone(e.ID)
		got = append(got, e)
		return nil
	})
	return got, err
}

func TestSegmentRoundTrip(t *testing.T) {
	want := []Entry{
		{ID: []byte("0b5f0d6e-6a52-4b8e-9f6b-3d8f6c1a2b3c"), Hash: 0xdeadbeefcafef00d},
		{ID: []byte("0B5F0D6E-6A52-4B8E-9F6B-3D8F6C1A2B3C"), Hash: 1}, // not canonical: kept as text
		{ID: []byte("a"), Hash: 1<<64 - 1},
		{ID: []byte(strings.Repeat("x", MaxID)), Hash: Unknown},
		{ID: []byte("0b5f0d6e-6a52-4b8e-9f6b-3d8f6c1a2b3c"), Gone: true},
		{ID: []byte("gone_text"), Gone: true},
		{ID: []byte("0b5f0d6e-6a52-4b8e-9f6b-3d8f6c1a2b3g"), Hash: 7}, // 36 long, not hexadecimal
	}
	got, err := decode(segment(t, want...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestWriterRefusesIDs(t *testing.T) {
	w := NewWriter(&bytes.Buffer{})
	for name, tt := range map[string]struct {
		id   string
		want string
	}{
		"empty":    {"", "write manifest entry: id of 0 bytes, want 1 to 128"},
		"too long": {strings.Repeat("x", 129), "write manifest entry: id of 129 bytes, want 1 to 128"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := w.Put([]byte(tt.id), 1); err == nil || err.Error() != tt.want {
				t.Errorf("Put = %v, want %q", err, tt.want)
			}
		})
	}
}

// Every truncation and every changed bit of a segment must be noticed.
func TestDamageIsNoticed(t *testing.T) {
	whole := segment(t,
		Entry{ID: []byte("0b5f0d6e-6a52-4b8e-9f6b-3d8f6c1a2b3c"), Hash: 42},
		Entry{ID: []byte("post-1"), Hash: 43},
		Entry{ID: []byte("post-2"), Gone: true})
	for n := range whole {
		if _, err := decode(whole[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut at %d: %v, want ErrCorrupt", n, err)
		}
	}
	for i := range len(whole) * 8 {
		damaged := bytes.Clone(whole)
		damaged[i/8] ^= 1 << (i % 8)
		if _, err := decode(damaged); !errors.Is(err, ErrCorrupt) {
			t.Errorf("bit %d flipped: %v, want ErrCorrupt", i, err)
		}
	}
	if _, err := decode(append(bytes.Clone(whole), 0)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a byte more: %v, want ErrCorrupt", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte(magic))
	f.Add(segment(f))
	f.Add(segment(f, Entry{ID: []byte("a"), Hash: 1}, Entry{ID: []byte("0b5f0d6e-6a52-4b8e-9f6b-3d8f6c1a2b3c"), Gone: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := decode(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error %v is not ErrCorrupt", err)
			}
			return
		}
		again, err := decode(segment(t, entries...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entries, again); diff != "" {
			t.Fatalf("an accepted segment does not survive a round trip:\n%s", diff)
		}
	})
}
