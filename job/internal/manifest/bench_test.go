package manifest

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func BenchmarkSee(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	ids := make([][]byte, 1<<18)
	for i := range ids {
		ids[i] = []byte(uuid(r))
	}
	b.ReportAllocs()
	table := NewTable(int64(len(ids)))
	for i := 0; b.Loop(); i++ {
		table.See(ids[i%len(ids)], uint64(i))
	}
}

// BenchmarkGrow is what a first sync does to the table: nobody knows how many documents will come.
func BenchmarkGrow(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	ids := make([][]byte, 164_000)
	for i := range ids {
		ids[i] = []byte(uuid(r))
	}
	b.ReportAllocs()
	for b.Loop() {
		table := NewTable(0)
		for i, id := range ids {
			table.See(id, uint64(i))
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	var buf bytes.Buffer
	w := NewWriter(&buf)
	const n = 100_000
	for range n {
		if err := w.Put([]byte(uuid(r)), r.Uint64()); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(buf.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := NewTable(n).Load(bytes.NewReader(buf.Bytes()), false); err != nil {
			b.Fatal(err)
		}
	}
}
