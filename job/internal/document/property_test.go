package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"vertexmetadata/job/internal/column"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

// hostile makes a text of everything that has ever broken an exporter.
func hostile(r *rand.Rand) string {
	parts := []string{
		`"`, `\`, `\\"`, "\n", "\r\n", "\t", "\b\f", "\x00", "\x01\x1f\x7f", "\u0080\u0085", "\u2028\u2029", "\ufeff", "\ufffd",
		"桜", "ヤマザクラが咲く", "が", "한국어", "é", "e\u0301", "😀", "👨‍👩‍👧", "\U0010ffff", "ࠀ", "퟿", "\ue000",
		"</script>", `\u0041`, "${x}", "'", "%s", "plain ascii text of some length", "        ",
	}
	var b strings.Builder
	for range r.IntN(24) {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

// TestHostileTexts compares 20,000 documents with encoding/json, which decodes each back to what went in, and with its
// encoding of the same string, byte for byte.
func TestHostileTexts(t *testing.T) {
	e := NewEncoder(columns("id", "a", "b", "content_mime_type", "content_uri"), Options{})
	r := rand.New(rand.NewPCG(1, 2))
	var line, want []byte
	for i := range 20_000 {
		id, a, b := fmt.Sprint(i), hostile(r), hostile(r)
		if i%5000 == 0 {
			a = strings.Repeat(a+"桜", 300<<10/(len(a)+3))
		}
		var v Verdict
		line, v = e.Append(line[:0], [][]byte{[]byte(id), []byte(a), []byte(b), []byte("image/png"), []byte("gs://bucket/o")})
		if v.Outcome != Document {
			t.Fatalf("%q %q: %s", a, b, v.Reason)
		}
		want = fmt.Appendf(want[:0], `{"id": "%s", "structData": {"a": %s, "b": %s}, "content": {"mimeType": "image/png", "uri": "gs://bucket/o"}}`+"\n",
			id, oracle(t, a), oracle(t, b))
		if !bytes.Equal(line, want) {
			t.Fatalf("got  %q\nwant %q", line, want)
		}
		var got struct{ StructData map[string]string }
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"a": a, "b": b}, got.StructData); diff != "" {
			t.Fatal(diff)
		}
	}
}

// oracle is encoding/json's spelling of a string, less the two escapes that it adds for the sake of JavaScript.
func oracle(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	out = bytes.ReplaceAll(out, []byte(`\u2028`), []byte("\u2028"))
	return bytes.ReplaceAll(out, []byte(`\u2029`), []byte("\u2029"))
}

// TestPlainPrefixAgainstLoop compares the loop that looks at eight bytes at once with the obvious one, on texts cut and
// damaged at every place.
func TestPlainPrefixAgainstLoop(t *testing.T) {
	obvious := func(text []byte) int {
		for i, r := range string(text) {
			switch {
			case r < ' ', r == '"', r == '\\':
				return i
			case r == utf8.RuneError && !bytes.HasPrefix(text[i:], []byte("\uFFFD")):
				return -1
			}
		}
		return len(text)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 50_000 {
		text := []byte(hostile(r))
		if len(text) > 0 && r.IntN(2) == 0 {
			text[r.IntN(len(text))] = byte(r.IntN(256))
		}
		text = text[r.IntN(len(text)+1):]
		if got, want := plainPrefix(text), obvious(text); got != want {
			t.Fatalf("plainPrefix(%q) = %d, want %d", text, got, want)
		}
	}
}

// FuzzAppend: whatever the bytes, a document is one line of valid JSON with the same text in it, which a protocol buffer
// can hold, and a row is refused for its text only if that is no UTF-8.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\\n", "桜咲く", "\xff", "\xe3\x81", "1e400", "NaN", `{"a": [1, "\ud83d\ude00"]}`, `{"a": 1, "\u0061": 2}`, "2025-09-18 01:02:03.5+00", "0000-000\x000 00000000"} {
		f.Add([]byte(s), "x")
	}
	f.Fuzz(func(t *testing.T, value []byte, name string) {
		for kind := column.Text; kind <= column.Timestamp; kind++ {
			if name == columnID || name == ColumnURI || name == columnMIMEType || !utf8.ValidString(name) {
				continue // no field
			}
			e := NewEncoder([]column.Column{{Name: "id", Kind: column.Text}, {Name: name, Kind: kind}}, Options{})
			line, v := e.Append(nil, [][]byte{[]byte("1"), value})
			if v.Outcome != Document {
				if kind == column.Text && utf8.Valid(value) && len(value) < DefaultMaxBytes/6 && v.Reason != "" {
					t.Errorf("%q refused: %s", value, v.Reason)
				}
				continue
			}
			if bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
				t.Errorf("not one line: %q", line)
			}
			var got struct{ StructData map[string]any }
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if kind == column.Text && value != nil && got.StructData[name] != string(value) {
				t.Errorf("got %q, want %q", got.StructData[name], value)
			}
			var message structpb.Struct
			fields := bytes.TrimSuffix(bytes.TrimPrefix(line, []byte(`{"id": "1", "structData": `)), []byte("}\n"))
			if err := protojson.Unmarshal(fields, &message); err != nil { // an inline import would fail for all its documents
				t.Fatalf("%q: %v", line, err)
			}
			var want any
			if (kind == column.JSON || kind == column.Numbers) && value != nil {
				if err := json.Unmarshal(value, &want); err != nil {
					t.Fatalf("accepted %q: %v", value, err)
				}
				if diff := cmp.Diff(want, got.StructData[name]); diff != "" {
					t.Errorf("%q: %s", value, diff)
				}
			}
		}
	})
}
