package manifest

import (
	"fmt"
	"io"
	"math"
)

// Change says how a document of the source compares with what the data store holds.
type Change int

const (
	// Same is a document that the data store holds as it is.
	Same Change = iota
	// New is a document that the data store does not hold.
	New
	// Changed is a document whose content differs from what the data store holds.
	Changed
	// Duplicate is an id that was seen before in this scan.
	Duplicate
	// Rejected is a document that the service rejected as it is.
	Rejected
)

// Table is a manifest in memory, and the scan that is compared with it. It costs 24 bytes a slot whatever the ids
// look like: an open-addressing hash table cut into parts that grow by a quarter, one at a time, so that there is
// never a second whole copy of it.
type Table struct {
	parts [tableParts]part
	old   int // ids that were in the data store before the scan
	seen  int // ids of old that the scan saw

	limit int64 // most slots; 0: as many as the container's memory has room for

	touched uint64 // keeps the compiler from dropping touch, which reads for the sake of reading
}

// NewTable returns an empty table with room for n documents.
func NewTable(n int64) *Table {
	t := &Table{}
	if n > 0 {
		// A part's share varies around the mean; three standard deviations spare nearly all of them a growth.
		mean := float64(n) / tableParts
		slots := int((mean + 3*math.Sqrt(mean)) / maxLoad)
		for i := range t.parts {
			t.parts[i].resize(max(slots, minSlots))
		}
	}
	return t
}

// Len returns the number of documents that the data store held before the scan.
func (t *Table) Len() int64 { return int64(t.old) }

// Missing returns how many documents of the data store the scan has not seen.
func (t *Table) Missing() int64 { return int64(t.old - t.seen) }

// Load applies a segment, which must be newer than those loaded before. Of an undecided segment only the ids count: each,
// those that are gone included, is a document whose hash is [Unknown]. After an error the table is of no use.
func (t *Table) Load(r io.Reader, undecided bool) error {
	sr, err := newReader(r)
	if err != nil {
		return err
	}
	loaded := make([]slot, 0, ahead)
	for n := 1; ; n++ {
		e, err := sr.next()
		if err == io.EOF {
			t.applyAll(loaded)
			return nil
		}
		if err != nil {
			return err
		}
		s := slot{key: e.key(), word: wordOf(e.hash, flagUsed|flagLive|flagOld)}
		switch {
		case undecided:
			s.word = wordOf(Unknown, flagUsed|flagLive|flagOld)
		case e.gone:
			s.word = flagUsed
		case e.tried:
			s.word |= flagTried
		}
		if loaded = append(loaded, s); len(loaded) == ahead {
			t.applyAll(loaded)
			loaded = loaded[:0]
		}
		if n%checkedEvery == 0 && !t.Fits() {
			return fmt.Errorf("%w: it has more documents than there is memory for, %d", ErrCorrupt, Capacity())
		}
	}
}

// checkedEvery is after how many entries a table looks whether it still fits into memory.
const checkedEvery = 1 << 14

// ahead is how many ids are looked up at a time, see touch.
const ahead = 128

// applyAll puts entries in the place of older ones.
func (t *Table) applyAll(entries []slot) {
	for i := range entries {
		t.touch(entries[i].key)
	}
	for _, e := range entries {
		t.apply(e)
	}
}

// Expect announces ids that See is about to be called with: id returns the i-th of n. It changes nothing and may be
// left out.
func (t *Table) Expect(n int, id func(i int) []byte) {
	var keys [ahead]key
	for from := 0; from < n; from += ahead {
		some := keys[:min(n-from, ahead)]
		for i := range some {
			some[i] = keyOf(id(from + i))
		}
		for _, k := range some {
			t.touch(k)
		}
	}
}

// Each calls fn for every entry of the segment in r, of which nothing may be believed before it has returned nil.
func Each(r io.Reader, fn func(Entry) error) error {
	sr, err := newReader(r)
	if err != nil {
		return err
	}
	for {
		e, err := sr.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(Entry{ID: sr.text(e), Hash: e.hash, Tried: e.tried, Gone: e.gone}); err != nil {
			return err
		}
	}
}

func (t *Table) apply(e slot) {
	s, p := t.find(e.key)
	now := e.word&flagOld != 0
	if s.word&flagUsed == 0 {
		if !now {
			return
		}
		s = t.insert(s, p, e.key)
	}
	switch was := s.word&flagOld != 0; {
	case was && !now:
		t.old--
	case now && !was:
		t.old++
	}
	s.word = e.word
}

// See records that the scan read a document with this id and line hash, and says how it compares.
func (t *Table) See(id []byte, hash uint64) Change {
	k := keyOf(id)
	s, p := t.find(k)
	switch {
	case s.word&flagUsed == 0:
		s = t.insert(s, p, k)
		fallthrough
	case s.word&flagLive == 0:
		s.word = wordOf(hash, flagUsed|flagLive|flagSeen)
		return New
	case s.word&flagSeen != 0:
		return Duplicate
	}
	t.seen++
	same, tried := wordOf(hash, s.word&allFlags) == s.word, s.word&flagTried != 0
	s.word = wordOf(hash, s.word&allFlags|flagSeen)
	switch {
	case same && tried:
		return Rejected
	case same:
		return Same
	}
	return Changed
}

// Keep records that the scan met an id whose document cannot be sent: what the data store holds under it stays. It
// reports whether the data store holds anything under it.
func (t *Table) Keep(id []byte) bool {
	s, _ := t.find(keyOf(id))
	if s.word&flagOld == 0 {
		return false
	}
	if s.word&flagSeen == 0 {
		s.word |= flagSeen
		t.seen++
	}
	return true
}

// Held reports whether the data store held id before the scan, as far as the manifest says.
func (t *Table) Held(id []byte) bool {
	s, _ := t.find(keyOf(id))
	return s.word&flagOld != 0
}

// Has reports whether the data store held id before the scan or the scan saw it.
func (t *Table) Has(id []byte) bool {
	s, _ := t.find(keyOf(id))
	return s.word&flagLive != 0
}

// TakeGone reports, once for each id, that the data store holds it and the scan did not see it. To list what is gone,
// call it for every entry of the segments that were loaded, when the scan is over.
func (t *Table) TakeGone(id []byte) bool {
	s, _ := t.find(keyOf(id))
	if s.word&(flagOld|flagSeen|flagWritten) != flagOld {
		return false
	}
	s.word |= flagWritten
	return true
}

// Compact returns, once for each id, the entry that a new segment in place of all those that were loaded must hold. It
// is called for every entry of these segments, in any order, before the scan begins; Reset ends it.
func (t *Table) Compact(id []byte) (e Entry, write bool) {
	s, _ := t.find(keyOf(id))
	if s.word&(flagOld|flagWritten) != flagOld {
		return Entry{}, false
	}
	s.word |= flagWritten
	return Entry{ID: id, Hash: s.hash(), Tried: s.word&flagTried != 0}, true
}

// Reset forgets which entries Compact has returned.
func (t *Table) Reset() {
	for i := range t.parts {
		for j := range t.parts[i].slots {
			t.parts[i].slots[j].word &^= flagWritten
		}
	}
}
