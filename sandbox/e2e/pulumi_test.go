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

	"vertexmetadata/sandbox/controlplane"
)

// gcpVersion is the provider's version that the program is built for.
const gcpVersion = "8.41.1"

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
	if _, err := exec.LookPath("pulumi-resource-gcp"); err == nil {
		return
	}
	output, err := exec.Command("pulumi", "plugin", "ls", "--json").Output()
	if err != nil || !regexp.MustCompile(`"gcp"[^}]*"`+regexp.QuoteMeta(gcpVersion)+`"`).Match(output) {
		t.Skipf("the gcp provider is not installed: pulumi plugin install resource gcp %s", gcpVersion)
	}
}

// newStack makes a stack of the repository's program, compiled beforehand, with settings over its defaults.
func newStack(t *testing.T, plane *controlplane.Server, address string, settings map[string]string) *pulumiStack {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	must(t, err)
	program := filepath.Join(dir, "program")
	// The flags of the CLI itself, so that what it compiled is not compiled again.
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-w -s", "-o", program, ".")
	build.Dir = filepath.Join(root, "infra")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, output)
	}
	project, err := os.ReadFile(filepath.Join(root, "Pulumi.yaml"))
	must(t, err)
	compiled := regexp.MustCompile(`(?m)^runtime: go$`).ReplaceAllString(string(project), "runtime: {name: go, options: {binary: "+program+"}}")
	compiled = regexp.MustCompile(`(?m)^main: .*$`).ReplaceAllString(compiled, "")
	if strings.Count(compiled, program) != 1 {
		t.Fatal("Pulumi.yaml has no line runtime: go")
	}
	must(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(compiled), 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "state"), 0o755))
	s := &pulumiStack{t: t, dir: dir, name: "test", env: append(
		os.Environ(),
		"PULUMI_BACKEND_URL=file://"+filepath.Join(dir, "state"), "PULUMI_CONFIG_PASSPHRASE=", "PULUMI_SKIP_UPDATE_CHECK=1",
		"PULUMI_GCP_SKIP_REGION_VALIDATION=true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=1",
		// The real credentials of whoever runs the test stay out of it.
		"GOOGLE_APPLICATION_CREDENTIALS=", "GOOGLE_CREDENTIALS=", "GOOGLE_OAUTH_ACCESS_TOKEN=",
	)}
	s.must("stack", "init", s.name)
	config := controlplane.PulumiConfig(address, plane.AdminToken())
	for key, value := range map[string]string{
		"gcp:project": projectID, "gcp:region": region, "cloudSqlInstance": instance, "artifactRepository": repository,
		"image":     region + "-docker.pkg.dev/" + projectID + "/" + repository + "/create-vertex-metadata@sha256:" + strings.Repeat("0", 64),
		"grantWait": "0s", // grants take effect at once here
	} {
		config[key] = value
	}
	for key, value := range settings {
		if strings.Contains(key, "[") {
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

// TestPulumi deploys the program with the real CLI and provider, as its settings stand and with everything on, and takes it down.
func TestPulumi(t *testing.T) {
	findPulumi(t)
	for _, test := range []struct {
		name     string
		settings map[string]string
	}{
		{"as the seed", nil},
		{"narrow grants and monitoring", map[string]string{
			"iamScope": "resource", "bucket": "sandbox-bucket", "dbPasswordSecret": "db_password",
			"monitoring": "true", "alertEmails[0]": "oncall@example.com",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			plane, address := newProject(t)
			before, err := plane.Snapshot()
			must(t, err)
			stack := newStack(t, plane, address, test.settings)
			stack.must("up", "--yes", "--skip-preview")
			if test.settings == nil {
				compareWithSeed(t, plane)
			}
			compareWithPlan(t, plane, stack)
			stack.must("preview", "--expect-no-changes")
			stack.must("preview", "--refresh", "--expect-no-changes")
			fireAndCheck(t, plane, address)
			// What ran is no drift.
			stack.must("preview", "--refresh", "--expect-no-changes")
			stack.must("destroy", "--yes", "--skip-preview")
			checkLeft(t, plane, before)
			if unknown := plane.Unknown(); len(unknown) > 0 {
				t.Errorf("requests that the sandbox does not know: %q", unknown)
			}
		})
	}
}

// TestPulumiDrift takes a secret's grant away behind the stack's back: a run fails with Cloud Run's own words, and the next
// up puts the grant back.
func TestPulumiDrift(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	plane, address := newProject(t)
	stack := newStack(t, plane, address, map[string]string{"paused": "true"})
	stack.must("up", "--yes", "--skip-preview")
	must(t, plane.Revoke("//cloudresourcemanager.googleapis.com/projects/"+projectID, "roles/secretmanager.secretAccessor", jobMember))

	err := runOnce(t, plane, address)
	want := regexp.MustCompile("^Permission denied on secret: projects/" + projectNumber + "/secrets/[a-z_]+/versions/latest for Revision service " +
		"account vertex-metadata-sa@" + projectID + ".iam.gserviceaccount.com. The service account used must be granted the 'Secret Manager " +
		`Secret Accessor' role \(roles/secretmanager.secretAccessor\) at the secret, project or higher level\.$`)
	if err == nil || !want.MatchString(err.Error()) {
		t.Errorf("run without the grant: %v\nwant %s", err, want)
	}
	output, err := stack.run("preview", "--refresh", "--expect-no-changes")
	if err == nil || !strings.Contains(output, "job-secretmanager.secretAccessor") {
		t.Errorf("the drift of the grant was not seen (%v):\n%s", err, output)
	}
	stack.must("up", "--refresh", "--yes", "--skip-preview")
	if err := runOnce(t, plane, address); err != nil {
		t.Errorf("run after the grant is back: %v", err)
	}
}
