package document

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vertexmetadata/job/internal/column"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// row turns texts into a row; NULL is the Go value nil.
func row(values ...any) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		if v != nil {
			out[i] = []byte(v.(string))
		}
	}
	return out
}

func columns(names ...string) []column.Column {
	out := make([]column.Column, len(names))
	for i, n := range names {
		out[i] = column.Column{Name: n}
	}
	return out
}

func TestGoldenPosts(t *testing.T) {
	e := NewEncoder(columns("id", "user_question", "object_label", "ai_answer", "ai_question", "location",
		"content_mime_type", "content_uri"), Options{})
	rows := [][][]byte{
		row("7d9c0a52-6f43-4c38-9f0a-1e6f3a9f1c11", "この花は何ですか？", "ヤマザクラ", "バラ科の落葉高木です。\n春に咲きます。", "どこで見ましたか？", "東京都",
			"image/jpeg", "gs://photos/2025/yama zakura.jpg"),
		row("upper-case-mime", "q", "l", "a", "n", "somewhere", "Image/JPEG", "gs://photos/a.jpg"),
		row("hostile", "\"quoted\" \\ back", "tab\there", "\x00-\x01-\x1f-\x7f", "\b\f\r", "\u2028\u2029 😀 é", "image/png", `gs://photos/"q".png`),
		row("nulls", nil, nil, nil, nil, nil, "image/webp", "gs://photos/a.webp"),
		row("no-content", "", "", "", "", "", nil, nil),
	}
	var got []byte
	for _, r := range rows {
		var v Verdict
		if got, v = e.Append(got, r); v.Outcome != Document {
			t.Errorf("%s: %s", v.ID, v.Reason)
		}
	}
	golden(t, "posts.jsonl", got)
}

func TestGoldenKinds(t *testing.T) {
	e := NewEncoder([]column.Column{
		{Name: "text", Kind: column.Text},
		{Name: "number", Kind: column.Number},
		{Name: "id", Kind: column.Text},
		{Name: "yes", Kind: column.Bool},
		{Name: "no", Kind: column.Bool},
		{Name: `key "with" \ and 日本`, Kind: column.JSON},
		{Name: "vectors", Kind: column.Numbers},
		{Name: "at", Kind: column.Timestamp},
		{Name: "local", Kind: column.Timestamp},
		{Name: "null", Kind: column.JSON},
	}, Options{})
	var got []byte
	for _, r := range [][][]byte{
		row("", "-0", "1", "t", "f", "{\n  \"b\" : [1,2 , {}],\t\"a\":\"\\u3042\\/\\ud83d\\ude00\\u0007\\u0022\", \"b\":[ ]}",
			"{}", "2025-09-18 01:02:03.123456+00", "2025-09-18 01:02:03", nil),
		row("", "1e-07", "2", "t", "f", `"scalar"`, "[[1,2.5],[null,-3]]", "infinity", "0044-03-15 00:00:00 BC", "null"),
		row("", "123456789012345678901234567890.5", "3", "t", "f", ` null `, "[]", "12025-09-18 01:02:03+00", "-infinity", "true"),
	} {
		var v Verdict
		if got, v = e.Append(got, r); v.Outcome != Document {
			t.Errorf("%s: %s", v.ID, v.Reason)
		}
	}
	golden(t, "kinds.jsonl", got)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	for line := range bytes.Lines(got) {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got), -update rewrites it:\n%s", path, diff)
	}
}

