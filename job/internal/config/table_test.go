package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of variables that infra checks settings by")

const tableFile = "../../../infra/stack/variables.json"

// notPlain are variables that no stack sets in the open: Cloud Run's own, secrets, files, stand-ins, and what
// the program sets itself.
func notPlain(name string) bool {
	return strings.HasPrefix(name, "CLOUD_RUN_") || slices.Contains([]string{
		"DATABASE_URL", "SYNC_QUERY_FILE", "SYNCS", "STORAGE_EMULATOR_HOST", "DISCOVERYENGINE_ENDPOINT", "SECRETMANAGER_ENDPOINT",
	}, name)
}

// kind says by examples what a variable takes. The first kind whose examples the job itself takes and refuses is a variable's.
type kind struct {
	Kind    string   `json:"kind"`
	Want    string   `json:"want"`
	Accepts []string `json:"accepts"`
	Refuses []string `json:"refuses"`
}

type tabled struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// The program that deploys the job refuses settings that the job would refuse, by a table of its own: the job's module is not part
// of it. What is in the table is found by trying each variable here. It may have variables more, of a job that is newer than this.
func TestTableOfVariablesAgreesWithTheJob(t *testing.T) {
	text, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Kinds     []kind   `json:"kinds"`
		Variables []tabled `json:"variables"`
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(table.Variables)
	for _, v := range Variables {
		if notPlain(v.Name) {
			continue
		}
		i := slices.IndexFunc(table.Kinds, func(k kind) bool { return k.describes(v) })
		if i < 0 {
			t.Errorf("no kind in variables.json describes what %s takes: add one, and its check to infra/stack/variables.go", v.Name)
			continue
		}
		want = slices.DeleteFunc(want, func(have tabled) bool { return have.Name == v.Name })
		want = append(want, tabled{v.Name, table.Kinds[i].Kind})
	}
	slices.SortFunc(want, func(a, b tabled) int { return strings.Compare(a.Name, b.Name) })
	diff := cmp.Diff(table.Variables, want)
	if diff == "" {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date; run go test ./internal/config -update (-table +job):\n%s", tableFile, diff)
	}
	if err := os.WriteFile(tableFile, withVariables(t, text, want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// describes tries the examples of a kind on the job.
func (k kind) describes(v Variable) bool {
	accepts := func(value string) bool {
		_, err := Load(with(cloud, v.Name+"="+value))
		return err == nil || !strings.Contains(err.Error(), v.Name)
	}
	return !slices.ContainsFunc(k.Accepts, func(value string) bool { return !accepts(value) }) && !slices.ContainsFunc(k.Refuses, accepts)
}

// withVariables replaces the list of variables and leaves the kinds as people wrote them.
func withVariables(t *testing.T, text []byte, variables []tabled) []byte {
	t.Helper()
	before, _, ok := bytes.Cut(text, []byte(`"variables": [`))
	if !ok {
		t.Fatalf("%s has no list of variables", tableFile)
	}
	var lines []string
	for _, v := range variables {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, "    "+strings.NewReplacer(`":"`, `": "`, `","`, `", "`).Replace(string(line)))
	}
	return append(before, []byte("\"variables\": [\n"+strings.Join(lines, ",\n")+"\n  ]\n}\n")...)
}
