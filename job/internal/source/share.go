package source

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Share selects the rows of one task. The zero Share, and every Share with a Count of 1, is all rows.
type Share struct{ Index, Count int }

// ShareOf returns the share, from 0 to count-1, that a document id belongs to. PostgreSQL computes the same in condition,
// so that a row crosses the network once. It is the reason why ids may be moved between manifests without reading them
// again.
func ShareOf(id string, count int) int {
	if count <= 1 {
		return 0
	}
	return int(hashBytesExtended(id) & (1<<63 - 1) % uint64(count))
}

// condition is ShareOf in SQL over q.id, for PostgreSQL 11 and later. A NULL id counts as an empty one, so that exactly
// one task refuses the row. COLLATE "C" makes the hash one of the bytes, whatever the column's collation.
//
// CASE hides the comparison from the planner, which would guess that one row in two hundred fits and then fetch the
// other table of a join row by row; a bare boolean it guesses to be true half of the time.
func (s Share) condition() string {
	return fmt.Sprintf(`CASE WHEN (hashtextextended(coalesce(q.id::text, '') COLLATE "C", 0) & 9223372036854775807) %% %d = %d THEN true ELSE false END`,
		s.Count, s.Index)
}

// hashBytesExtended is PostgreSQL's hash_bytes_extended with seed 0: Bob Jenkins's lookup3, of which it returns the last
// two words. https://github.com/postgres/postgres/blob/master/src/common/hashfn.c
func hashBytesExtended(key string) uint64 {
	k := []byte(key)
	initial := 0x9e3779b9 + uint32(len(k)) + 3923095
	a, b, c := initial, initial, initial
	for ; len(k) >= 12; k = k[12:] {
		a += binary.LittleEndian.Uint32(k)
		b += binary.LittleEndian.Uint32(k[4:])
		c += binary.LittleEndian.Uint32(k[8:])
		a, b, c = mix(a, b, c)
	}
	// The rest, zero-padded; the lowest byte of c is reserved for the length, which is in there already.
	var tail [12]byte
	if len(k) <= 8 {
		copy(tail[:], k)
	} else {
		copy(tail[:8], k)
		copy(tail[9:], k[8:])
	}
	a += binary.LittleEndian.Uint32(tail[0:])
	b += binary.LittleEndian.Uint32(tail[4:])
	c += binary.LittleEndian.Uint32(tail[8:])
	_, b, c = final(a, b, c)
	return uint64(b)<<32 | uint64(c)
}

func mix(a, b, c uint32) (uint32, uint32, uint32) {
	a, c = (a-c)^bits.RotateLeft32(c, 4), c+b
	b, a = (b-a)^bits.RotateLeft32(a, 6), a+c
	c, b = (c-b)^bits.RotateLeft32(b, 8), b+a
	a, c = (a-c)^bits.RotateLeft32(c, 16), c+b
	b, a = (b-a)^bits.RotateLeft32(a, 19), a+c
	c, b = (c-b)^bits.RotateLeft32(b, 4), b+a
	return a, b, c
}

func final(a, b, c uint32) (uint32, uint32, uint32) {
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	c = (c ^ b) - bits.RotateLeft32(b, 24)
	return a, b, c
}