func TestVerdicts(t *testing.T) {
	content := columns("id", "t", "content_mime_type", "content_uri")
	kind := func(k column.Kind) []column.Column {
		return []column.Column{{Name: "id", Kind: column.Text}, {Name: "v", Kind: k}}
	}
	long := strings.Repeat("9", 400)
	tests := []struct {
		name    string
		columns []column.Column
		row     [][]byte
		outcome Outcome
		reason  string
	}{
		{"id NULL", kind(column.Text), row(nil, ""), Refused, "id is NULL: SELECT * FROM (the query) AS q WHERE id IS NULL shows the row"},
		{"id empty", kind(column.Text), row("", ""), Refused, "id is empty: SELECT * FROM (the query) AS q WHERE id::text = '' shows the row"},
		{"id of 128", kind(column.Text), row(strings.Repeat("x", 128), ""), Document, ""},
		{"id of 129", kind(column.Text), row(strings.Repeat("x", 129), ""), Refused, "id is longer than 128 characters"},
		{"id all characters", kind(column.Text), row("azAZ09_-", ""), Document, ""},
		{"id with dot", kind(column.Text), row("a.b", ""), Refused, "id has a character outside A-Z, a-z, 0-9, _ and -"},
		{"id with newline", kind(column.Text), row("a\n", ""), Refused, "id has a character outside A-Z, a-z, 0-9, _ and -"},
		{"id not ASCII", kind(column.Text), row("桜", ""), Refused, "id has a character outside A-Z, a-z, 0-9, _ and -"},
		{"no content", content, row("1", "", nil, nil), Document, ""},
		{"gif", content, row("1", "", "image/gif", "gs://bucket/o"), Skipped, "MIME type is not accepted"},
		{"gif and bad id", content, row("", "", "image/gif", "gs://bucket/o"), Skipped, "MIME type is not accepted"},
		{"gif and no uri", content, row("1", "", "image/gif", nil), Skipped, "MIME type is not accepted"},
		{"uri without type", content, row("1", "", nil, "gs://bucket/o"), Skipped, "MIME type is not accepted"},
		{"type folds in ASCII only", content, row("1", "", "image/jpe\u212a", "gs://bucket/o"), Skipped, "MIME type is not accepted"},
		{"type without uri", content, row("1", "", "image/PNG", nil), Refused, "content_uri is NULL though content_mime_type is not"},
		{"uri invalid UTF-8", content, row("1", "", "image/png", "gs://bucket/\xff"), Refused, `column "content_uri" is not valid UTF-8`},
		{"text invalid UTF-8", content, row("1", "abcdefgh\xe3\x81", nil, nil), Refused, `column "t" is not valid UTF-8`},
		{"text surrogate", content, row("1", "\xed\xa0\x80abcdefgh", nil, nil), Refused, `column "t" is not valid UTF-8`},
		{"text overlong", content, row("1", "\xe0\x80\x80abcdefgh", nil, nil), Refused, `column "t" is not valid UTF-8`},
		{"NaN", kind(column.Number), row("1", "NaN"), Refused, `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"infinite", kind(column.Number), row("1", "-Infinity"), Refused, `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"leading zero", kind(column.Number), row("1", "01"), Refused, `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"empty number", kind(column.Number), row("1", ""), Refused, `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"1e400", kind(column.Number), row("1", "1e400"), Refused, `column "v" is a number beyond the range of a double`},
		{"400 digits", kind(column.Number), row("1", long), Refused, `column "v" is a number beyond the range of a double`},
		{"400 digits after the point", kind(column.Number), row("1", "0."+long), Document, ""},
		{"bool", kind(column.Bool), row("1", "true"), Refused, `column "v" is not a boolean`},
		{"json empty", kind(column.JSON), row("1", ""), Refused, `column "v" is not valid JSON`},
		{"json two values", kind(column.JSON), row("1", "1 2"), Refused, `column "v" is not valid JSON`},
		{"json trailing comma", kind(column.JSON), row("1", "[1,]"), Refused, `column "v" is not valid JSON`},
		{"json open", kind(column.JSON), row("1", `{"a":"b`), Refused, `column "v" is not valid JSON`},
		{"json raw newline in string", kind(column.JSON), row("1", "\"a\nb\""), Refused, `column "v" is not valid JSON`},
		{"json NUL", kind(column.JSON), row("1", `{"a":"x\u0000"}`), Refused, `column "v" holds \u0000, which no text may hold`},
		{"json lone high surrogate", kind(column.JSON), row("1", `"\ud83d"`), Refused, `column "v" holds half of a surrogate pair`},
		{"json lone low surrogate", kind(column.JSON), row("1", `"\ude00\ud83d"`), Refused, `column "v" holds half of a surrogate pair`},
		{"json huge number", kind(column.JSON), row("1", `{"a":[1e999]}`), Refused, `column "v" is a number beyond the range of a double`},
		{"json invalid UTF-8", kind(column.JSON), row("1", "\"\xff\""), Refused, `column "v" is not valid UTF-8`},
		{"json deep", kind(column.JSON), row("1", strings.Repeat("[", 5000)), Refused, `column "v" is JSON nested deeper than 30 levels`},
		{"json 30 levels", kind(column.JSON), row("1", strings.Repeat("[", 30)+strings.Repeat("]", 30)), Document, ""},
		{"json 31 levels", kind(column.JSON), row("1", strings.Repeat(`{"a":`, 31)+"1"+strings.Repeat("}", 31)), Refused, `column "v" is JSON nested deeper than 30 levels`},
		{"NaN in array", kind(column.Numbers), row("1", `[1,"NaN"]`), Refused, `column "v" is NaN, infinite or otherwise not a JSON number`},
		{"too long", kind(column.Text), row("1", strings.Repeat("x", 1<<20)), Refused, "document is longer than the limit of 1048576 bytes (MAX_DOCUMENT_BYTES)"},
		{"too long once escaped", kind(column.Text), row("1", strings.Repeat("\x01", 1<<18)), Refused, "document is longer than the limit of 1048576 bytes (MAX_DOCUMENT_BYTES)"},
		{"10 MB", kind(column.Text), row("1", strings.Repeat("x", 10<<20)), Refused, "document is longer than the limit of 1048576 bytes (MAX_DOCUMENT_BYTES)"},
		{"300 KB", kind(column.Text), row("1", strings.Repeat("桜", 100<<10)), Document, ""},
		{"another width", kind(column.Text), row("1"), Refused, "row has another number of columns than the query"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, v := NewEncoder(tt.columns, Options{}).Append([]byte("before"), tt.row)
			if v.Outcome != tt.outcome || v.Reason != tt.reason {
				t.Errorf("got outcome %d %q, want %d %q", v.Outcome, v.Reason, tt.outcome, tt.reason)
			}
			if tt.outcome != Document && string(got) != "before" {
				t.Errorf("dst changed to %d bytes", len(got))
			}
			if tt.outcome == Document && !json.Valid(bytes.TrimPrefix(got, []byte("before"))) {
				t.Errorf("not JSON: %.200s", got)
			}
		})
	}
}

