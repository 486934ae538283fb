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
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixtures are the stacks whose plans are kept, and so reviewed with every change. None of them is a user's: Pulumi.STACK.yaml
// beside Pulumi.yaml belongs to the person who deploys. The JSON is what the sandbox deploys.
var fixtures = []string{"seed", "tight", "narrow", "everything", "several", "nothing", "password"}

func fixture(name string) string { return filepath.Join("testdata", name+".yaml") }

func TestPlanIsAsReviewed(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			plan := planOf(t, name)
			var text, jsonText, graph bytes.Buffer
			must(t, plan.writeText(&text))
			must(t, plan.writeJSON(&jsonText))
			must(t, plan.writeMermaid(&graph))
			checkGolden(t, filepath.Join("testdata", name+".txt"), text.Bytes())
			checkGolden(t, filepath.Join("testdata", name+".json"), jsonText.Bytes())
			if name == "tight" {
				checkGolden(t, filepath.Join("testdata", name+".mmd"), graph.Bytes())
			}
		})
	}
}

func TestPlanIsTheSameEveryTime(t *testing.T) {
	var first bytes.Buffer
	must(t, planOf(t, "tight").writeJSON(&first))
	for range 5 {
		var again bytes.Buffer
		must(t, planOf(t, "tight").writeJSON(&again))
		if diff := cmp.Diff(first.String(), again.String()); diff != "" {
			t.Fatalf("two plans of one stack differ (-first +second):\n%s", diff)
		}
	}
}

func TestPlanNamesEveryProblemOfTheSettings(t *testing.T) {
	for _, test := range []struct{ name, config, want string }{
		{"values", "{vertex-metadata:tasks: 0, vertex-metadata:iamScope: wide}", `
invalid settings; correct them with ` + "`pulumi config set`" + ` or in the stack's file:
  gcp:project: is not set; give the project's id
  vertex-metadata:cloudSqlInstance: is not set; give project:region:instance, or name a secret with the whole URL as DATABASE_URL under secrets
  vertex-metadata:tasks: 0 is not between 1 and 100
  vertex-metadata:iamScope: "wide" is none of project, resource
  vertex-metadata:artifactRepository: is not set; name the repository to push to, or a prebuilt image under image`},
		{"types and names", `{vertex-metadata:paused: 1, vertex-metadata:env: '{"A": "b"}', vertex-metadata:taks: 3, vertex-metadata:jobname: x, vertex-metadata:grantWait: 30s}`, `
read stack: Pulumi.bad.yaml:
  vertex-metadata:env: is not of type object
  vertex-metadata:grantWait: is no longer a setting: what is refused is retried until it takes effect; remove it, or set settleLimit
  vertex-metadata:jobname: is not a setting; write jobName
  vertex-metadata:paused: is not of type boolean
  vertex-metadata:taks: is not a setting; infra/README.md lists them`},
		{"numbers for text", base("imageTag: 1.10", "jobName: 1e3"), `
invalid settings; correct them with ` + "`pulumi config set`" + ` or in the stack's file:
  vertex-metadata:imageTag: is written 1.10 and would be read as 1.1; quote it
  vertex-metadata:jobName: is written 1e3 and would be read as 1000; quote it
  vertex-metadata:jobName: "1000" is not at most 63 lower-case letters, digits and dashes, a letter first and no dash last`},
		{"numbers in maps", base("env: {MAX_FAILED: 100, FULL_SYNC_INTERVAL: 010}"), `
invalid settings; correct them with ` + "`pulumi config set`" + ` or in the stack's file:
  vertex-metadata:env: FULL_SYNC_INTERVAL is written 010 and would be read as 8; quote it
  vertex-metadata:env: FULL_SYNC_INTERVAL is "8", which the job refuses; want a duration such as 90s, 2m or 24h`},
		{"one problem of one value", base("timeout: 900", "bucket: ~", "secrets: {DB_NAME: [x]}"), `
invalid settings; correct them with ` + "`pulumi config set`" + ` or in the stack's file:
  vertex-metadata:secrets: DB_NAME is not text
  vertex-metadata:timeout: "900" is not a duration such as 90s or 15m`},
		{"encrypted project", "{gcp:project: {secure: AAAB}, gcp:accessToken: {secure: AAAB}}", `
read stack: Pulumi.bad.yaml:
  gcp:project: is encrypted, which a plan cannot read: it is no secret; set it without --secret`},
		{"one of two encrypted", base("createSecrets: true", "secretValues: {db_name: x, db_user: {secure: AAAB}}"), `
invalid settings; correct them with ` + "`pulumi config set`" + ` or in the stack's file:
  vertex-metadata:secretValues: db_name is not encrypted; set each value with ` + "`pulumi config set --secret --path`"},
		{"octal", base("imageTag: 010"), `
invalid settings; correct them with ` + "`pulumi config set`" + ` or in the stack's file:
  vertex-metadata:imageTag: is written 010 and would be read as 8; quote it`},
		{"encrypted", base("bucket: {secure: AAAB}"), `
invalid settings; correct them with ` + "`pulumi config set`" + ` or in the stack's file:
  vertex-metadata:bucket: is encrypted, and would be stored in the clear: it is no secret; set it without --secret`},
		{"not encrypted", base("createSecrets: true", "secretValues: {db_password: x}"), `
invalid settings; correct them with ` + "`pulumi config set`" + ` or in the stack's file:
  vertex-metadata:secretValues: db_password is not encrypted; set each value with ` + "`pulumi config set --secret --path`"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := planConfig(t, "bad", test.config); err == nil || err.Error() != strings.TrimSpace(test.want) {
				t.Errorf("got  %v\nwant %s", err, strings.TrimSpace(test.want))
			}
		})
	}
}

