package manifest

import (
	"io"
	"math"
	"math/bits"
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
)

// Table is a manifest in memory, and the scan that is compared with it. It costs 25 bytes a slot whatever the ids
// look like: an open-addressing hash table cut into parts that grow by a quarter, one at a time, so that there is
// never a second whole copy of it.
type Table struct {
	parts [tableParts]part
	live  int // ids that are in the data store or were seen in the scan
	old   int // ids that were in the data store before the scan
	seen  int // ids of old that the scan saw
}

const (
	tableParts = 256
	minSlots   = 16
	maxLoad    = 0.8 // beyond it, linear probing gets slow
)

type part struct {
	keys   []key
	hashes []uint64
	flags  []uint8
	used   int // slots that hold a key, removed ones included
}

const (
	flagUsed    = 1 << iota // the slot holds a key
	flagLive                // the data store holds it, or the scan saw it
	flagOld                 // the data store held it before the scan
	flagSeen                // the scan saw it
	flagWritten             // Compact wrote it, or Gone took it
)

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

// Load applies a segment, which must be newer than those loaded before. Ids that keep (unless nil) refuses are left
// out. With unconfirmed every hash is taken as Unknown. After an error the table is of no use.
func (t *Table) Load(r io.Reader, unconfirmed bool, keep func(id []byte) bool) error {
	return Each(r, func(e Entry) error {
		if keep != nil && !keep(e.ID) {
			return nil
		}
		if unconfirmed && !e.Gone {
			e.Hash = Unknown
		}
		t.apply(e)
		return nil
	})
}

// Each calls fn for every entry of the segment in r.
func Each(r io.Reader, fn func(Entry) error) error {
	sr, err := NewReader(r)
	if err != nil {
		return err
	}
	for {
		e, err := sr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
}

func (t *Table) apply(e Entry) {
	k := keyOf(e.ID)
	p, i := t.find(k)
	if p.flags[i]&flagUsed == 0 {
		if e.Gone {
			return
		}
		p, i = t.insert(p, i, k)
	}
	was := p.flags[i]&flagOld != 0
	if e.Gone {
		p.flags[i] = flagUsed
		t.count(was, false)
		return
	}
	p.flags[i] = flagUsed | flagLive | flagOld
	p.hashes[i] = e.Hash
	t.count(was, true)
}

func (t *Table) count(was, is bool) {
	switch {
	case is && !was:
		t.old, t.live = t.old+1, t.live+1
	case was && !is:
		t.old, t.live = t.old-1, t.live-1
	}
}

// See records that the scan read a document with this id and line hash, and says how it compares.
func (t *Table) See(id []byte, hash uint64) Change {
	k := keyOf(id)
	p, i := t.find(k)
	f := p.flags[i]
	switch {
	case f&flagUsed == 0:
		p, i = t.insert(p, i, k)
		fallthrough
	case f&flagLive == 0:
		p.flags[i] = flagUsed | flagLive | flagSeen
		p.hashes[i] = hash
		t.live++
		return New
	case f&flagSeen != 0:
		return Duplicate
	}
	p.flags[i] |= flagSeen
	t.seen++
	if p.hashes[i] == hash {
		return Same
	}
	p.hashes[i] = hash
	return Changed
}

// Keep records that the scan met an id whose document cannot be sent: what the data store holds under it stays. It
// reports whether the data store holds anything under it.
func (t *Table) Keep(id []byte) bool {
	p, i := t.find(keyOf(id))
	f := p.flags[i]
	if f&flagOld == 0 {
		return false
	}
	if f&flagSeen == 0 {
		p.flags[i] |= flagSeen
		t.seen++
	}
	return true
}

// Has reports whether the data store held id before the scan or the scan saw it.
func (t *Table) Has(id []byte) bool {
	p, i := t.find(keyOf(id))
	return p.flags[i]&flagLive != 0
}

// TakeGone reports, once for each id, that the data store holds it and the scan did not see it. To list what is gone,
// call it for every entry of the segments that were loaded, when the scan is over.
func (t *Table) TakeGone(id []byte) bool {
	p, i := t.find(keyOf(id))
	if p.flags[i]&(flagOld|flagSeen|flagWritten) != flagOld {
		return false
	}
	p.flags[i] |= flagWritten
	return true
}

// Compact returns, once for each id, the hash that a new segment in place of all those that were loaded must hold. It
// is called for every entry of these segments, in any order, before the scan begins; Reset ends it.
func (t *Table) Compact(id []byte) (hash uint64, write bool) {
	p, i := t.find(keyOf(id))
	if p.flags[i]&(flagOld|flagWritten) != flagOld {
		return 0, false
	}
	p.flags[i] |= flagWritten
	return p.hashes[i], true
}

// Reset forgets which entries Compact has returned.
func (t *Table) Reset() {
	for i := range t.parts {
		for j := range t.parts[i].flags {
			t.parts[i].flags[j] &^= flagWritten
		}
	}
}

// find returns the slot of k, or the empty slot where it belongs.
func (t *Table) find(k key) (*part, int) {
	h := mix(k)
	p := &t.parts[h%tableParts]
	if len(p.keys) == 0 {
		p.resize(minSlots)
	}
	i := slot(h, len(p.keys))
	for p.flags[i]&flagUsed != 0 && p.keys[i] != k {
		if i++; i == len(p.keys) {
			i = 0
		}
	}
	return p, i
}

// insert claims the empty slot i of p for k, growing the part first when it is full.
func (t *Table) insert(p *part, i int, k key) (*part, int) {
	if float64(p.used+1) > maxLoad*float64(len(p.keys)) {
		p.resize(len(p.keys) + max(len(p.keys)/4, minSlots))
		p, i = t.find(k)
	}
	p.keys[i] = k
	p.flags[i] = flagUsed
	p.used++
	return p, i
}

// resize moves the part into slots slots.
func (p *part) resize(slots int) {
	old := *p
	*p = part{keys: make([]key, slots), hashes: make([]uint64, slots), flags: make([]uint8, slots), used: old.used}
	for j, f := range old.flags {
		if f&flagUsed == 0 {
			continue
		}
		i := slot(mix(old.keys[j]), slots)
		for p.flags[i]&flagUsed != 0 {
			if i++; i == slots {
				i = 0
			}
		}
		p.keys[i], p.hashes[i], p.flags[i] = old.keys[j], old.hashes[j], f
	}
}

// mix spreads keys, of which UUIDs of some versions begin alike. Its low bits choose the part, its high bits the slot.
func mix(k key) uint64 {
	hi, lo := bits.Mul64(k.hi^0x9e3779b97f4a7c15, k.lo^0xd1b54a32d192ed03)
	return hi ^ lo
}

// slot maps a hash to 0..n-1 by its high bits, for any n.
func slot(h uint64, n int) int {
	hi, _ := bits.Mul64(h, uint64(n))
	return int(hi)
}
