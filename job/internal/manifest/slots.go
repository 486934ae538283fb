package manifest

import "math/bits"

const (
	tableParts = 256
	minSlots   = 16
	maxLoad    = 0.8 // beyond it, linear probing gets slow

	doubleBelow = 2048 // slots of a part; all parts of this size together have 12 MiB
)

type part struct {
	slots []slot
	used  int // slots that hold a key, removed ones included
}

// slot is one id. Key, hash and flags lie side by side because a look-up is a walk to memory that no cache holds: three
// arrays were three walks. To fit, the hash lends its upper six bits to the flags, which leaves a chance of 2⁻⁵⁸ to
// miss a change. This, and reading entries from the buffer in which they came, took 6 % off the processor time of a
// scan of 164,000 documents.
type slot struct {
	key  key
	word uint64 // the hash above the flags
}

const (
	flagUsed    = 1 << iota // the slot holds a key
	flagLive                // the data store holds it, or the scan saw it
	flagOld                 // the data store held it before the scan
	flagSeen                // the scan saw it
	flagWritten             // Compact wrote it, or TakeGone took it
	flagTried               // the service rejected the line with this hash

	flagBits = 6
	allFlags = 1<<flagBits - 1
)

// wordOf is the hash as a slot holds it, with flags. A real hash is never folded into Unknown.
func wordOf(hash uint64, flags uint64) uint64 {
	word := hash << flagBits
	if word == 0 && hash != Unknown {
		word = 1 << flagBits
	}
	return word | flags
}

func (s *slot) hash() uint64 { return s.word >> flagBits }

// touch brings the place of a key into the cache. A look-up waits for memory, some 100 ns, before it can go on; many
// touches in a row wait at the same time, because none depends on another. In a scan of 164,000 documents look-ups took
// 31 ms of processor time without it, 16 ms with it.
func (t *Table) touch(k key) {
	h := mix(k)
	if p := &t.parts[h%tableParts]; len(p.slots) > 0 {
		t.touched ^= p.slots[place(h, len(p.slots))].word
	}
}

// find returns the slot of k, or the empty slot where it belongs.
func (t *Table) find(k key) (*slot, *part) {
	h := mix(k)
	p := &t.parts[h%tableParts]
	if len(p.slots) == 0 {
		p.resize(minSlots)
	}
	return p.find(k, h), p
}

func (p *part) find(k key, h uint64) *slot {
	i := place(h, len(p.slots))
	for p.slots[i].word&flagUsed != 0 && p.slots[i].key != k {
		if i++; i == len(p.slots) {
			i = 0
		}
	}
	return &p.slots[i]
}

// insert claims the empty slot s of p for k, growing the part first when it is full.
func (t *Table) insert(s *slot, p *part, k key) *slot {
	if float64(p.used+1) > maxLoad*float64(len(p.slots)) {
		p.resize(p.grown())
		s = p.find(k, mix(k))
	}
	*s = slot{key: k, word: flagUsed}
	p.used++
	return s
}

// grown is the next size of a part: twice as much while that is little memory, a quarter more after that.
func (p *part) grown() int {
	if n := len(p.slots); n < doubleBelow {
		return 2 * n
	}
	return len(p.slots) + len(p.slots)/4
}

// resize moves the part into n slots.
func (p *part) resize(n int) {
	old := p.slots
	p.slots = make([]slot, n)
	for _, s := range old {
		if s.word&flagUsed != 0 {
			*p.find(s.key, mix(s.key)) = s
		}
	}
}

// mix spreads keys, of which UUIDs of some versions begin alike. Its low bits choose the part, its high bits the slot.
func mix(k key) uint64 {
	hi, lo := bits.Mul64(k.hi^0x9e3779b97f4a7c15, k.lo^0xd1b54a32d192ed03)
	return hi ^ lo
}

// place maps a hash to 0..n-1 by its high bits, for any n.
func place(h uint64, n int) int {
	hi, _ := bits.Mul64(h, uint64(n))
	return int(hi)
}
