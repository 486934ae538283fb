package postgres

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFindBinaries(t *testing.T) {
	root := t.TempDir()
	for _, path := range []string{
		"old/14/bin/postgres", "old/14/bin/initdb", "old/16/bin/postgres", "old/16/bin/initdb",
		"half/postgres", "path/postgres", "path/initdb", "configured/postgres", "configured/initdb",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(root, name) }
	for _, test := range []struct {
		name, path, configured string
		patterns               []string
		want                   string
	}{
		{"path first", at("path"), at("configured"), []string{at("old/*/bin")}, at("path")},
		{"a folder with half of them is passed over", at("half"), at("configured"), nil, at("configured")},
		{"client only pg_config", "", at("absent"), []string{at("old/*/bin")}, at("old/16/bin")},
		{"newest of the usual folders", "", "", []string{at("absent/*"), at("old/*/bin")}, at("old/16/bin")},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := findBinaries(test.path, test.configured, test.patterns)
			if err != nil || got != test.want {
				t.Errorf("findBinaries = %q, %v, want %q", got, err, test.want)
			}
		})
	}
	_, err := findBinaries("", "", []string{"/nowhere/*/bin"})
	const want = "find PostgreSQL server programs (postgres, initdb): not in PATH nor in /nowhere/*/bin: " +
		"install it with `apt-get install postgresql` (Debian, Ubuntu) or `brew install postgresql` (macOS)"
	if err == nil || err.Error() != want {
		t.Errorf("findBinaries = %v, want %s", err, want)
	}
}
