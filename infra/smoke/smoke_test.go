package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pulumi = `case "$*" in
version) echo v3.250.0;;
"stack output runCommand"*) echo "gcloud run jobs execute smoke-test --wait";;
"stack output image"*) echo host/image@sha256:1;;
up*) cat Pulumi.smoke-test.yaml;;
esac`

// stage is a folder with a stack file, and with stand-ins for the programs that are called.
func stage(t *testing.T, pulumi, gcloud string) (calls func() []string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, script := range map[string]string{"pulumi": pulumi, "gcloud": gcloud, "git": "echo v1.2.3"} {
		text := "#!/bin/sh\necho \"" + name + " $*\" >> calls\n" + script + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	settings := "secretsprovider: gcpkms://x\nencryptedkey: y\nconfig:\n  gcp:project: acme-dev\n  vertex-metadata:jobName: other\n" +
		"  vertex-metadata:deletionProtection: true\n  vertex-metadata:cpu: 2000m\n"
	if err := os.WriteFile("Pulumi.mine.yaml", []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	return func() []string {
		text, err := os.ReadFile("calls")
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// recordOf reads the record and takes out what differs from run to run.
func recordOf(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("smoke-*.md")
	if err != nil || len(files) != 1 {
		t.Fatalf("records %v, %v, want one", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`of \d{4}-\d\d-\d\d \d\d:\d\d UTC`).ReplaceAll(text, []byte("of NOW"))
	return string(regexp.MustCompile(`\| \d+ \|`).ReplaceAll(text, []byte("| N |")))
}

func TestSmoke(t *testing.T) {
	calls := stage(t, pulumi, "")
	if err := run(t.Context(), []string{"-project", "example-real", "-settings", "Pulumi.mine.yaml", "-name", "smoke-test", "-search", "red"}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"pulumi version", "gcloud version", "git describe --always --dirty",
		"pulumi stack init smoke-test",
		"pulumi up --yes --skip-preview --non-interactive --suppress-progress --stack smoke-test",
		"pulumi stack output runCommand --stack smoke-test",
		"pulumi stack output image --stack smoke-test",
		"gcloud run jobs execute smoke-test --wait --args=check",
		"gcloud run jobs execute smoke-test --wait",
		"gcloud run jobs execute smoke-test --wait",
		"gcloud run jobs execute smoke-test --wait --args=search,red",
		"pulumi preview --refresh --expect-no-changes --diff --non-interactive --suppress-progress --stack smoke-test",
		"pulumi destroy --yes --skip-preview --non-interactive --suppress-progress --stack smoke-test",
		"pulumi stack rm --yes smoke-test",
	}
	if diff := cmp.Diff(want, calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	wantRecord := "# Smoke test of NOW: passed\n\nproject `example-real`, settings of `Pulumi.mine.yaml`\n\n- pulumi: `v3.250.0`\n- gcloud: `unknown`\n" +
		"- revision: `v1.2.3`\n- image: `host/image@sha256:1`\n\n| step | outcome | seconds |\n|---|---|---|\n| create the stack | ok | N |\n| deploy | ok | N |\n" +
		"| check every dependency | ok | N |\n| sync | ok | N |\n| sync again, with nothing to do | ok | N |\n| search | ok | N |\n" +
		"| compare with the cloud | ok | N |\n| destroy | ok | N |\n| remove the stack | ok | N |\n"
	if diff := cmp.Diff(wantRecord, recordOf(t)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if _, err := os.Stat("Pulumi.smoke-test.yaml"); !os.IsNotExist(err) {
		t.Errorf("the stack's file is left behind: %v", err)
	}
}

// Whatever fails, what was deployed is destroyed, and the record says what it was.
func TestSmokeCleansUp(t *testing.T) {
	for _, c := range []struct {
		name, pulumi, gcloud string
		want                 []string // in the error
		destroyed            bool
	}{
		{"no stack", `case "$1 $2" in "stack init") echo "no access"; exit 255;; esac`, "", []string{"create the stack: pulumi: exit status 255"}, false},
		{"deploy fails", `case "$1" in up) echo "409"; exit 1;; esac`, "", []string{"deploy: pulumi: exit status 1"}, true},
		{"no output", "", "", []string{"read output runCommand: the stack has none"}, true},
		{"check fails", pulumi, `case "$*" in *check) echo "DB_USER may not connect"; exit 1;; esac`, []string{"check every dependency: gcloud: exit status 1"}, true},
		{"drift", pulumi + "\n" + `case "$1" in preview) exit 1;; esac`, "", []string{"compare with the cloud: pulumi: exit status 1"}, true},
		{"destroy fails", pulumi + "\n" + `case "$1" in destroy) exit 1;; esac`, "", []string{"destroy: pulumi: exit status 1; what is left in the project is in the stack: pulumi destroy --stack smoke-test"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := stage(t, c.pulumi, c.gcloud)
			err := run(t.Context(), []string{"-project", "example-real", "-settings", "Pulumi.mine.yaml", "-name", "smoke-test"})
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
			}
			if got := strings.Contains(strings.Join(calls(), "\n"), "pulumi destroy"); got != c.destroyed {
				t.Errorf("destroyed: %t, want %t", got, c.destroyed)
			}
			if _, err := os.Stat("Pulumi.smoke-test.yaml"); (c.name == "destroy fails") != (err == nil) {
				t.Errorf("the stack's file: %v", err)
			}
			if text := recordOf(t); !strings.HasPrefix(text, "# Smoke test of NOW: failed\n") || !strings.Contains(text, c.want[0]) {
				t.Errorf("record:\n%s", text)
			}
		})
	}
}

func TestStackFile(t *testing.T) {
	stage(t, "", "")
	path, err := stackFile("Pulumi.mine.yaml", "example-real", "smoke-test")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `config:
    gcp:project: example-real
    vertex-metadata:adopt: false
    vertex-metadata:alertEmails: []
    vertex-metadata:cpu: 2000m
    vertex-metadata:deletionProtection: false
    vertex-metadata:jobAccount: smoke-test-job
    vertex-metadata:jobName: smoke-test
    vertex-metadata:paused: true
    vertex-metadata:runnerAccount: smoke-test-run
    vertex-metadata:triggerName: smoke-test
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("stack file (-want +got):\n%s", diff)
	}
	write := func(text string) {
		if err := os.WriteFile("Pulumi.mine.yaml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(`config:
  vertex-metadata:createBucket: true
  vertex-metadata:createDataStore: true
  vertex-metadata:createSearchApp: true
  vertex-metadata:searchApp: theirs
  vertex-metadata:createSecrets: true
  vertex-metadata:secretValues: {db_password: {secure: AAA}}
  vertex-metadata:syncs: [{name: posts, dataStore: posts, dataStoreContent: none}]
`)
	if path, err = stackFile("Pulumi.mine.yaml", "example-real", "smoke-uses"); err != nil {
		t.Fatal(err)
	}
	if got, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	want = strings.NewReplacer("smoke-test", "smoke-uses", "    vertex-metadata:cpu: 2000m\n", "    vertex-metadata:createSearchApp: true\n").Replace(want)
	want = strings.Replace(want, "    vertex-metadata:triggerName", "    vertex-metadata:syncs:\n        - dataStore: posts\n          name: posts\n    vertex-metadata:triggerName", 1)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("stack file that uses what another stack made (-want +got):\n%s", diff)
	}
	for _, c := range []struct{ content, name, want string }{
		{"config:\n  vertex-metadata:databaseAuth: iam", "smoke-e", "the account of a trial has no grants in the database"},
		{"config: {}", "smoke-test", "Pulumi.smoke-test.yaml exists already; it may be of a stack that still runs"},
		{"config: {}", "Smoke", `-name "Smoke" is not 5 to 22 small letters, digits and hyphens`},
		{"config: [1]", "smoke-b", "read settings Pulumi.mine.yaml: "},
		{"config:\n  vertex-metadata:bucket: {secure: AAA}", "smoke-c", "vertex-metadata:bucket is encrypted for its own stack"},
	} {
		write(c.content)
		if _, err := stackFile("Pulumi.mine.yaml", "example-real", c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.content, err, c.want)
		}
	}
	if _, err := stackFile("Pulumi.none.yaml", "example-real", "smoke-d"); err == nil || !strings.Contains(err.Error(), "name a stack file with -settings") {
		t.Errorf("no settings: %v", err)
	}
}

func TestProjectIsNeeded(t *testing.T) {
	stage(t, "", "")
	if err := run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "make smoke PROJECT=MY-PROJECT") {
		t.Errorf("got %v, want the project asked for", err)
	}
}
