package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vertexmetadata/sandbox/controlplane/api"
	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/project"
)

// The versions of the providers that the program is built for.
const (
	gcpVersion    = "8.41.1"
	dockerVersion = "4.10.0"
)

// pulumiStack is a stack of the real program, run by the real CLI and provider against a control plane.
type pulumiStack struct {
	t    *testing.T
	dir  string
	env  []string
	name string
}

// findPulumi skips the test where the CLI or the provider is missing.
func findPulumi(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Pulumi for the better part of a minute; not with -short")
	}
	if _, err := exec.LookPath("pulumi"); err != nil {
		t.Skip("the Pulumi CLI is not installed: https://www.pulumi.com/docs/install/")
	}
	findProvider(t, "gcp", gcpVersion)
}

// findProvider skips the test where a provider is neither on the PATH nor among the CLI's plugins.
func findProvider(t *testing.T, name, version string) {
	t.Helper()
	if _, err := exec.LookPath("pulumi-resource-" + name); err == nil {
		return
	}
	output, err := exec.Command("pulumi", "plugin", "ls", "--json").Output()
	if err != nil || !regexp.MustCompile(`"`+name+`"[^}]*"`+regexp.QuoteMeta(version)+`"`).Match(output) {
		t.Skipf("the %s provider is not installed: pulumi plugin install resource %s %s", name, name, version)
	}
}

// newStack makes a stack of the repository's program, compiled beforehand, with settings over its defaults.
func newStack(t *testing.T, system *system, settings map[string]string) *pulumiStack {
	t.Helper()
	dir := t.TempDir()
	manifest, err := os.ReadFile(filepath.Join(repository, "Pulumi.yaml"))
	must(t, err)
	compiled := regexp.MustCompile(`(?m)^runtime: go$`).ReplaceAllString(string(manifest), "runtime: {name: go, options: {binary: "+programBinary(t)+"}}")
	if compiled == string(manifest) {
		t.Fatal("Pulumi.yaml has no line runtime: go")
	}
	must(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(compiled), 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "infra"), 0o755)) // where the program runs
	must(t, os.Mkdir(filepath.Join(dir, "state"), 0o755))
	s := &pulumiStack{t: t, dir: dir, name: "test", env: append(
		os.Environ(),
		"PULUMI_BACKEND_URL=file://"+filepath.Join(dir, "state"), "PULUMI_CONFIG_PASSPHRASE=", "PULUMI_SKIP_UPDATE_CHECK=1",
		"PULUMI_GCP_SKIP_REGION_VALIDATION=true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=1",
		// The credentials of the person who runs the test stay out of it.
		"GOOGLE_APPLICATION_CREDENTIALS=", "GOOGLE_CREDENTIALS=", "GOOGLE_OAUTH_ACCESS_TOKEN=",
	)}
	s.must("stack", "init", s.name)
	config := api.PulumiConfig(system.Address, system.Control.AdminToken())
	for key, value := range map[string]string{
		"gcp:project": dataplane.Project, "gcp:region": dataplane.Region, "cloudSqlInstance": dataplane.Instance, "artifactRepository": project.Repository,
		"image": dataplane.Region + "-docker.pkg.dev/" + dataplane.Project + "/" + project.Repository + "/create-vertex-metadata@sha256:" +
			strings.Repeat("0", 64),
	} {
		config[key] = value
	}
	for key, value := range settings {
		if strings.ContainsAny(key, "[.") {
			s.must("config", "set", "--path", key, value)
			continue
		}
		config[key] = value
	}
	args := []string{"config", "set-all"}
	for key, value := range config {
		args = append(args, "--plaintext", key+"="+value)
	}
	s.must(args...)
	return s
}

var program built

// programBinary compiles the Pulumi program once, with the flags of the CLI itself, so that what it compiled is not compiled again.
func programBinary(t *testing.T) string {
	t.Helper()
	return program.build(t, "infra", "-trimpath", "-ldflags", "-w -s")
}

// run runs the CLI and answers what it printed.
func (s *pulumiStack) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "pulumi", append(args, "--non-interactive", "--stack", s.name)...)
	if args[0] == "stack" {
		cmd = exec.CommandContext(ctx, "pulumi", append(args, "--non-interactive")...)
	}
	cmd.Dir, cmd.Env = s.dir, s.env
	output, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("pulumi %s: %w", args[0], err)
	}
	return string(output), err
}

