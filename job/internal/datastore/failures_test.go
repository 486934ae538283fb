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

// maxReason is how many bytes a reason may have.
const maxReason = 400

// rejectedOf is empty, of an import of the objects.
func rejectedOf(sent int64, objects ...string) Rejected {
	return newRejected(Files{Sent: sent, Imported: objects, URI: func(name string) string { return "gs://b/" + name }})
}

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
		{"several in details", line("bad", []any{map[string]any{"@type": "x"}, map[string]any{"documentId": "p-1"}, map[string]any{"document": []any{map[string]any{"id": "p-2"}}}}), []string{"p-1", "p-2"}},
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
			failures := rejectedOf(maxKept)
			if err := failures.parse(strings.NewReader(tt.in)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for id, reason := range failures.ByID {
				got = append(got, id)
				if reason == "" || len(reason) > maxReason {
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
	failures := rejectedOf(maxKept)
	if err := failures.parse(iotest.HalfReader(strings.NewReader(in))); err != nil {
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
	if err := failures.parse(io.MultiReader(strings.NewReader("documents/a\n"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestFailuresAdd(t *testing.T) {
	got := rejectedOf(10, "m.jsonl", "n.jsonl")
	got.add(Failure{ID: "a", Reason: "x"}, Failure{Line: -1, Reason: "y"}, Failure{ID: "b", Reason: "z"}, Failure{URI: "gs://b/m.jsonl", Line: 17, Reason: "w"},
		Failure{Reason: "a line of either"}, Failure{URI: "gs://b/other.jsonl", Reason: "not imported"})
	want := rejectedOf(10, "m.jsonl", "n.jsonl")
	want.ByID, want.lines["gs://b/m.jsonl"][17], want.unnamed = map[string]string{"a": "x", "b": "z"}, "w", 3
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Rejected{}), cmpopts.IgnoreTypes(Files{})); diff != "" {
		t.Error(diff)
	}
}

// TestNameless: the lines of an error file count where the operation counts nothing, in whatever form the file is.
func TestNameless(t *testing.T) {
	const status = `{"code":3,"message":"documents/a: bad"}`
	indented := "[\n  {\n    \"code\": 3,\n    \"message\": \"documents/a: bad\",\n    \"details\": []\n  }\n]\n"
	for _, tt := range []struct {
		name, file           string
		counted, known, want int64
	}{
		{"one a line", status + "\n", 1, 1, 0},
		{"one a line, not counted", status + "\n" + `{"code":3,"message":"bad"}` + "\n", 0, 1, 1},
		{"one a line, more counted", status + "\n", 3, 1, 2},
		{"indented", indented, 1, 1, 0},
		{"indented, more counted", indented, 2, 1, 1},
		{"of an id that was not sent", status + "\n", 0, 0, 1},
		{"a table", "code,message\n3,documents/a: bad\n", 1, 1, 0},
		{"fewer counted than named", status + "\n" + `{"code":3,"message":"documents/b: bad"}` + "\n", 1, 2, 0},
		{"nothing", "", 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := rejectedOf(10)
			if err := x.parse(strings.NewReader(tt.file)); err != nil {
				t.Fatal(err)
			}
			if got := x.Nameless(tt.counted, tt.known); got != tt.want {
				t.Errorf("got %d, want %d: %+v", got, tt.want, x.ByID)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	const uri = "gs://b/m.jsonl"
	for _, tt := range []struct {
		name, in, uri string
		line          int64
	}{
		{"none", `{"code":3,"message":"bad"}`, "", -1},
		{"the first line, counted from 0", `{"code":3,"message":"bad","details":[{"line_number":0}]}`, "", 0},
		{"the first line of a file, counted from 0", `{"code":3,"message":"bad","details":[{"gcsPath":"gs://b/m.jsonl","lineNumber":"0"}]}`, uri, 0},
		{"the first line in the message", `{"code":3,"message":"gs://b/m.jsonl:0: bad"}`, uri, 0},
		{"below 0", `{"code":3,"message":"bad","details":[{"line_number":-1}]}`, "", -1},
		{"beyond every file", `{"code":3,"message":"bad","details":[{"line_number":1e300}]}`, "", -1},
		{"in the message", `{"code":3,"message":"gs://b/metadata/m.jsonl:17: bad JSON"}`, "gs://b/metadata/m.jsonl", 17},
		{"the service's own fields", `{"code":3,"message":"bad","details":[{"@type":"x","gcsPath":"gs://b/m.jsonl","lineNumber":"17"}]}`, uri, 17},
		{"wrapped", `{"code":3,"message":"bad","details":[{"@type":"x","value":{"line_number":12345678}}]}`, "", 12345678},
		{"no number", `{"code":3,"message":"bad","details":[{"line_number":"x"}]}`, "", -1},
		{"no line", `{"code":3,"message":"bad","details":[{"gcs_path":"gs://b/m.jsonl"}]}`, "", -1},
		{"an id is better", `{"code":3,"message":"gs://b/m.jsonl:17: documents/p-1 is bad"}`, "", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, got := range failuresOfLine([]byte(tt.in)) {
				if got.URI != tt.uri || got.Line != tt.line {
					t.Errorf("line %d of %q, want %d of %q", got.Line, got.URI, tt.line, tt.uri)
				}
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
		sent      int64
		read      int64 // of earlier error files
		in        io.Reader
		kept      int
		truncated bool
	}{
		{"as many as were sent", 10, 0, strings.NewReader(ids(10, "documents/d%d")), 10, false},
		{"more than were sent", 10, 0, strings.NewReader(ids(11, "documents/d%d")), 10, true},
		{"more than are kept", 1 << 30, 0, strings.NewReader(ids(maxKept+1, `{"details":[{"id":"d%d"}]}`)), maxKept, true},
		{"lines of objects that were not imported", 1 << 30, 0, strings.NewReader(ids(1000, "{\"message\":\"gs://b/%d.jsonl:1\"}")), 0, false},
		{"an endless line", 10, maxErrorBytes - 4*maxErrorLine, io.LimitReader(endless('x'), 4*maxErrorLine+1), 0, true},
		{"endless lines", 10, maxErrorBytes - maxErrorLine, io.LimitReader(endless('\n'), maxErrorLine+1), 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			failures := rejectedOf(tt.sent)
			failures.read = tt.read
			if err := failures.parse(tt.in); err != nil {
				t.Fatal(err)
			}
			if kept := failures.Kept(); kept != tt.kept || failures.Truncated != tt.truncated {
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
		failures := rejectedOf(maxKept, "m.jsonl")
		if err := failures.parse(strings.NewReader(string(in))); err != nil {
			t.Fatal(err)
		}
		for line := range failures.lines["gs://b/m.jsonl"] {
			if line < 0 {
				t.Errorf("line %d", line)
			}
		}
		for id, reason := range failures.ByID {
			if !validID(id) {
				t.Errorf("%q is no id", id)
			}
			if !utf8.ValidString(reason) || strings.ContainsAny(reason, "\n\r") || len(reason) > maxReason {
				t.Errorf("reason %q", reason)
			}
		}
	})
}
