package bucket

import (
	"strings"
	"testing"
	"time"
)

func TestValidName(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "metadata/metadata.jsonl", ""},
		{"hidden", "metadata/.sync/v1/state.json", ""},
		{"spaces and Japanese", "写真 1/é.jsonl", ""},
		{"percent", "100%25", ""},
		{"empty", "", "object name is empty"},
		{"too long", strings.Repeat("x", 1025), "object name has 1025 bytes, more than 1024"},
		{"not UTF-8", "a\xff", `object name "a\xff" is not UTF-8`},
		{"line break", "a\nb", `object name "a\nb" has the character '\n'`},
		{"wildcard", "metadata/*.jsonl", `object name "metadata/*.jsonl" has the character '*'`},
		{"leading slash", "/a", `object name "/a" has the path step ""`},
		{"folder", "a/", `object name "a/" has the path step ""`},
		{"dots", "a/../b", `object name "a/../b" has the path step ".."`},
		{"dot", ".", `object name "." has the path step "."`},
		{"reserved", ".well-known/acme-challenge/x", `object name ".well-known/acme-challenge/x" is reserved`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := validName(tt.in); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestBadNamesReachNoServer(t *testing.T) {
	c := newCloud(t)
	b := openBucket(t, time.Second)
	want := `create gs://posts: object name "a*" has the character '*'`
	if err := b.Create(t.Context(), "a*", nil); err == nil || err.Error() != want {
		t.Errorf("Create: %v", err)
	}
	w := b.NewWriter(t.Context(), "a*", 0)
	if err := w.Commit(); err == nil || err.Error() != `write gs://posts/a*: object name "a*" has the character '*'` {
		t.Errorf("Commit: %v", err)
	}
	if err := b.Copy(t.Context(), "a", "a*"); err == nil || err.Error() != `copy gs://posts/a: object name "a*" has the character '*'` {
		t.Errorf("Copy: %v", err)
	}
	if n := c.count(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// FuzzObjectName: a name that is accepted arrives at the server as it is.
func FuzzObjectName(f *testing.F) {
	for _, name := range []string{"a", "metadata/.sync/v1/state.json", "a b+c%2F&d=e?", "写真/é", "a//b", "..", "\"'<>\\|", "a\u2028b", "%", "a;b:c@d,e"} {
		f.Add(name)
	}
	newCloud(f)
	b := openBucket(f, 5*time.Second)
	f.Fuzz(func(t *testing.T, name string) {
		if validName(name) != nil {
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
