package document

import (
	"strings"
	"testing"

	"vertexmetadata/job/internal/column"
)

// TestShapes: what stands as a string where a number or a vector should be becomes one, or is refused.
func TestShapes(t *testing.T) {
	type shape = column.Shape
	number, vector := &shape{Number: true}, &shape{Vector: true}
	const notNumber = `column "v" is NaN, infinite or otherwise not a JSON number`
	tests := []struct {
		name        string
		shape       *shape
		value, want string
		reason      string
	}{
		{"none", nil, `{"a": "NaN"}`, `{"a": "NaN"}`, ""},
		{"number", &shape{Members: map[string]*shape{"a": number}}, `{"b":"NaN","a":1.50}`, `{"b": "NaN", "a": 1.50}`, ""},
		{"NaN", &shape{Members: map[string]*shape{"a": number}}, `{"a":"NaN"}`, "", notNumber},
		{"NULL", &shape{Members: map[string]*shape{"a": number, "b": vector}}, `{"a":null,"b":null}`, `{"a": null, "b": null}`, ""},
		{"of an array", &shape{Elem: &shape{Members: map[string]*shape{"a": number}}}, `[{"a":1},{"a":"Infinity"}]`, "", notNumber},
		{"two dimensions", &shape{Elem: &shape{Members: map[string]*shape{"a": number}}}, `[[{"a":1}],[{"a":"Infinity"}]]`, "", notNumber},
		{"array in an array", &shape{Elem: &shape{Elem: number}}, `[[1],["NaN"]]`, "", notNumber},
		{"vector", &shape{Members: map[string]*shape{"e": vector}}, `{"e":"[1,2.5,-1e-07]"}`, `{"e": [1, 2.5, -1e-07]}`, ""},
		{"vectors", &shape{Elem: vector}, `["[1,2]", null ,"[3]"]`, `[[1, 2], null, [3]]`, ""},
		{"vectors of two dimensions", &shape{Elem: vector}, `[["[1,2]"],["[3,4]"]]`, `[[[1, 2]], [[3, 4]]]`, ""},
		{"no vector", &shape{Elem: vector}, `["x"]`, "", notNumber},
		{"half a vector", &shape{Elem: vector}, `["[1,2"]`, "", `column "v" is not valid JSON`},
		{"more than a vector", &shape{Elem: vector}, `["[1] 2"]`, "", `column "v" is not valid JSON`},
		{"vector of NaN", &shape{Elem: vector}, `["[NaN]"]`, "", `column "v" is not valid JSON`},
		{"open string", &shape{Elem: vector}, `["[1]`, "", `column "v" is not valid JSON`},
		{"escaped name", &shape{Members: map[string]*shape{"a\"b": number}}, `{"a\"b":"NaN"}`, "", notNumber},
		{"name beyond ASCII", &shape{Members: map[string]*shape{"größe": number}}, `{"größe":"NaN"}`, "", notNumber},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := NewEncoder([]column.Column{{Name: "id"}, {Name: "v", Kind: column.JSON, Shape: tt.shape}}, Options{})
			line, v := e.Append(nil, row("x", tt.value))
			want := ""
			if tt.reason == "" {
				want = `{"id": "x", "structData": {"v": ` + tt.want + "}}\n"
			}
			if string(line) != want || v.Reason != tt.reason {
				t.Errorf("got %s %q, want %s %q", line, v.Reason, want, tt.reason)
			}
		})
	}
}

// TestLongValues: a value beyond the limit is refused before it is converted, whatever its kind.
func TestLongValues(t *testing.T) {
	for kind, value := range map[column.Kind]string{
		column.Text: strings.Repeat("x", 101), column.Number: strings.Repeat("9", 101), column.Bool: strings.Repeat("t", 101), column.JSON: "[" + strings.Repeat(" ", 101) + "]",
		column.Numbers: "[" + strings.Repeat(" ", 101) + "]", column.Timestamp: strings.Repeat("2", 101),
	} {
		e := NewEncoder([]column.Column{{Name: "id"}, {Name: "v", Kind: kind}}, Options{MaxBytes: 100})
		if _, v := e.Append(nil, row("x", value)); v.Outcome != Refused || v.Reason != e.tooLong {
			t.Errorf("kind %d: got %+v", kind, v)
		}
	}
}
