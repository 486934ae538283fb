package document

import (
	"bytes"
	"cmp"
	"slices"

	"vertexmetadata/job/internal/column"
)

const (
	faultJSON = "is not valid JSON"
	faultDeep = "is JSON nested deeper than 30 levels"

	// maxDepth keeps a document within the 100 nested messages at which readers of protocol buffers, such as the service,
	// give up by default. A level of objects is three of them, and five stand around the value of a column: one document
	// that is deeper would have a whole import refused.
	maxDepth = 30
)

// appendJSON appends a JSON value on one line in a canonical spelling: blanks only after a colon and a comma, strings
// escaped as appendString does, so that two spellings of the same json have the same hash. Keys keep their order. Of a key
// that is there twice, which type json allows, the last counts, as it does for PostgreSQL's own functions: a protocol
// buffer cannot hold both, and the import of all documents would fail for the one. s says where a string stands for a
// number, which it then is a fault for, or for a vector.
func appendJSON(dst, text []byte, s *column.Shape) ([]byte, string) {
	p := jsonParser{dst: dst, text: text}
	fault := p.value(0, s)
	if fault == "" {
		if p.blanks(); len(p.text) > 0 {
			fault = faultJSON
		}
	}
	return p.dst, fault
}

// jsonParser reads text and writes dst as it goes. Its methods return a fault or "".
type jsonParser struct {
	dst, text []byte
}

func (p *jsonParser) blanks() {
	for len(p.text) > 0 {
		switch p.text[0] {
		case ' ', '\t', '\n', '\r':
			p.text = p.text[1:]
		default:
			return
		}
	}
}

// peek skips blanks and returns the next byte, 0 at the end.
func (p *jsonParser) peek() byte {
	p.blanks()
	if len(p.text) == 0 {
		return 0
	}
	return p.text[0]
}

// take consumes the next byte if it is c.
func (p *jsonParser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.text = p.text[1:]
	return true
}

func (p *jsonParser) value(depth int, s *column.Shape) string {
	if depth > maxDepth {
		return faultDeep
	}
	switch p.peek() {
	case '{':
		return p.object(depth, s)
	case '[':
		return p.array(depth, s)
	case '"':
		switch {
		case s == nil:
		case s.Number:
			return faultNotNumber
		case s.Vector:
			return p.vector(depth)
		}
		return p.string()
	case 't':
		return p.word("true")
	case 'f':
		return p.word("false")
	case 'n':
		return p.word("null")
	}
	return p.number()
}

// numbers is the shape of an array of numbers.
var numbers = &column.Shape{Elem: &column.Shape{Number: true}}

// keyed is s with the keys of members as the encoder writes them, quotes included.
func keyed(s *column.Shape) *column.Shape {
	if s == nil {
		return nil
	}
	out := &column.Shape{Number: s.Number, Vector: s.Vector, Elem: keyed(s.Elem), Members: map[string]*column.Shape{}}
	for name, member := range s.Members {
		key, _ := appendString(nil, []byte(name))
		out.Members[string(key)] = keyed(member)
	}
	return out
}

// vector reads a string that holds an array of numbers, as pgvector's types write them.
func (p *jsonParser) vector(depth int) string {
	end := bytes.IndexByte(p.text[1:], '"')
	if end < 0 {
		return faultJSON
	}
	inner := jsonParser{dst: p.dst, text: p.text[1 : 1+end]}
	if inner.peek() != '[' {
		return faultNotNumber
	}
	fault := inner.value(depth, numbers)
	if fault == "" && inner.peek() != 0 {
		fault = faultJSON
	}
	p.dst, p.text = inner.dst, p.text[end+2:]
	return fault
}

func (p *jsonParser) array(depth int, s *column.Shape) string {
	var elem *column.Shape
	if s != nil {
		elem = s.Elem
	}
	p.take('[')
	p.dst = append(p.dst, '[')
	for first := true; !p.take(']'); first = false {
		if !first && !p.comma() {
			return faultJSON
		}
		of := elem
		if p.peek() == '[' && (elem == nil || elem.Elem == nil) {
			of = s // a further dimension
		}
		if fault := p.value(depth+1, of); fault != "" {
			return fault
		}
	}
	p.dst = append(p.dst, ']')
	return ""
}

// member says where in dst a member of an object is: its key, and all of it up to the comma.
type member struct{ start, colon, end int }

func (p *jsonParser) object(depth int, s *column.Shape) string {
	p.take('{')
	p.dst = append(p.dst, '{')
	var some [12]member // small objects need no allocation
	members := some[:0]
	for first := true; !p.take('}'); first = false {
		if !first && !p.comma() {
			return faultJSON
		}
		m := member{start: len(p.dst)}
		if fault := p.key(); fault != "" {
			return fault
		}
		m.colon = len(p.dst)
		var of *column.Shape
		if s != nil {
			of = s.Members[string(p.dst[m.start:m.colon])]
		}
		p.dst = append(p.dst, ": "...)
		if fault := p.value(depth+1, of); fault != "" {
			return fault
		}
		m.end = len(p.dst)
		members = append(members, m)
	}
	p.dst = append(keepLast(p.dst, members), '}')
	return ""
}

func (p *jsonParser) comma() bool {
	p.dst = append(p.dst, ", "...)
	return p.take(',')
}

// key reads a member's key and its colon, and writes the key.
func (p *jsonParser) key() string {
	if p.peek() != '"' {
		return faultJSON
	}
	if fault := p.string(); fault != "" {
		return fault
	}
	if !p.take(':') {
		return faultJSON
	}
	return ""
}

// keepLast takes the members whose key comes again out of the object that dst ends with. It changes the order of members.
func keepLast(dst []byte, members []member) []byte {
	if len(members) < 2 {
		return dst
	}
	to := members[0].start
	key := func(m member) []byte { return dst[m.start:m.colon] } // the spelling is canonical: equal keys have equal bytes
	slices.SortFunc(members, func(a, b member) int { return cmp.Or(bytes.Compare(key(a), key(b)), a.start-b.start) })
	kept := members[:0]
	for i, m := range members {
		if i+1 == len(members) || !bytes.Equal(key(m), key(members[i+1])) {
			kept = append(kept, m)
		}
	}
	if len(kept) == len(members) {
		return dst
	}
	slices.SortFunc(kept, func(a, b member) int { return a.start - b.start })
	out := dst[:to]
	for i, m := range kept {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(out, dst[m.start:m.end]...)
	}
	return out
}

func (p *jsonParser) word(w string) string {
	rest, ok := bytes.CutPrefix(p.text, []byte(w))
	if !ok {
		return faultJSON
	}
	p.dst, p.text = append(p.dst, w...), rest
	return ""
}

func (p *jsonParser) number() string {
	n := numberPrefix(p.text)
	if n == 0 {
		return faultJSON
	}
	var fault string
	p.dst, fault = appendNumber(p.dst, p.text[:n])
	p.text = p.text[n:]
	return fault
}