func TestObjectURI(t *testing.T) {
	const (
		address = "content_uri is not a gs://bucket/object address"
		bucket  = "content_uri has a bucket name that cannot be: 3 to 222 of a-z, 0-9, ., _ and -, first and last a letter or digit"
		object  = "content_uri has an object name that cannot be: 1 to 1024 bytes, no line break, neither . nor .."
	)
	tests := map[string]string{
		"gs://bucket/object": "", "gs://b.u_c-k3t/a/b//c d?#%": "", "gs://bkt/日本.jpg": "",
		"gs://bucket/" + strings.Repeat("x", 1024): "", "gs://bucket/" + strings.Repeat("x", 1025): object,
		"": address, "gs://": address, "gs://bucket": address, "gs://bucket/": address, "gs:///object": address, "gs://ab/object": bucket,
		"gs://Bucket/object": bucket, "gs://buck et/object": bucket, "gs://-bucket/object": bucket, "gs://bucket-/object": bucket,
		"gs://bucket/a\nb": object, "gs://bucket/a\rb": object, "gs://bucket/.": object, "gs://bucket/..": object,
		"GS://bucket/object": address, "https://bucket/object": address, " gs://bucket/object": address,
		"gs://" + strings.Repeat("x", 223) + "/o": bucket,
	}
	e := NewEncoder(columns("id", "content_mime_type", "content_uri"), Options{})
	for uri, want := range tests {
		if _, v := e.Append(nil, row("1", "image/png", uri)); v.Reason != want || (v.Outcome == Refused) != (want != "") {
			t.Errorf("%.60q: outcome %d %q, want %q", uri, v.Outcome, v.Reason, want)
		}
	}
}

func TestOptions(t *testing.T) {
	e := NewEncoder(columns("id", "t", "content_mime_type", "content_uri"), Options{MIMETypes: []string{"application/pdf"}, MaxBytes: 200})
	for _, tt := range []struct {
		row  [][]byte
		want Outcome
	}{
		{row("1", "", "Application/PDF", "gs://bucket/a.pdf"), Document},
		{row("1", "", "image/jpeg", "gs://bucket/a.jpg"), Skipped},
		{row("1", strings.Repeat("x", 150), "application/pdf", "gs://bucket/a.pdf"), Refused},
	} {
		if _, v := e.Append(nil, tt.row); v.Outcome != tt.want {
			t.Errorf("%s: got %d, want %d", tt.row, v.Outcome, tt.want)
		}
	}
}

func TestHundredsOfColumns(t *testing.T) {
	cols, values := []column.Column{{Name: "id"}}, []any{"1"}
	want := map[string]any{}
	for i := range 1600 { // PostgreSQL's own limit
		name := fmt.Sprintf("column %d", i)
		cols, values = append(cols, column.Column{Name: name}), append(values, name)
		want[name] = name
	}
	line, v := NewEncoder(cols, Options{}).Append(nil, row(values...))
	if v.Outcome != Document {
		t.Fatal(v.Reason)
	}
	var got struct{ StructData map[string]any }
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.StructData); diff != "" {
		t.Error(diff)
	}
}

// TestHashIsStable pins the hash: another value would make every document of every deployment look changed.
func TestHashIsStable(t *testing.T) {
	for text, want := range map[string]uint64{"": 0x2d06800538d394c2, "vertex": 0x3cdbc166d9193753} {
		if got := Hash([]byte(text)); got != want {
			t.Errorf("Hash(%q) = %#x, want %#x", text, got, want)
		}
	}
}
