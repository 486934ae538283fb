package e2e

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane"
)

var update = flag.Bool("update", false, "write the golden files")

// TestSeedCommands runs the seed document's own commands with the real gcloud and compares what they leave with the golden file.
func TestSeedCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("runs gcloud for some twenty seconds; not with -short")
	}
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("gcloud is not installed: https://cloud.google.com/sdk/docs/install")
	}
	plane, address := newProject(t)
	output := runSeed(t, plane, address)

	executions := plane.Executions(jobName)
	if len(executions) != 1 {
		t.Fatalf("the seed's commands ran %d executions, want 1", len(executions))
	}
	name := executions[0][strings.LastIndex(executions[0], "/")+1:]
	if want := "synced posts in " + name; !strings.Contains(output, want) {
		t.Errorf("gcloud logging read printed no %q; all output:\n%s", want, output)
	}
	snapshot, err := plane.Snapshot()
	must(t, err)
	golden(t, "seed.golden.json", snapshot)
	if unknown := plane.Unknown(); len(unknown) > 0 {
		t.Errorf("requests that the sandbox does not know: %q", unknown)
	}
}

// runSeed runs the commands as somebody does who follows the document, and answers what they printed. The document updates its
// trigger: the first time that fails, for there is none, and its reader creates it.
func runSeed(t *testing.T, plane *controlplane.Server, address string) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "seed.sh"))
	must(t, err)
	commands := strings.NewReplacer(
		"<PROJECT_ID>", projectID, "<PROJECT_NUMBER>", projectNumber, "<ARTIFACT_REPO>", repository, "<CLOUD_SQL_INSTANCE>", instance,
	).Replace(string(script))
	trigger := commands[strings.Index(commands, "gcloud scheduler jobs update"):]
	commands = strings.TrimSuffix(commands, trigger) +
		"if " + strings.TrimSpace(trigger) + "; then echo 'update of no trigger succeeded'; exit 1; fi\n" +
		strings.Replace(trigger, " update ", " create ", 1) + trigger
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	cmd.Env = controlplane.GcloudEnv(address, plane.AdminToken(), t.TempDir())
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("run the seed's commands: %v\n%s", err, output)
	}
	return string(output)
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), written anew with -update:\n%s", path, diff)
	}
}
