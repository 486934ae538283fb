package document

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	faultUTF8 = "is not valid UTF-8"
	hexDigits = "0123456789abcdef"
)

// One bit pattern per byte of a word, for looking at eight bytes at once.
const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// appendString appends text as a JSON string: quotes, backslashes and control characters escaped, everything else raw.
func appendString(dst, text []byte) ([]byte, string) {
	dst = append(dst, '"')
	for {
		n := plainPrefix(text)
		if n < 0 {
			return dst, faultUTF8
		}
		dst = append(dst, text[:n]...)
		if n == len(text) {
			return append(dst, '"'), ""
		}
		dst = appendEscaped(dst, text[n])
		text = text[n+1:]
	}
}

// appendEscaped appends the escape of a quote, a backslash or a control character, in the spelling of Python's json.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}

// plainPrefix returns how many bytes of text can be copied into a JSON string as they are: up to the first byte that must
// be escaped, or all of them. It returns -1 if it meets invalid UTF-8 before that.
//
// This is the job's innermost loop: every byte of every text passes it once. It checks UTF-8 in the same pass, because a
// second pass by utf8.Valid costs more than everything else here for text that is not ASCII. Two cases have a shortcut
// that looks at eight bytes at once: ASCII, and pairs of characters of three bytes (Japanese, Chinese, Korean, …).
// BenchmarkAppendString compares it with the plain loop and with utf8.Valid alone.
func plainPrefix(text []byte) int {
	for i := 0; i < len(text); {
		if len(text)-i >= 8 {
			w := binary.LittleEndian.Uint64(text[i:])
			if w&highBits == 0 {
				if special := specialASCII(w); special != 0 {
					return i + bits.TrailingZeros64(special)/8
				}
				i += 8
				continue
			}
			if isTwoOfThree(w) {
				i += 6
				continue
			}
		}
		switch c := text[i]; {
		case c < ' ', c == '"', c == '\\':
			return i
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && n == 1 {
				return -1
			}
			i += n
		}
	}
	return len(text)
}

// specialASCII returns a word whose lowest set bit marks the first of eight ASCII bytes that must be escaped, or 0. The
// bits above the lowest may be wrong, as the subtractions carry. All bytes of w must be below 0x80.
func specialASCII(w uint64) uint64 {
	control := w - eachByte*' '
	quote := (w ^ eachByte*'"') - eachByte
	backslash := (w ^ eachByte*'\\') - eachByte
	return (control | quote | backslash) & highBits
}

// isTwoOfThree reports whether the six low bytes of w are two characters of three bytes each. It does not recognise those
// that begin with 0xE0 or 0xED, whose second byte is restricted: they take the slow way.
func isTwoOfThree(w uint64) bool {
	const mask, want = 0xC0C0F0_C0C0F0, 0x8080E0_8080E0
	if w&mask != want {
		return false
	}
	a, b := w&0xF, w>>24&0xF
	return a != 0 && a != 0xD && b != 0 && b != 0xD
}
