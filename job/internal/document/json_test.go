package document

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// TestRepeatedKeys: of a key that comes again the last counts, at its place and however it is spelled.
func TestRepeatedKeys(t *testing.T) {
	var many, once strings.Builder
	for i := range 100 {
		many.WriteString(`"k` + string(rune('a'+i%20)) + `":` + string(rune('0'+i/20)) + `,`)
	}
	for i := range 20 {
		once.WriteString(`"k` + string(rune('a'+i)) + `": 4, `)
	}
	for in, want := range map[string]string{
		`{"a":1,"b":2,"a":3}`:                              `{"b": 2, "a": 3}`,
		`{"a":1,"a":2,"a":{"a":3,"a":4}}`:                  `{"a": {"a": 4}}`,
		`{"\u0061":1,"a\"":2,"a":3}`:                       `{"a\"": 2, "a": 3}`,
		`{"a":{"x":[1,2],"y":5},"b":[],"a":"long"}`:        `{"b": [], "a": "long"}`,
		`{"b":1,"a":{"c":1,"c":2},"aa":3}`:                 `{"b": 1, "a": {"c": 2}, "aa": 3}`,
		`[{"a":1,"a":2},{"a":3,"":4,"":5}]`:                `[{"a": 2}, {"a": 3, "": 5}]`,
		`{` + strings.TrimSuffix(many.String(), ",") + `}`: `{` + strings.TrimSuffix(once.String(), ", ") + `}`,
	} {
		got, fault := appendJSON([]byte("before "), []byte(in), nil)
		if string(got) != "before "+want || fault != "" {
			t.Errorf("%s\ngot  %s %s\nwant before %s", in, got, fault, want)
		}
	}
}

// A reader of protocol buffers takes what is as deep as we let it be: it counts 100 messages, three of which are the
// request's.
func TestDepthFitsProtocolBuffers(t *testing.T) {
	for name, text := range map[string]string{
		"objects": strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth),
		"arrays":  strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
	} {
		value, fault := appendJSON(nil, []byte(text), nil)
		if fault != "" {
			t.Fatal(fault)
		}
		var fields structpb.Struct
		if err := protojson.Unmarshal([]byte(`{"column": `+string(value)+`}`), &fields); err != nil {
			t.Fatal(err)
		}
		wire, err := proto.Marshal(&fields)
		if err != nil {
			t.Fatal(err)
		}
		if err := (proto.UnmarshalOptions{RecursionLimit: 100 - 3}).Unmarshal(wire, &fields); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJSONAllocatesNothing: small objects, which are nearly all there are, cost no memory beyond dst.
func TestJSONAllocatesNothing(t *testing.T) {
	text := []byte(`{"species": "ヤマザクラ", "confidence": 0.93, "tags": ["春", "花"], "note": null, "at": {"lat": 35.1, "lon": 139.2}}`)
	dst := make([]byte, 0, 1<<12)
	if n := testing.AllocsPerRun(100, func() { dst, _ = appendJSON(dst[:0], text, nil) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