// What is encrypted and not ours, as gcp:accessToken, is nothing to a plan.
func TestPlanPassesOverSecretsOfOthers(t *testing.T) {
	if _, err := planConfig(t, "fine", strings.Replace(base("imageTag: v1"), "{", "{gcp:accessToken: {secure: AAAB}, ", 1)); err != nil {
		t.Error(err)
	}
}

func TestAbsentStack(t *testing.T) {
	_, err := record("../..", "none", filepath.Join(t.TempDir(), "Pulumi.none.yaml"))
	if err == nil || !strings.HasPrefix(err.Error(), "read stack: Pulumi.none.yaml is absent; there are ") {
		t.Errorf("got %v", err)
	}
}

// Environments are kept by Pulumi's service: what only they can have is named, and planned with a stand-in.
func TestStackWithAnEnvironment(t *testing.T) {
	dir := projectFolder(t)
	file := filepath.Join(dir, "Pulumi.env.yaml")
	must(t, os.WriteFile(file, []byte("environment:\n  - acme/search\nconfig:\n  vertex-metadata:artifactRepository: jobs\n"), 0o600))
	plan, err := record(dir, "env", file)
	must(t, err)
	want := []string{
		"gcp:project: planned with project-of-environment; it is not in the stack's file, so it has to come from the environment acme/search",
		"vertex-metadata:cloudSqlInstance: planned with project-of-environment:asia-northeast1:instance; it is not in the stack's file, so it has to come from the environment acme/search",
	}
	if diff := cmp.Diff(want, plan.missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

// The deployer's token goes to Google's registries and to no other host.
func TestTokenIsForGoogleAlone(t *testing.T) {
	for host, want := range map[string]bool{
		"": true, "asia-docker.pkg.dev": true, "asia-northeast1-docker.pkg.dev": true, "eu.gcr.io": true, "gcr.io": true,
		"127.0.0.1:5000": false, "mirror.example.com": false, "asia-docker.pkg.dev.example.com": false, "notgcr.io": false,
		"evil-gcr.io": false, "evil.gcr.io": false, "evil-docker.pkg.dev:8443": false, "docker.pkg.dev": false, "x.docker.pkg.dev": false,
		"gcr.io.evil.example": false, "evil.us-docker.pkg.dev": false,
	} {
		plan, err := planConfig(t, "test", base("imageRegistry: \""+host+"\""))
		must(t, err)
		registry := ofType(plan, "docker:index/image:Image").Inputs["registry"].(map[string]any)
		if _, got := registry["password"]; got != want {
			t.Errorf("registry %q is given a token: %t, want %t", host, got, want)
		}
	}
}

// The committed JSON is read by programs that do not share these types.
func TestJSONReadsBack(t *testing.T) {
	plan := planOf(t, "seed")
	var text bytes.Buffer
	must(t, plan.writeJSON(&text))
	var back Plan
	must(t, json.Unmarshal(text.Bytes(), &back))
	if got, want := len(back.Resources), len(plan.Resources); got != want {
		t.Errorf("%d resources read back, want %d", got, want)
	}
}

func TestDifference(t *testing.T) {
	before, now := planOf(t, "seed"), planOf(t, "seed")
	if diff := cmp.Diff([]string{"nothing"}, difference(now, before)); diff != "" {
		t.Errorf("two equal plans (-want +got):\n%s", diff)
	}
	find(now, "job-cloudsql.client").Inputs["role"] = "roles/cloudsql.admin"
	ofType(now, "gcp:cloudscheduler/job:Job").Inputs["retryConfig"].(map[string]any)["retryCount"] = 3.0
	find(before, "api-run").URN += "-of-old"
	want := []string{
		"+ gcp:projects/service:Service api-run",
		"~ gcp:projects/iAMMember:IAMMember job-cloudsql.client: role",
		"~ gcp:cloudscheduler/job:Job trigger: retryConfig.retryCount",
		"- gcp:projects/service:Service api-run",
	}
	if diff := cmp.Diff(want, difference(now, before)); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
}

// base is the config of a stack with a few settings more, in YAML's short form.
func base(settings ...string) string {
	text := "{gcp:project: acme-search, vertex-metadata:cloudSqlInstance: app, vertex-metadata:artifactRepository: jobs"
	for _, setting := range settings {
		text += ", vertex-metadata:" + setting
	}
	return text + "}"
}

func planConfig(t *testing.T, stack, config string) (*Plan, error) {
	t.Helper()
	dir := projectFolder(t)
	file := filepath.Join(dir, "Pulumi."+stack+".yaml")
	must(t, os.WriteFile(file, []byte("config: "+config+"\n"), 0o600))
	return record(dir, stack, file)
}

// projectFolder has nothing but Pulumi.yaml.
func projectFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	project, err := os.ReadFile("../../Pulumi.yaml")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), project, 0o600))
	return dir
}

func planOf(t *testing.T, name string) *Plan {
	t.Helper()
	return planFile(t, name, fixture(name))
}

func planFile(t *testing.T, name, file string) *Plan {
	t.Helper()
	plan, err := record("../..", name, file)
	if err != nil {
		t.Fatalf("plan %s: %v", name, err)
	}
	return plan
}

func checkGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(file, got, 0o644))
		return
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date; look at the change, then go test ./plan -update (-kept +now):\n%s", file, diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
