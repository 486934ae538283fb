package datastore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const uuid = "0b6fbb6e-7b0c-4d3e-9d65-0f5b7c6d1a11"

func TestParseFailures(t *testing.T) {
	line := func(message string, details any) string {
		raw, err := json.Marshal(map[string]any{"code": 3, "message": message, "details": details})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw) + "\n"
	}
	quoted := `{"id": "p-1", "structData": {"text": "see id: p-9 and documents/p-8", "id": "p-7"}}`
	for _, tt := range []struct {
		name, in string
		want     []string // ids
	}{
		{"nothing", "", nil},
		{"blank lines", "\n\r\n  \n", nil},
		{"resource name", line("Cannot import projects/1/locations/global/collections/c/dataStores/d/branches/b/documents/p-1: bad", nil), []string{"p-1"}},
		{"relative name", line("documents/p-1 is bad", nil), []string{"p-1"}},
		{"name and period", line("Bad: documents/p-1.", nil), []string{"p-1"}},
		{"the line quoted", line("Failed to parse document: "+quoted, nil), []string{"p-1"}},
		{"the line in details", line("bad", []any{map[string]any{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": quoted}}), []string{"p-1"}},
		{"the document in details", line("bad", []any{map[string]any{"document": map[string]any{"id": "p-1", "structData": map[string]any{"id": "p-7"}}}}), []string{"p-1"}},
		{"field in details", line("bad id: p-9", []any{map[string]any{"documentId": "p-1"}}), []string{"p-1"}},
		{"metadata in details", line("bad", []any{map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "metadata": map[string]any{"document_id": "p-1"}}}), []string{"p-1"}},
		{"cut quote", line(`bad document {"id": "p-1", "structData": {"text": "abc`, nil), []string{"p-1"}},
		{"escaped quote", line(`bad document "{\"id\": \"p-1\", \"structData\": {\"text\": \"abc`, nil), []string{"p-1"}},
		{"id with colon", line("Invalid document. id: p-1, mime type image/webp", nil), []string{"p-1"}},
		{"id in quotes", line(`Document with id "p-1" has no content`, nil), []string{"p-1"}},
		{"id in backticks", line("document id `p-1` is too long", nil), []string{"p-1"}},
		{"document in quotes", line(`Document "p-1" is invalid`, nil), []string{"p-1"}},
		{"bare UUID", line("could not process "+uuid+" (image/webp)", nil), []string{uuid}},
		{"UUID at a line", line("gs://b/metadata/m.jsonl:17: "+uuid+" bad", nil), []string{uuid}},
		{"several", line("documents/p-1 and documents/p-2 have the same id", nil), []string{"p-1", "p-2"}},
		{"code by name", `{"code":"INVALID_ARGUMENT","message":"id: p-1"}`, []string{"p-1"}},
		{"damaged line", `{"code":3,"message":"documents/p-1 is ba`, []string{"p-1"}},
		{"plain text", "documents/p-1 is bad", []string{"p-1"}},
		{"names nothing", line("gs://b/metadata/m.jsonl:17: bad JSON", nil), nil},
		{"no last line break", strings.TrimSpace(line("id: p-1,", nil)), []string{"p-1"}},
		{"words are no ids", line("Each document must have a valid id. The id is missing.", nil), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var failures Failures
			if err := failures.Parse(strings.NewReader(tt.in)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for id, reason := range failures.ByID {
				got = append(got, id)
				if reason == "" || len(reason) > maxReason+3 {
					t.Errorf("reason %q", reason)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseFailuresOfManyLines(t *testing.T) {
	in := `{"code":3,"message":"documents/a: unsupported\nmedia type"}
not JSON

{"code":8,"message":"documents/b: ` + strings.Repeat("é", 3<<20) + `"}
{"code":99,"message":"documents/c: odd"}
`
	var failures Failures
	if err := failures.Parse(iotest.HalfReader(strings.NewReader(in))); err != nil {
		t.Fatal(err)
	}
	got := failures.ByID
	if !strings.HasPrefix(got["b"], `{"code":8,"message":"documents/b: é`) || !utf8.ValidString(got["b"]) {
		t.Errorf("reason of b: %q", got["b"])
	}
	got["b"] = ""
	want := map[string]string{"a": "INVALID_ARGUMENT: documents/a: unsupported media type", "b": "", "c": "code 99: documents/c: odd"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	broken := errors.New("cut")
	if err := failures.Parse(io.MultiReader(strings.NewReader("documents/a\n"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestFailuresAdd(t *testing.T) {
	var got Failures
	place := Place{URI: "gs://b/m.jsonl", Line: 17}
	got.Add(Failure{ID: "a", Reason: "x"}, Failure{Reason: "y"}, Failure{ID: "b", Reason: "z"}, Failure{Place: &place, Reason: "w"}, Failure{Place: &Place{}, Reason: "v"})
	want := Failures{ByID: map[string]string{"a": "x", "b": "z"}, ByPlace: map[Place]string{place: "w", {}: "v"}, Unnamed: 1}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Failures{})); diff != "" {
		t.Error(diff)
	}
}

func TestPlaces(t *testing.T) {
	nowhere := Place{URI: "-"}
	for _, tt := range []struct {
		name, in string
		want     Place // URI "-": none
	}{
		{"none", `{"code":3,"message":"bad"}`, nowhere},
		{"the first line, counted from 0", `{"code":3,"message":"bad","details":[{"line_number":0}]}`, Place{}},
		{"the first line of a file, counted from 0", `{"code":3,"message":"bad","details":[{"gcsPath":"gs://b/m.jsonl","lineNumber":"0"}]}`, Place{"gs://b/m.jsonl", 0}},
		{"the first line in the message", `{"code":3,"message":"gs://b/m.jsonl:0: bad"}`, Place{"gs://b/m.jsonl", 0}},
		{"below 0", `{"code":3,"message":"bad","details":[{"line_number":-1}]}`, nowhere},
		{"beyond every file", `{"code":3,"message":"bad","details":[{"line_number":1e300}]}`, nowhere},
		{"in the message", `{"code":3,"message":"gs://b/metadata/m.jsonl:17: bad JSON"}`, Place{"gs://b/metadata/m.jsonl", 17}},
		{"the service's own fields", `{"code":3,"message":"bad","details":[{"@type":"x","gcsPath":"gs://b/m.jsonl","lineNumber":"17"}]}`, Place{"gs://b/m.jsonl", 17}},
		{"wrapped", `{"code":3,"message":"bad","details":[{"@type":"x","value":{"line_number":17}}]}`, Place{"", 17}},
		{"no number", `{"code":3,"message":"bad","details":[{"line_number":"x"}]}`, nowhere},
		{"no line", `{"code":3,"message":"bad","details":[{"gcs_path":"gs://b/m.jsonl"}]}`, nowhere},
		{"an id is better", `{"code":3,"message":"gs://b/m.jsonl:17: documents/p-1 is bad"}`, nowhere},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var failures Failures
			if err := failures.Parse(strings.NewReader(tt.in)); err != nil {
				t.Fatal(err)
			}
			got := nowhere
			for place := range failures.ByPlace {
				got = place
			}
			if got != tt.want {
				t.Errorf("place %v, want %v", got, tt.want)
			}
		})
	}
}

// What others may write is read and kept within bounds.
func TestFailuresAreBounded(t *testing.T) {
	ids := func(n int, format string) string {
		var in strings.Builder
		for i := range n {
			fmt.Fprintf(&in, format+"\n", i)
		}
		return in.String()
	}
	for _, tt := range []struct {
		name      string
		max       int
		read      int64 // of earlier error files
		in        io.Reader
		kept      int
		truncated bool
	}{
		{"as many as were sent", 10, 0, strings.NewReader(ids(10, "documents/d%d")), 10, false},
		{"more than were sent", 10, 0, strings.NewReader(ids(11, "documents/d%d")), 10, true},
		{"more than are kept", 0, 0, strings.NewReader(ids(maxFailures+1, `{"details":[{"id":"d%d"}]}`)), maxFailures, true},
		{"more objects than an import has", 0, 0, strings.NewReader(ids(MaxObjects+2, "{\"message\":\"gs://b/%d.jsonl:1\"}")), MaxObjects + 1, true},
		{"an endless line", 0, maxErrorBytes - 4*maxFailureLine, io.LimitReader(endless('x'), 4*maxFailureLine+1), 0, true},
		{"endless lines", 0, maxErrorBytes - maxFailureLine, io.LimitReader(endless('\n'), maxFailureLine+1), 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			failures := Failures{Max: tt.max, read: tt.read}
			if err := failures.Parse(tt.in); err != nil {
				t.Fatal(err)
			}
			if kept := len(failures.ByID) + len(failures.ByPlace); kept != tt.kept || failures.Truncated != tt.truncated {
				t.Errorf("%d kept, truncated %v; want %d, %v", kept, failures.Truncated, tt.kept, tt.truncated)
			}
		})
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// FuzzParseFailures: whatever an error file holds, it is read to its end, every
// id is one, and every reason is one short line of text.
func FuzzParseFailures(f *testing.F) {
	for _, in := range []string{
		`{"code":3,"message":"documents/p-1"}`,
		`{"code":3,"message":"{\"id\":\"p-1\"}","details":[{"document":{"id":"p-2"}}]}`,
		`{"details":{"value":{"value":{"metadata":[{"id":"x"}]}}}}`,
		"id: a\nid: b\r\n\x00\xff", `{"code":1e999}`, `[{"code":3}]`, `{"message":5}`, "{\"message\":\"\\ud800 id: x\"}",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var failures Failures
		if err := failures.Parse(strings.NewReader(string(in))); err != nil {
			t.Fatal(err)
		}
		for place := range failures.ByPlace {
			if place.Line < 0 {
				t.Errorf("place %v", place)
			}
		}
		for id, reason := range failures.ByID {
			if !validID(id) {
				t.Errorf("%q is no id", id)
			}
			if !utf8.ValidString(reason) || strings.ContainsAny(reason, "\n\r") || len(reason) > maxReason+len("…") {
				t.Errorf("reason %q", reason)
			}
		}
	})
}
