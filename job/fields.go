package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"

	"vertexmetadata/job/internal/datastore"
)

// field is a part of a document: one of structData under its own name, or content.uri and content.mimeType.
type field struct {
	Name  string
	Value json.RawMessage
}

// members returns the members of a JSON object in their order; what is no object has none.
func members(object json.RawMessage) (fields []field) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	for decoder.More() {
		name, err := decoder.Token()
		f := field{Name: fmt.Sprint(name)}
		if err != nil || decoder.Decode(&f.Value) != nil {
			break
		}
		fields = append(fields, f)
	}
	return fields
}

// fieldsOf returns the fields of a document.
func fieldsOf(d datastore.Document) []field {
	fields := members(d.StructData)
	if d.URI != "" || d.MIMEType != "" {
		fields = append(fields, field{"content.uri", quoted(d.URI)}, field{"content.mimeType", quoted(d.MIMEType)})
	}
	return fields
}

// object is a JSON object of the fields in their order, which a map would not keep.
func object(fields []field) json.RawMessage {
	members := make([]string, len(fields))
	for i, f := range fields {
		members[i] = string(quoted(f.Name)) + ":" + string(f.Value)
	}
	return json.RawMessage("{" + strings.Join(members, ",") + "}")
}

func quoted(text string) json.RawMessage {
	encoded, _ := json.Marshal(text) // a string always can be
	return encoded
}

// sent is a document as it is sent, in the form that the data store has it. The line is the job's own JSON.
func sent(line []byte) datastore.Document {
	var d struct {
		StructData json.RawMessage    `json:"structData"`
		Content    datastore.Document `json:"content"`
	}
	_ = json.Unmarshal(line, &d)
	d.Content.StructData = d.StructData
	return d.Content
}

// difference is a field that is not the same before and after; nil is a field that is not there.
type difference struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// differences compares two versions of a document, in the order of the later one. Values are compared as the service keeps
// them: numbers as doubles, and a field that is null like one that is not there.
func differences(before, after []field) (found []difference) {
	for _, a := range after {
		b := find(before, a.Name)
		if !sameValue(b, a.Value) {
			found = append(found, difference{Field: a.Name, Before: b, After: a.Value})
		}
	}
	for _, b := range before {
		if find(after, b.Name) == nil && !sameValue(b.Value, nil) {
			found = append(found, difference{Field: b.Name, Before: b.Value})
		}
	}
	return found
}

func find(fields []field, name string) json.RawMessage {
	if i := slices.IndexFunc(fields, func(f field) bool { return f.Name == name }); i >= 0 {
		return fields[i].Value
	}
	return nil
}

func sameValue(a, b json.RawMessage) bool {
	var x, y any // nil for null and for what is not there
	_ = json.Unmarshal(a, &x)
	_ = json.Unmarshal(b, &y)
	return reflect.DeepEqual(x, y)
}

const (
	shownCharacters = 60 // of a field's name or, in a list of results, of its value; Japanese ones are twice as wide as others
	// shownValue is how many characters of a value a difference shows, from a little before the place where the two part.
	shownValue  = 160
	beforeParts = 24
)

// fields shows each field in a line of its own. most is how many characters of a value are shown; 0: all.
func (p *printer) fields(indent string, fields []field, most int) {
	columns := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		fmt.Fprintf(columns, "%s%s\t%s\n", indent, p.paint(faint, shorten(visible(f.Name), shownCharacters)), brief(f.Value, most))
	}
	_ = columns.Flush() // p.w keeps the error
}

// printDifferences shows each field that differs, before and after. whole shows values of any length.
func printDifferences(out *printer, indent string, found []difference, whole bool) {
	for _, d := range found {
		before, after := brief(d.Before, 0), brief(d.After, 0)
		if !whole {
			before, after = around(before, after)
		}
		out.printf("%s%s\n", indent, out.paint(bold, visible(d.Field)))
		if d.Before != nil {
			out.printf("%s  %s\n", indent, out.paint(red, "- "+before))
		}
		if d.After != nil {
			out.printf("%s  %s\n", indent, out.paint(green, "+ "+after))
		}
	}
}

// around cuts two texts to the places where they begin to differ.
func around(a, b string) (string, string) {
	x, y := []rune(a), []rune(b)
	if len(x) <= shownValue && len(y) <= shownValue {
		return a, b
	}
	same := 0
	for same < len(x) && same < len(y) && x[same] == y[same] {
		same++
	}
	from, mark := 0, ""
	if same > 2*beforeParts {
		from, mark = same-beforeParts, "…"
	}
	return mark + shorten(string(x[from:]), shownValue), mark + shorten(string(y[from:]), shownValue)
}

// indentedJSON is a document on several lines, as people read it.
func indentedJSON(line []byte, indent string) string {
	var out bytes.Buffer
	_ = json.Indent(&out, line, indent, "  ") // it is JSON
	return indent + visibleLines(strings.TrimSpace(out.String()))
}
