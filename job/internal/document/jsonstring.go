package document

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	faultNUL       = `holds \u0000, which no text may hold`
	faultSurrogate = "holds half of a surrogate pair"
)

// string reads a string with its quotes.
func (p *jsonParser) string() string {
	p.text = p.text[1:]
	p.dst = append(p.dst, '"')
	for {
		n := plainPrefix(p.text)
		switch {
		case n < 0:
			return faultUTF8
		case n == len(p.text):
			return faultJSON // no closing quote
		}
		p.dst = append(p.dst, p.text[:n]...)
		c := p.text[n]
		p.text = p.text[n+1:]
		switch c {
		case '"':
			p.dst = append(p.dst, '"')
			return ""
		case '\\':
			if fault := p.escape(); fault != "" {
				return fault
			}
		default:
			return faultJSON // a raw control character
		}
	}
}

// escape reads what follows a backslash and writes the character it stands for.
func (p *jsonParser) escape() string {
	if len(p.text) == 0 {
		return faultJSON
	}
	c := p.text[0]
	p.text = p.text[1:]
	switch c {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		p.dst = append(p.dst, '\\', c)
	case '/':
		p.dst = append(p.dst, c)
	case 'u':
		return p.unicode()
	default:
		return faultJSON
	}
	return ""
}

func (p *jsonParser) unicode() string {
	r, ok := p.hex4()
	switch {
	case !ok:
		return faultJSON
	case r == 0:
		return faultNUL
	case utf16.IsSurrogate(r):
		rest, ok := bytes.CutPrefix(p.text, []byte(`\u`))
		if !ok {
			return faultSurrogate
		}
		p.text = rest
		low, ok := p.hex4()
		if !ok {
			return faultJSON
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return faultSurrogate
		}
	case r < ' ' || r == '"' || r == '\\':
		p.dst = appendEscaped(p.dst, byte(r))
		return ""
	}
	p.dst = utf8.AppendRune(p.dst, r)
	return ""
}

func (p *jsonParser) hex4() (rune, bool) {
	if len(p.text) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.text[:4]), 16, 16)
	p.text = p.text[4:]
	return rune(n), err == nil
}
