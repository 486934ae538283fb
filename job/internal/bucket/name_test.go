package bucket

import (
	"strings"
	"testing"
	"time"
)

// FuzzObjectName: a name that is accepted arrives at the server as it is.
func FuzzObjectName(f *testing.F) {
	for _, name := range []string{"a", "metadata/.sync/v1/state.json", "a b+c%2F&d=e?", "写真 1/é.jsonl", "metadata/*.jsonl", "100%25", "a//b", "..", "\"'<>\\|", "a\u2028b", "%", "a;b:c@d,e"} {
		f.Add(name)
	}
	newCloud(f)
	b := openBucket(f, 5*time.Second)
	f.Fuzz(func(t *testing.T, name string) {
		if !b.Owns(name) || strings.HasSuffix(name, "/") {
			return
		}
		if err := write(t.Context(), b, name, []byte(name)); err != nil {
			t.Fatal(err)
		}
		data, err := b.Read(t.Context(), name, 1<<20)
		if err != nil || string(data) != name {
			t.Fatalf("%q reads back as %q, error %v", name, data, err)
		}
		found := false
		for o, err := range b.List(t.Context(), name) {
			if err != nil {
				t.Fatal(err)
			}
			found = found || o.Name == name
		}
		if !found {
			t.Fatalf("%q is not listed", name)
		}
		if err := b.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	})
}
