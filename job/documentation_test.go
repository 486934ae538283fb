package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/job/internal/config"
)

// The README's list of variables is the one of package config; go test -update writes it.
func TestReadmeListsTheEnvironment(t *testing.T) {
	const file, begin, end = "../README.md", "<!-- environment -->\n", "<!-- /environment -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no section from %sto %s", file, begin, end)
	}
	want := variablesTable()
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
	table.WriteString("\nWithout `DATABASE_URL`, the job also needs `DB_NAME`, `DB_USER`, `SECRET_ID` and the instance. ")
	table.WriteString("What is marked *secret* comes from Secret Manager in the cloud. White space at the ends of a value is ignored.\n")
	return table.String()
}
