package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"vertexmetadata/job/internal/config"
)

// documents are what strangers read first.
func documents(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	texts := map[string]string{}
	for _, file := range append(files, "../README.md") {
		texts[file] = readDocument(t, file)
	}
	return texts
}

// What a document names must exist: a reader who copies it finds out otherwise.
func TestDocumentsNameWhatExists(t *testing.T) {
	settings := settingsOfStacks(t)
	targets := names(`(?m)^([a-z][a-z0-9/-]*):`, readDocument(t, "../Makefile"))
	outputs := names(`"([a-zA-Z]+)": +s\.[A-Z]`, tree(t, "../infra/stack", ".go"))
	types := names(`"type": "([^"]+)"`, tree(t, "../infra/plan/testdata", ".json"))
	if len(targets) == 0 || len(outputs) == 0 || len(types) == 0 {
		t.Fatal("nothing to compare the documents with was found in Makefile, infra/stack or infra/plan/testdata")
	}
	for _, rule := range []struct {
		what, pattern string
		known         map[string]bool
	}{
		{"setting", "vertex-metadata:([a-zA-Z]+)", settings},
		{"target", `(?m)(?:^    |^|[` + "`" + `])make ([a-z][a-z0-9/-]*)`, targets},
		{"output", `pulumi stack output ([a-zA-Z]+)`, outputs},
		{"resource type", "`((?:gcp|docker):[^`]+)`", types},
	} {
		for file, text := range documents(t) {
			for name := range names(rule.pattern, text) {
				if !rule.known[name] {
					t.Errorf("%s: there is no %s %s", file, rule.what, name)
				}
			}
		}
	}
}

// Every command line of the job in a document is one that the job takes.
func TestDocumentsCommandLines(t *testing.T) {
	parser, err := kong.New(&cli{}, kong.Name("job"), kong.Exit(func(int) {}), kong.Vars{"version": ""})
	if err != nil {
		t.Fatal(err)
	}
	inline := regexp.MustCompile("(?m)(?:^|[`\\s])(?:bin/)?job ((?:sync|plan|check|history|show|query|search)\\b[^`\n#&|;,)]*)")
	overrides := regexp.MustCompile("--args=([^`\\s]+)")
	found := 0
	for file, text := range documents(t) {
		lines := [][]string{}
		for _, m := range inline.FindAllStringSubmatch(codeOf(text), -1) {
			lines = append(lines, wordsOf(m[1]))
		}
		for _, m := range overrides.FindAllStringSubmatch(codeOf(text), -1) {
			if m[1] != `""` {
				lines = append(lines, strings.Split(m[1], ","))
			}
		}
		for _, args := range lines {
			found++
			if args[0] == "show" && len(args) == 1 || args[0] == "search" && len(args) == 1 {
				args = append(args, "ID")
			}
			if _, err := parser.Parse(args); err != nil {
				t.Errorf("%s: job %s: %v", file, strings.Join(args, " "), err)
			}
		}
	}
	if found < 10 {
		t.Errorf("%d command lines were found, want them all", found)
	}
}

// words splits a command line as a shell does.
func wordsOf(line string) (args []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2]+m[3])
	}
	return args
}

// codeOf returns what a document sets as code.
func codeOf(text string) string {
	var code strings.Builder
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 {
			code.WriteString(part + "\n")
			continue
		}
		for _, m := range regexp.MustCompile("`[^`\n]+`|(?m)^    .*$").FindAllString(part, -1) {
			code.WriteString(m + "\n")
		}
	}
	return code.String()
}

func TestDocumentsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for file, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := file
			if target != "" {
				path = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: link to %s: %v", file, m[1], err)
			} else if anchor != "" && !anchors(readDocument(t, path))[anchor] {
				t.Errorf("%s: link to %s: there is no such heading", file, m[1])
			}
		}
	}
}

// anchors are the names that GitHub gives a document's headings.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		found[strings.ReplaceAll(name, " ", "-")] = true
	}
	return found
}

// The README is read in one go.
func TestReadmeIsShort(t *testing.T) {
	text := readDocument(t, "../README.md")
	if n := strings.Count(text, "\n"); n > 150 {
		t.Errorf("README.md has %d lines, want at most 150", n)
	}
	first := strings.Join(strings.SplitN(text, "\n", 30)[:29], "\n")
	for _, needed := range []string{"docs/MIGRATION.ja.md", "make demo", "docs/demo.svg"} {
		if !strings.Contains(first, needed) {
			t.Errorf("the first screen of README.md does not have %s", needed)
		}
	}
}

