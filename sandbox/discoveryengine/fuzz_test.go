package discoveryengine

import (
	"encoding/json"
	"testing"
)

func FuzzCheckLine(f *testing.F) {
	for _, seed := range []string{
		`{"id": "a", "structData": {"x": "\u2028"}}`, `{"id": "a", "jsonData": "{}"}`, `{"id": "a"`, `null`, `{}`, `[]`, "\xff",
		`{"id": "a", "content": {"mimeType": "image/png", "uri": "gs://b/o"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		id, _, err := checker{}.line(line)
		if err != nil {
			return
		}
		if !validID.MatchString(id) || !json.Valid(line) {
			t.Errorf("took %q as document %q", line, id)
		}
		if _, err := new(DataStore).decode(id, line); err != nil {
			t.Errorf("took %q, but cannot give it back: %v", line, err)
		}
		if searchText(line) == "" {
			t.Errorf("search reads nothing of %q", line)
		}
	})
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"*.jsonl", "a.jsonl"}, {"**/x", "a/b/x"}, {"[ab]?", "a1"}, {"[", "["}, {"[z-a]", "z"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		match, err := globToRegexp(pattern)
		if err == nil {
			match.MatchString(name)
		}
	})
}

func FuzzPageToken(f *testing.F) {
	f.Add("parent", "", 10)
	f.Add("parent", formatToken("parent", 20), 10)
	f.Add("parent", formatToken("other", 20), 10)
	f.Fuzz(func(t *testing.T, query, token string, size int) {
		from, to, _, err := page(query, token, size, 100, 50)
		if err == nil && (from < 0 || to < from || to > 50) {
			t.Errorf("page(%q, %q, %d) = %d to %d of 50", query, token, size, from, to)
		}
	})
}
