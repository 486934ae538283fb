package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/infra/stack"
)

var update = flag.Bool("update", false, "write the golden files anew")

// plans are the stacks whose plans are kept, and so reviewed with every change. The JSON is what the sandbox deploys.
var plans = []struct{ stack, file string }{
	{"dev", "../../Pulumi.dev.yaml"},
	{"prod", "../../Pulumi.prod.yaml"},
	{"narrow", "testdata/Pulumi.narrow.yaml"},
	{"everything", "testdata/Pulumi.everything.yaml"},
}

func TestPlanIsAsReviewed(t *testing.T) {
	for _, p := range plans {
		t.Run(p.stack, func(t *testing.T) {
			plan := planOf(t, p.stack, p.file)
			var text, jsonText bytes.Buffer
			if err := plan.writeText(&text); err != nil {
				t.Fatal(err)
			}
			if err := plan.writeJSON(&jsonText); err != nil {
				t.Fatal(err)
			}
			checkGolden(t, filepath.Join("testdata", p.stack+".txt"), text.Bytes())
			checkGolden(t, filepath.Join("testdata", p.stack+".json"), jsonText.Bytes())
		})
	}
}

func TestPlanIsTheSameEveryTime(t *testing.T) {
	first := planOf(t, "prod", "../../Pulumi.prod.yaml")
	for range 5 {
		if diff := cmp.Diff(first, planOf(t, "prod", "../../Pulumi.prod.yaml")); diff != "" {
			t.Fatalf("two plans of one stack differ (-first +second):\n%s", diff)
		}
	}
}

func TestPlanNamesEveryProblemOfTheSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Pulumi.bad.yaml")
	if err := os.WriteFile(file, []byte("config:\n  vertex-metadata:tasks: 0\n  vertex-metadata:iamScope: wide\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := record("../..", "bad", file, stack.Deploy)
	want := strings.TrimSpace(`
settings to mend with ` + "`pulumi config set`" + ` or in the stack's file:
  gcp:project: is not set; give the project's id
  vertex-metadata:cloudSqlInstance: is not set; give project:region:instance
  vertex-metadata:tasks: 0 is not between 1 and 100
  vertex-metadata:iamScope: "wide" is none of project, resource
  vertex-metadata:artifactRepository: is not set; name the repository to push to, or a prebuilt image under image`)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestPlanRefusesWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ content, want string }{
		"absent.yaml":    {"", "read stack: absent.yaml is absent or holds no config"},
		"misspelt.yaml":  {"config:\n  vertex-metadata:taks: 3\n", "read stack: vertex-metadata:taks is not a setting; infra/README.md lists them"},
		"encrypted.yaml": {"config:\n  vertex-metadata:bucket:\n    secure: AAAB\n", "read stack: vertex-metadata:bucket is encrypted; a plan needs no passphrase, keep secrets in Secret Manager"},
	} {
		file := filepath.Join(dir, name)
		if c.content != "" {
			if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := record("../..", "dev", file, stack.Deploy); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// The token of whoever deploys goes to Google's registries and to no other host.
func TestTokenIsForGoogleAlone(t *testing.T) {
	for host, want := range map[string]bool{
		"": true, "asia-docker.pkg.dev": true, "eu.gcr.io": true, "gcr.io": true,
		"127.0.0.1:5000": false, "mirror.example.com": false, "asia-docker.pkg.dev.example.com": false, "notgcr.io": false,
	} {
		file := filepath.Join(t.TempDir(), "Pulumi.test.yaml")
		config := "config:\n  gcp:project: example-dev\n  vertex-metadata:cloudSqlInstance: example-dev:asia-northeast1:app\n" +
			"  vertex-metadata:artifactRepository: jobs\n  vertex-metadata:imageRegistry: \"" + host + "\"\n"
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		registry := ofType(planOf(t, "test", file), "docker:index/image:Image").Inputs["registry"].(map[string]any)
		if _, got := registry["password"]; got != want {
			t.Errorf("registry %q is given a token: %t, want %t", host, got, want)
		}
	}
}

func planOf(t *testing.T, name, file string) *Plan {
	t.Helper()
	plan, err := record("../..", name, file, stack.Deploy)
	if err != nil {
		t.Fatalf("plan %s: %v", name, err)
	}
	return plan
}

func checkGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date; look at the change, then go test ./plan -update (-kept +now):\n%s", file, diff)
	}
}

// The committed JSON is read by programs that do not share these types.
func TestJSONReadsBack(t *testing.T) {
	plan := planOf(t, "dev", "../../Pulumi.dev.yaml")
	var text bytes.Buffer
	if err := plan.writeJSON(&text); err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(text.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if got, want := len(back.Resources), len(plan.Resources); got != want {
		t.Errorf("%d resources read back, want %d", got, want)
	}
}