func (s *pulumiStack) must(args ...string) string {
	s.t.Helper()
	output, err := s.run(args...)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, output)
	}
	return output
}

// TestPulumi deploys the program with the real CLI and provider, as its settings stand and with everything on, lets its trigger
// fire, and takes it down.
func TestPulumi(t *testing.T) {
	findPulumi(t)
	for _, test := range []struct {
		name     string
		settings map[string]string
	}{
		{"as the seed", nil},
		{"narrow grants and monitoring", map[string]string{
			"iamScope": "resource", "bucket": dataplane.Bucket, "dbPasswordSecret": dataplane.SecretID,
			"monitoring": "true", "alertEmails[0]": "oncall@example.com",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			before, err := s.Control.Snapshot()
			must(t, err)
			stack := newStack(t, s, test.settings)
			stack.must("up", "--yes", "--skip-preview")
			if test.settings == nil {
				compareWithSeed(t, s.Control)
			}
			compareWithPlan(t, s.Control, stack)
			stack.must("preview", "--expect-no-changes")
			stack.must("preview", "--refresh", "--expect-no-changes")
			checkPreviewOnlyReads(t, s, stack)
			checkSyncs(t, s)
			// What ran is no drift.
			stack.must("preview", "--refresh", "--expect-no-changes")
			stack.must("destroy", "--yes", "--skip-preview")
			checkLeft(t, s.Control, before)
			if unknown := s.Control.Unknown(); len(unknown) > 0 {
				t.Errorf("requests that the sandbox does not know: %q", unknown)
			}
		})
	}
}

// TestPulumiGrants takes grants away behind the program's back: runs fail and say what is missing, the drift is seen, and the next up
// puts it right.
func TestPulumiGrants(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := newSystem(t)
	stack := newStack(t, s, nil)
	stack.must("up", "--yes", "--skip-preview")
	must(t, s.Control.Revoke(projectName, "roles/discoveryengine.editor", jobMember))
	checkFails(t, s, "grant roles/discoveryengine.editor on project "+dataplane.Project)
	must(t, s.Control.Revoke(projectName, "roles/secretmanager.secretAccessor", jobMember))
	if err := s.tick(t); err == nil || !strings.HasPrefix(err.Error(), "Permission denied on secret: ") {
		t.Errorf("run without access to the secrets: %v", err)
	}
	output, err := stack.run("preview", "--refresh", "--expect-no-changes")
	if err == nil || !strings.Contains(output, "job-secretmanager.secretAccessor") {
		t.Errorf("the drift of the grant was not seen (%v):\n%s", err, output)
	}
	stack.must("up", "--refresh", "--yes", "--skip-preview")
	if err := s.tick(t); err != nil {
		t.Errorf("run after the grants are back: %v", err)
	}
}

// TestAdopt takes over, with adopt, what the seed's commands made by hand: nothing of it is changed or made anew.
func TestAdopt(t *testing.T) {
	findPulumi(t)
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("gcloud is not installed: https://cloud.google.com/sdk/docs/install")
	}
	t.Parallel()
	s := newSystem(t)
	runSeed(t, s)
	before, err := s.Control.Snapshot()
	must(t, err)
	stack := newStack(t, s, map[string]string{"adopt": "true"})
	stack.must("up", "--yes", "--skip-preview")
	after, err := s.Control.Snapshot()
	must(t, err)
	had, has := flatten(t, before), flatten(t, after)
	for path, value := range had {
		if got, ok := has[path]; !ok || got != value {
			t.Errorf("taking over changed %s from %q to %q", path, value, got)
		}
	}
	stack.must("preview", "--refresh", "--expect-no-changes")

	// With adopt off again the job becomes what the settings say, and nothing else is touched.
	stack.must("config", "set", "adopt", "false")
	output := stack.must("up", "--yes", "--skip-preview")
	if _, done, _ := strings.Cut(output, "Resources:"); !strings.HasPrefix(strings.TrimSpace(done), "~ 1 updated\n    23 unchanged\n") {
		t.Errorf("the up after taking over did more than update the job:\n%s", output)
	}
	stack.must("preview", "--refresh", "--expect-no-changes")
	if err := s.tick(t); err != nil {
		t.Errorf("run of the job that was taken over: %v\n%v", err, s.lastLine(t))
	}
	if unknown := s.Control.Unknown(); len(unknown) > 0 {
		t.Errorf("requests that the sandbox does not know: %q", unknown)
	}
}
