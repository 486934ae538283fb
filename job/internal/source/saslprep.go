package source

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// saslPrep returns the form of a password from which PostgreSQL and libpq compute SCRAM's keys, as far as pgconn does not
// do it itself: mapped to spaces and to nothing, then normalised by NFKC. A text with characters that the profile prohibits
// is used as it is, which ok = false says. https://www.rfc-editor.org/rfc/rfc4013
func saslPrep(password string) (prepared string, ok bool) {
	if !utf8.ValidString(password) {
		return "", false
	}
	mapped := strings.Map(func(r rune) rune {
		switch {
		case r > unicode.MaxASCII && unicode.Is(unicode.Zs, r), r == 0x200B:
			return ' '
		case mappedToNothing(r):
			return -1
		}
		return r
	}, password)
	prepared = norm.NFKC.String(mapped)
	return prepared, prepared != "" && !strings.ContainsFunc(prepared, unicode.IsControl)
}

// mappedToNothing is table B.1 of RFC 3454.
func mappedToNothing(r rune) bool {
	switch {
	case r == 0xAD, r == 0x34F, r == 0x1806, 0x180B <= r && r <= 0x180D, r == 0x200C, r == 0x200D, r == 0x2060, 0xFE00 <= r && r <= 0xFE0F, r == 0xFEFF:
		return true
	}
	return false
}
