package document

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// shape says where in a JSON value a string stands for something else: PostgreSQL's to_json writes NaN and the infinities
// of a number as strings, and types that it does not know by their text. nil is a value without such places.
type shape struct {
	kind    shapeKind
	elem    *shape            // of an array
	members map[string]*shape // of an object, by their keys as the encoder writes them, quotes included
}

type shapeKind uint8

const (
	shapeAny shapeKind = iota
	shapeNumber
	shapeVector // an array of numbers
	shapeArray
	shapeObject
)

// numbers is the shape of an array of numbers.
var numbers = shape{kind: shapeArray, elem: &shape{kind: shapeNumber}}

// parseShape reads a Column's Shape.
func parseShape(text string) (*shape, error) {
	if text == "" {
		return nil, nil
	}
	var s shape
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("read shape %s: %w", text, err)
	}
	return &s, nil
}

// UnmarshalJSON reads "number", "vector", an array of one shape, or an object of shapes.
func (s *shape) UnmarshalJSON(text []byte) error {
	switch text = bytes.TrimSpace(text); {
	case string(text) == `"number"`:
		s.kind = shapeNumber
	case string(text) == `"vector"`:
		s.kind = shapeVector
	case text[0] == '[':
		var elems []*shape
		if err := json.Unmarshal(text, &elems); err != nil {
			return err
		}
		if len(elems) != 1 {
			return fmt.Errorf("an array of %d shapes, want one", len(elems))
		}
		s.kind, s.elem = shapeArray, elems[0]
	case text[0] == '{':
		var members map[string]*shape
		if err := json.Unmarshal(text, &members); err != nil {
			return err
		}
		s.kind, s.members = shapeObject, make(map[string]*shape, len(members))
		for name, member := range members {
			key, _ := appendString(nil, []byte(name))
			s.members[string(key)] = member
		}
	default:
		return fmt.Errorf("unknown shape %s", text)
	}
	return nil
}

func (s *shape) kindOf() shapeKind {
	if s == nil {
		return shapeAny
	}
	return s.kind
}

// element is the shape of an array's elements.
func (s *shape) element() *shape {
	if s.kindOf() != shapeArray {
		return nil
	}
	return s.elem
}

// member is the shape of an object's member with that key.
func (s *shape) member(key []byte) *shape {
	if s.kindOf() != shapeObject {
		return nil
	}
	return s.members[string(key)]
}
