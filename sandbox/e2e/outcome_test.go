package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/api"
)

// checkLeft compares what destroy left with what was there before. APIs stay enabled, and with them their service agents.
func checkLeft(t *testing.T, plane *api.Server, before []byte) {
	t.Helper()
	after, err := plane.Snapshot()
	must(t, err)
	had, has := flatten(t, before), flatten(t, after)
	for _, lines := range []map[string]string{had, has} {
		for path := range lines {
			// Nor does it take what Google's agents were granted, from others who live by it.
			if strings.Contains(path, " apis[") || strings.Contains(path, " agents[") || strings.Contains(path, " to serviceAccount:service-") {
				delete(lines, path)
			}
		}
	}
	if diff := cmp.Diff(had, has); diff != "" {
		t.Errorf("destroy left something behind or took too much (-before +after):\n%s", diff)
	}
}

// accepted are the differences between what the seed's commands leave and what the program does, with the reason for each.
var accepted = map[string]string{
	"resource.client": "which tool deployed last",
	"resource.template.template.containers.image": "the program deploys by digest, the seed by the tag latest",
}

// compareWithSeed compares what the program left with what the seed's commands leave: nothing missing, nothing different but for
// what is accepted, and every addition listed in the golden file.
func compareWithSeed(t *testing.T, plane *api.Server) {
	t.Helper()
	snapshot, err := plane.Snapshot()
	must(t, err)
	content, err := os.ReadFile(filepath.Join("testdata", "seed.golden.json"))
	must(t, err)
	seed, program := flatten(t, content), flatten(t, snapshot)
	var additions []string
	for path, value := range program {
		if _, has := seed[path]; !has {
			additions = append(additions, strings.TrimSpace(path+" "+value))
		}
	}
	for path, value := range seed {
		_, field, _ := strings.Cut(path, " ")
		if got, has := program[path]; (!has || got != value) && accepted[field] == "" {
			t.Errorf("the seed's commands leave %s = %s; the program %q", path, value, got)
		}
	}
	sort.Strings(additions)
	golden(t, "additions.golden.txt", []byte(strings.Join(additions, "\n")+"\n"))
}

// compareWithPlan deploys the same stack's plan without Pulumi and compares: what a demonstration shows is what a cloud would have.
func compareWithPlan(t *testing.T, plane *api.Server, stack *pulumiStack) {
	t.Helper()
	cmd := exec.Command("go", "run", "./plan", "-stack", stack.name, "-project", stack.dir, "-json")
	cmd.Dir = filepath.Join("..", "..", "infra")
	plan, err := cmd.Output()
	if err != nil {
		t.Fatalf("plan the stack: %v", err)
	}
	other := newSystem(t).Control
	if _, err := other.DeployPlan(context.Background(), plan); err != nil {
		t.Fatal(err)
	}
	deployed, err := plane.Snapshot()
	must(t, err)
	planned, err := other.Snapshot()
	must(t, err)
	if diff := cmp.Diff(anonymous(t, planned), anonymous(t, deployed)); diff != "" {
		t.Errorf("Pulumi left something else than its plan (-plan +Pulumi):\n%s", diff)
	}
}

var (
	// givenNames are those that Monitoring gives, different every time.
	givenNames = regexp.MustCompile(`(alertPolicies|notificationChannels|conditions|dashboards)/[-0-9a-f]+`)
	// The provider labels what it makes.
	provisioned = "goog-pulumi-provisioned"
)

// anonymous are a snapshot's lines in order, without the names that differ every time.
func anonymous(t *testing.T, snapshot []byte) []string {
	t.Helper()
	var lines []string
	for path, value := range flatten(t, snapshot) {
		if !strings.Contains(path, provisioned) {
			lines = append(lines, givenNames.ReplaceAllString(path+" "+value, "$1/…"))
		}
	}
	sort.Strings(lines)
	return lines
}

// flatten makes one line of every value: its resource and path, where members of lists of plain values and of named objects go by
// what they are and not by where they stand.
func flatten(t *testing.T, snapshot []byte) map[string]string {
	t.Helper()
	var resources map[string]any
	must(t, json.Unmarshal(snapshot, &resources))
	lines := map[string]string{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for key, inner := range v {
				walk(path+"."+key, inner)
			}
		case []any:
			for _, inner := range v {
				if object, ok := inner.(map[string]any); ok {
					name, _ := object["name"].(string)
					delete(object, "name")
					if name != "" {
						lines[path+"["+name+"]"] = ""
						path := path + "[" + name + "]"
						walk(path, object)
						continue
					}
					walk(path, object)
					continue
				}
				lines[fmt.Sprintf("%s[%v]", path, inner)] = ""
			}
		default:
			lines[path] = fmt.Sprint(v)
		}
	}
	for name, described := range resources {
		lines[name] = ""
		for part, value := range described.(map[string]any) {
			walk(name+" "+part, value)
		}
	}
	return lines
}
