package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/job/internal/config"
)

// The reference of variables is the one of package config.
func TestEnvironmentIsDocumented(t *testing.T) {
	compareSection(t, "../docs/ENVIRONMENT.md", "environment", variablesTable())
}

// compareSection compares what a document has between <!-- name --> and <!-- /name --> with what it should have; go test
// -update writes it.
func compareSection(t *testing.T, file, name, want string) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	text := readDocument(t, file)
	before, rest, found := strings.Cut(text, begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no section from %sto %s", file, begin, end)
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got), go test -update writes it:\n%s", file, diff)
	}
}

func variablesTable() string {
	var table strings.Builder
	table.WriteString("| variable | | default | meaning |\n|---|---|---|---|\n")
	for _, v := range config.Variables {
		var origin, byDefault string
		if v.Secret {
			origin = "secret"
		}
		switch {
		case v.Needed:
			byDefault = "needed"
		case v.Default != "":
			byDefault = "`" + v.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", v.Name, origin, byDefault, strings.ReplaceAll(v.Meaning, "|", `\|`))
	}
	return table.String()
}

func readDocument(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
