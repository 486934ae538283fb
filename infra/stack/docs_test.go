package stack

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the tables of the README anew")

const readme = "../README.md"

// Three places list the settings: the program, Pulumi.yaml for the CLI and the README for people.
func TestSettingsAgreeWithPulumiYAML(t *testing.T) {
	type declaration struct{ Type, Default, Doc string }
	text, err := os.ReadFile("../../Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Name   string
		Config map[string]struct {
			Type        string
			Description string
			Default     yaml.Node
		}
	}
	if err := yaml.Unmarshal(text, &project); err != nil {
		t.Fatal(err)
	}
	if project.Name != Namespace {
		t.Errorf("project %s, want %s: settings would be looked for under another prefix", project.Name, Namespace)
	}
	want, got := map[string]declaration{}, map[string]declaration{}
	for _, d := range Declared(&Args{}) {
		want[d.Key] = declaration{d.Type, d.Default, d.Doc}
	}
	for key, d := range project.Config {
		value := d.Default.Value
		switch d.Default.Kind {
		case yaml.SequenceNode:
			value = "[]"
		case yaml.MappingNode:
			value = "{}"
		}
		got[key] = declaration{d.Type, value, d.Description}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Pulumi.yaml declares other settings than config.go (-config.go +Pulumi.yaml):\n%s", diff)
	}
}

func TestREADMETablesAreThoseOfTheProgram(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	now := string(text)
	narrow := example()
	narrow.IAMScope, narrow.Bucket, narrow.DBPasswordSecret = scopeResource, pulumi.String("BUCKET"), "db_password"
	for name, table := range map[string]string{
		"settings": settingsTable(), "access project": tableOfAccess(example()), "access resource": tableOfAccess(narrow),
	} {
		now = replaceBetween(t, now, "<!-- "+name+" -->\n", "<!-- end -->", table)
	}
	if *update {
		if err := os.WriteFile(readme, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), now); diff != "" {
		t.Errorf("README.md is out of date; go test ./stack -update (-README +program):\n%s", diff)
	}
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("| setting | type | default | meaning |\n|---|---|---|---|\n")
	for _, d := range Declared(&Args{}) {
		def := ""
		if d.Default != "" {
			def = "`" + d.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Key, d.Type, def, d.Doc)
	}
	return b.String()
}

func tableOfAccess(a Args) string {
	var b strings.Builder
	b.WriteString("| who | role | on | why |\n|---|---|---|---|\n")
	for _, g := range Access(a) {
		fmt.Fprintf(&b, "| %s | `%s` | %s %s | %s |\n", g.Who, g.Role, g.On, g.Target, g.Why)
	}
	return b.String()
}

func replaceBetween(t *testing.T, text, begin, end, with string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("README.md has no %s … %s", strings.TrimSpace(begin), end)
	}
	return before + begin + with + end + after
}

// example is the defaults and what has none, in the letters that the README uses for it.
func example() Args {
	s := Args{loaded: true}
	for _, d := range Declared(&s) {
		if err := d.set(d.Default); err != nil {
			panic(err) // a default that its own type refuses
		}
	}
	s.Project, s.Region = "PROJECT", "asia-northeast1"
	s.CloudSQLInstance, s.ArtifactRepository = pulumi.String("PROJECT:REGION:INSTANCE"), "REPOSITORY"
	return s
}
