package controlplane

import (
	"strconv"
	"strings"
)

// object is one JSON object, as the APIs read and write it. Numbers are float64, as encoding/json leaves them.
type object = map[string]any

// field follows a dotted path through objects; nil when a step is missing.
func field(from object, path string) any {
	var value any = from
	for step := range strings.SplitSeq(path, ".") {
		inner, ok := value.(object)
		if !ok {
			return nil
		}
		value = inner[step]
	}
	return value
}

// text is the string at a path; "" when there is none.
func text(from object, path string) string {
	value, _ := field(from, path).(string)
	return value
}

// child is the object at a path; nil when there is none.
func child(from object, path string) object {
	value, _ := field(from, path).(object)
	return value
}

// items are the objects of the list at a path.
func items(from object, path string) []object {
	values, _ := field(from, path).([]any)
	found := make([]object, 0, len(values))
	for _, value := range values {
		if inner, ok := value.(object); ok {
			found = append(found, inner)
		}
	}
	return found
}

// texts are the strings of the list at a path.
func texts(from object, path string) []string {
	values, _ := field(from, path).([]any)
	found := make([]string, 0, len(values))
	for _, value := range values {
		if s, ok := value.(string); ok {
			found = append(found, s)
		}
	}
	return found
}

// whole is the number at a path, which the APIs write as a number or, for 64 bits, as a string.
func whole(from object, path string, otherwise int) int {
	switch value := field(from, path).(type) {
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

// put sets the value at a dotted path and makes the objects on the way.
func put(into object, path string, value any) {
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		inner, ok := into[step].(object)
		if !ok {
			inner = object{}
			into[step] = inner
		}
		into = inner
	}
	into[steps[len(steps)-1]] = value
}

// drop removes the value at a dotted path.
func drop(from object, path string) {
	if i := strings.LastIndex(path, "."); i >= 0 {
		from, path = child(from, path[:i]), path[i+1:]
	}
	delete(from, path)
}

// orElse fills a path that is absent, null or empty.
func orElse(into object, path string, value any) {
	switch field(into, path) {
	case nil, "":
		put(into, path, value)
	}
}

// clone copies a JSON value all the way down, so that nobody outside the store changes what it holds.
func clone(value any) any {
	switch v := value.(type) {
	case object:
		return cloneObject(v)
	case []any:
		copied := make([]any, len(v))
		for i, inner := range v {
			copied[i] = clone(inner)
		}
		return copied
	}
	return value
}

func cloneObject(from object) object {
	copied := make(object, len(from))
	for key, value := range from {
		copied[key] = clone(value)
	}
	return copied
}

// applyMask copies the named fields of patch into a copy of old: a field that patch lacks is removed. Paths may be in
// snake_case, as the field masks of protocol buffers are, and "*" is everything.
func applyMask(old, patch object, mask string) object {
	if mask == "" || mask == "*" {
		return cloneObject(patch)
	}
	merged := cloneObject(old)
	for path := range strings.SplitSeq(mask, ",") {
		path = camel(strings.TrimSpace(path))
		if value := field(patch, path); value != nil {
			put(merged, path, clone(value))
		} else {
			drop(merged, path)
		}
	}
	return merged
}

// camel turns snake_case into camelCase.
func camel(name string) string {
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
