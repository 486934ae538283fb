// Package manifest records what the data store holds: for every document its id and the hash of the line that was
// imported. It is pure: it reads and writes streams that its caller opens.
//
// A manifest is a list of segments, oldest first; each segment is an immutable stream of entries, and the newest
// entry of an id wins. A run that changes little appends a short segment, so that the traffic of a run follows the
// size of the change and not that of the table; Compact folds the segments into one when they have grown.
package manifest

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/zeebo/xxh3"
)

// MaxID is the longest document id in bytes that a manifest can hold, which is the longest that Vertex AI Search takes.
const MaxID = 128

// Unknown is the hash of a document whose content in the data store is not known, for instance because its import
// failed half way. It differs from every real hash, so the document is imported again.
const Unknown uint64 = 0

// Entry says what the data store holds under an id.
type Entry struct {
	ID    []byte // 1 to MaxID bytes; valid until the next entry is read
	Hash  uint64 // of the document line, or Unknown
	Tried bool   // the service rejected this line: what the data store holds is not known
	Gone  bool   // the document was removed; Hash means nothing then
}

// key is the fixed-size form of an id: the 16 bytes of a canonical UUID, else a 128-bit hash of the text. Two ids of
// one table share a key with a probability of about n²/2¹²⁹, which for ten million documents is below 10⁻²⁴.
type key struct{ hi, lo uint64 }

// keyOf returns the key of an id.
func keyOf(id []byte) key {
	var raw [16]byte
	if parseUUID(&raw, id) {
		return key{hi: binary.BigEndian.Uint64(raw[:8]), lo: binary.BigEndian.Uint64(raw[8:])}
	}
	h := xxh3.Hash128(id)
	return key{hi: h.Hi, lo: h.Lo}
}

// parseUUID decodes the canonical lower-case form of a UUID, the only one that formatUUID gives back unchanged.
func parseUUID(dst *[16]byte, id []byte) bool {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return false
	}
	pos := 0
	for i := 0; i < 36; i += 2 {
		if id[i] == '-' {
			i++
		}
		hi, lo := hexDigit[id[i]], hexDigit[id[i+1]]
		if hi == notHex || lo == notHex {
			return false
		}
		dst[pos] = hi<<4 | lo
		pos++
	}
	return true
}

const notHex = 0xff

// hexDigit maps a lower-case hexadecimal digit to its value and every other byte to notHex.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = notHex
	}
	for i, c := range "0123456789abcdef" {
		t[c] = byte(i)
	}
	return t
}()

// formatUUID writes the canonical text form of raw into dst.
func formatUUID(dst *[36]byte, raw []byte) {
	hex.Encode(dst[0:8], raw[0:4])
	dst[8] = '-'
	hex.Encode(dst[9:13], raw[4:6])
	dst[13] = '-'
	hex.Encode(dst[14:18], raw[6:8])
	dst[18] = '-'
	hex.Encode(dst[19:23], raw[8:10])
	dst[23] = '-'
	hex.Encode(dst[24:36], raw[10:16])
}
