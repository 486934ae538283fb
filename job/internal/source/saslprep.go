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
		case unicode.Is(unicode.Variation_Selector, r), strings.ContainsRune("\u00ad\u034f\u1806\u200c\u200d\u2060\ufeff", r):
			return -1 // table B.1 of RFC 3454
		}
		return r
	}, password)
	prepared = norm.NFKC.String(mapped)
	return prepared, prepared != "" && !strings.ContainsFunc(prepared, unicode.IsControl)
}
