package manifest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sort"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// A table is compared with plain maps over many random scans.
func TestTableAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ids := make([]string, 3000)
	for i := range ids {
		ids[i] = uuid(r)
		if i%3 == 0 {
			ids[i] = fmt.Sprintf("post-%d", i)
		}
	}
	for round := range 20 {
		store := map[string]held{}
		var segments [][]byte
		for range 1 + r.IntN(4) {
			var entries []Entry
			for range r.IntN(2000) {
				id := ids[r.IntN(len(ids))]
				e := Entry{ID: []byte(id), Hash: uint64(1 + r.IntN(3)), Gone: r.IntN(4) == 0}
				if e.Gone {
					e.Hash = 0
					delete(store, id)
				} else {
					e.Tried = r.IntN(5) == 0
					store[id] = held{e.Hash, e.Tried}
				}
				entries = append(entries, e)
			}
			segments = append(segments, segment(t, entries...))
		}
		table := NewTable(int64(r.IntN(4000)))
		for _, s := range segments {
			if err := table.Load(bytes.NewReader(s), false); err != nil {
				t.Fatal(err)
			}
		}
		if table.Len() != int64(len(store)) {
			t.Fatalf("round %d: Len = %d, want %d", round, table.Len(), len(store))
		}
		checkCompact(t, table, segments, store)
		checkScan(t, r, table, segments, store, ids)
	}
}

// held is what a data store holds under an id.
type held struct {
	hash  uint64
	tried bool
}

func checkCompact(t *testing.T, table *Table, segments [][]byte, store map[string]held) {
	t.Helper()
	got := map[string]held{}
	for _, s := range segments {
		err := Each(bytes.NewReader(s), func(e Entry) error {
			if e, ok := table.Compact(e.ID); ok {
				got[string(e.ID)] = held{e.Hash, e.Tried}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	table.Reset()
	if diff := cmp.Diff(store, got, cmp.AllowUnexported(held{})); diff != "" {
		t.Fatalf("compacted (-want +got):\n%s", diff)
	}
}

func checkScan(t *testing.T, r *rand.Rand, table *Table, segments [][]byte, store map[string]held, ids []string) {
	t.Helper()
	seen := map[string]bool{}
	table.Expect(len(ids), func(i int) []byte { return []byte(ids[i]) }) // changes nothing
	for range len(ids) {
		id, hash := ids[r.IntN(len(ids))], uint64(1+r.IntN(3))
		if r.IntN(10) == 0 && !seen[id] {
			_, known := store[id]
			if got := table.Keep([]byte(id)); got != known {
				t.Fatalf("Keep(%s) = %v, want %v", id, got, known)
			}
			if known {
				seen[id] = true
			}
			continue
		}
		old, known := store[id]
		want := New
		switch {
		case seen[id]:
			want = Duplicate
		case known && old == held{hash, true}:
			want = Rejected
		case known && old.hash == hash:
			want = Same
		case known:
			want = Changed
		}
		seen[id] = true
		if got := table.See([]byte(id), hash); got != want {
			t.Fatalf("See(%s) = %v, want %v", id, got, want)
		}
	}
	var want, got []string
	for id := range store {
		if !seen[id] {
			want = append(want, id)
		}
	}
	for _, s := range segments {
		err := Each(bytes.NewReader(s), func(e Entry) error {
			if table.TakeGone(e.ID) {
				got = append(got, string(e.ID))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if int(table.Missing()) != len(want) {
		t.Fatalf("Missing = %d, want %d", table.Missing(), len(want))
	}
	sort.Strings(want)
	sort.Strings(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("gone (-want +got):\n%s", diff)
	}
}

func TestLoadOfAnUndecidedSegment(t *testing.T) {
	s := segment(t, Entry{ID: []byte("sent"), Hash: 5}, Entry{ID: []byte("deleted"), Gone: true}, Entry{ID: []byte("rejected"), Hash: 7, Tried: true})
	table := NewTable(0)
	if err := table.Load(bytes.NewReader(s), true); err != nil {
		t.Fatal(err)
	}
	if table.Len() != 3 {
		t.Errorf("Len = %d, want 3", table.Len())
	}
	for id, hash := range map[string]uint64{"sent": 5, "deleted": 6, "rejected": 7} {
		if got := table.See([]byte(id), hash); got != Changed {
			t.Errorf("See(%s) = %v, want Changed", id, got)
		}
	}
}

// A slot holds less of a hash than a segment does. None may look like Unknown, nor change on its way through Compact.
func TestHashesThatDoNotFitASlot(t *testing.T) {
	id := []byte("a")
	for _, hash := range []uint64{1, 1 << 58, 1 << 59, 1 << 63, 31 << 59, 1<<64 - 1} {
		for _, held := range []uint64{hash, Unknown} {
			table := NewTable(0)
			for range 2 { // as it came, and as Compact wrote it
				if err := table.Load(bytes.NewReader(segment(t, Entry{ID: id, Hash: held})), false); err != nil {
					t.Fatal(err)
				}
				got, ok := table.Compact(id)
				if !ok || (got.Hash == Unknown) != (held == Unknown) {
					t.Fatalf("Compact of %#x = %#x, %v", held, got.Hash, ok)
				}
				held = got.Hash
				table.Reset()
			}
			want := Same
			if held == Unknown {
				want = Changed
			}
			if got := table.See(id, hash); got != want {
				t.Errorf("See(%#x) over %#x = %v, want %v", hash, held, got, want)
			}
		}
	}
}

// The run as a whole may cost 48 bytes a document; the table must stay well below, however it came to its size.
func TestTableMemory(t *testing.T) {
	const documents = 1_000_000
	r := rand.New(rand.NewPCG(3, 4))
	for name, reserve := range map[string]int64{"grown": 0, "reserved": documents} {
		t.Run(name, func(t *testing.T) {
			table := NewTable(reserve)
			var id [36]byte
			var raw [16]byte
			for range documents {
				for i := range raw {
					raw[i] = byte(r.Uint32())
				}
				formatUUID(&id, raw[:])
				table.See(id[:], 1)
			}
			slots := 0
			for i := range table.parts {
				slots += len(table.parts[i].slots)
			}
			perDocument := float64(slots) * float64(unsafe.Sizeof(slot{})) / documents
			if perDocument > 40 {
				t.Errorf("%.1f bytes a document, want at most 40", perDocument)
			}
			runtime.KeepAlive(table)
		})
	}
}
