// Package fields reads and changes the fields of JSON objects by their dotted paths.
package fields

import (
	"strconv"
	"strings"
)

// Object is one JSON object, as the APIs read and write it. Numbers are float64, as encoding/json leaves them.
type Object = map[string]any

// Field follows a dotted path through objects; nil when a step is missing.
func Field(from Object, path string) any {
	var value any = from
	for step := range strings.SplitSeq(path, ".") {
		inner, ok := value.(Object)
		if !ok {
			return nil
		}
		value = inner[step]
	}
	return value
}

// Text is the string at a path; "" when there is none.
func Text(from Object, path string) string {
	value, _ := Field(from, path).(string)
	return value
}

// Child is the Object at a path; nil when there is none.
func Child(from Object, path string) Object {
	value, _ := Field(from, path).(Object)
	return value
}

// Items are the objects of the list at a path.
func Items(from Object, path string) []Object {
	values, _ := Field(from, path).([]any)
	found := make([]Object, 0, len(values))
	for _, value := range values {
		if inner, ok := value.(Object); ok {
			found = append(found, inner)
		}
	}
	return found
}

// Texts are the strings of the list at a path.
func Texts(from Object, path string) []string {
	values, _ := Field(from, path).([]any)
	found := make([]string, 0, len(values))
	for _, value := range values {
		if s, ok := value.(string); ok {
			found = append(found, s)
		}
	}
	return found
}

// Whole is the number at a path, which the APIs write as a number or, for 64 bits, as a string.
func Whole(from Object, path string, otherwise int) int {
	switch value := Field(from, path).(type) {
	case float64:
		return int(value)
	case int:
		return value
	case string:
		if n, err := strconv.Atoi(value); err == nil {
			return n
		}
	}
	return otherwise
}

// Put sets the value at a dotted path and makes the objects that lead to it.
func Put(into Object, path string, value any) {
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		inner, ok := into[step].(Object)
		if !ok {
			inner = Object{}
			into[step] = inner
		}
		into = inner
	}
	into[steps[len(steps)-1]] = value
}

// Drop removes the value at a dotted path.
func Drop(from Object, path string) {
	if i := strings.LastIndex(path, "."); i >= 0 {
		from, path = Child(from, path[:i]), path[i+1:]
	}
	delete(from, path)
}

// OrElse fills a path that is absent, null or empty.
func OrElse(into Object, path string, value any) {
	switch Field(into, path) {
	case nil, "":
		Put(into, path, value)
	}
}

// Clone copies a JSON value all the way down, so that nobody outside the store changes what it holds.
func Clone(value any) any {
	switch v := value.(type) {
	case Object:
		return CloneObject(v)
	case []any:
		copied := make([]any, len(v))
		for i, inner := range v {
			copied[i] = Clone(inner)
		}
		return copied
	}
	return value
}

// CloneObject is Clone for an object.
func CloneObject(from Object) Object {
	copied := make(Object, len(from))
	for key, value := range from {
		copied[key] = Clone(value)
	}
	return copied
}

// ApplyMask copies the named fields of patch into a copy of old: a field that patch lacks is removed. Paths may be in
// snake_case, as the field masks of protocol buffers are, and "*" is everything.
func ApplyMask(old, patch Object, mask string) Object {
	if mask == "" || mask == "*" {
		return CloneObject(patch)
	}
	merged := CloneObject(old)
	for path := range strings.SplitSeq(mask, ",") {
		path = Camel(strings.TrimSpace(path))
		if value := Field(patch, path); value != nil {
			Put(merged, path, Clone(value))
		} else {
			Drop(merged, path)
		}
	}
	return merged
}

// Camel turns snake_case into camelCase.
func Camel(name string) string {
	var b strings.Builder
	upper := false
	for _, r := range name {
		switch {
		case r == '_':
			upper = true
		case upper:
			b.WriteString(strings.ToUpper(string(r)))
			upper = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