// The seed document's values are the program's defaults, and its steps are named by settings that exist.
func TestMigrationTables(t *testing.T) {
	const file = "../docs/MIGRATION.ja.md"
	text, settings := readDocument(t, file), readDocument(t, "../Pulumi.yaml")
	want, got := map[string]string{}, map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\| `([^`]*)` \\|$").FindAllStringSubmatch(section(t, file, text, "defaults"), -1) {
		got[m[1]] = m[2]
		found := regexp.MustCompile(`(?m)^  ` + m[1] + `:\n    type: .*\n    description: .*\n    default: "?(.*?)"?$`).FindStringSubmatch(settings)
		if found == nil {
			t.Errorf("%s: Pulumi.yaml has no default of %s", file, m[1])
			continue
		}
		want[m[1]] = found[1]
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
		t.Errorf("%s: defaults (-Pulumi.yaml +document):\n%s", file, diff)
	}
	known := settingsOfStacks(t)
	for _, row := range regexp.MustCompile("(?m)^\\|[^|]*\\|[^|]*\\| `([a-zA-Z]+)` \\|").FindAllStringSubmatch(section(t, file, text, "steps"), -1) {
		if !known[row[1]] {
			t.Errorf("%s: there is no setting %s", file, row[1])
		}
	}
}

// The outcomes and the fields of the last line are listed where operators look for them.
func TestOutcomesAndFieldsAreDocumented(t *testing.T) {
	outcomes := names(`Outcome = "([a-z]+)"`, readDocument(t, "internal/reconcile/summary.go"))
	for _, file := range []string{"../README.md", "../docs/OPERATING.md", "../docs/MIGRATION.ja.md"} {
		text := readDocument(t, file)
		for outcome := range outcomes {
			if !strings.Contains(text, "`"+outcome+"`") {
				t.Errorf("%s does not have the outcome %s", file, outcome)
			}
		}
	}
	fields := names(`slog\.(?:String|Int64)\("([a-z_]+)"`, readDocument(t, "summary.go"))
	operating := readDocument(t, "../docs/OPERATING.md")
	for field := range fields {
		if !strings.Contains(operating, "`"+field+"`") {
			t.Errorf("docs/OPERATING.md does not have the field %s", field)
		}
	}
	if len(outcomes) < 5 || len(fields) < 10 {
		t.Errorf("found %d outcomes and %d fields", len(outcomes), len(fields))
	}
}

// section returns what a document has between <!-- name --> and <!-- /name -->.
func section(t *testing.T, file, text, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "<!-- "+name+" -->\n")
	part, _, closed := strings.Cut(rest, "<!-- /"+name+" -->")
	if !found || !closed {
		t.Fatalf("%s has no section %s", file, name)
	}
	return part
}

// settingsOfStacks are the settings that Pulumi.yaml declares.
func settingsOfStacks(t *testing.T) map[string]bool {
	t.Helper()
	_, config, found := strings.Cut(readDocument(t, "../Pulumi.yaml"), "\nconfig:\n")
	settings := names(`(?m)^  ([a-zA-Z]+):$`, config)
	if !found || len(settings) == 0 {
		t.Fatal("Pulumi.yaml declares no settings")
	}
	return settings
}

// names returns what the first group of a pattern finds.
func names(pattern, text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return found
}

// tree is the text of all files below a folder with an extension.
func tree(t *testing.T, folder, ext string) string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ext {
			texts[path] = readDocument(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		all.WriteString(texts[path])
	}
	return all.String()
}

// The example of several syncs is one that the job and the program that deploys it take.
func TestSeveralTablesExample(t *testing.T) {
	const file = "../docs/SEVERAL-TABLES.md"
	text := readDocument(t, file)
	_, rest, found := strings.Cut(text, "SYNCS='")
	value, _, closed := strings.Cut(rest, "'\n")
	if !found || !closed {
		t.Fatalf("%s has no SYNCS='…'", file)
	}
	variables := map[string]string{"SYNCS": value, "GCS_BUCKET": "b", "PROJECT_ID": "p", "DATABASE_URL": "postgres://u@127.0.0.1/d"}
	cfg, err := config.Load(func(name string) string { return variables[name] })
	if err != nil || len(cfg.Syncs) != 2 {
		t.Errorf("%s: SYNCS has %d syncs, %v", file, len(cfg.Syncs), err)
	}
	described := regexp.MustCompile(`Several syncs in one job: .*`).FindString(readDocument(t, "../Pulumi.yaml"))
	for field := range names(`(?m)^ +(?:- )?([a-zA-Z]+): [a-z]`, text) {
		if !strings.Contains(described, field) {
			t.Errorf("%s: a sync of the setting syncs has no %s, says Pulumi.yaml", file, field)
		}
	}
}
