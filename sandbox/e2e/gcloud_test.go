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

	"vertexmetadata/sandbox/controlplane/api"
	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/project"
	"vertexmetadata/sandbox/sample"
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
	s := newSystem(t)
	plane := s.Control
	runSeed(t, s)
	executions := plane.Executions(jobName)
	if len(executions) != 1 {
		t.Fatalf("the seed's commands ran %d executions, want 1", len(executions))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	failure, err := plane.WaitExecution(ctx, executions[0])
	must(t, err)
	// The seed forgot the grant on the data store: its run gets as far as that.
	checkLog(t, s, failure, "grant roles/discoveryengine.editor on project "+dataplane.Project)
	snapshot, err := plane.Snapshot()
	must(t, err)
	golden(t, "seed.golden.json", snapshot)
	must(t, plane.Grant(projectName, "roles/discoveryengine.editor", jobMember))
	if err := s.tick(t); err != nil || s.Data.DataStore.Len() != sample.Documents() {
		t.Errorf("run of the seed's job with the grant: %v, %d documents, want %d", err, s.Data.DataStore.Len(), sample.Documents())
	}
	if unknown := plane.Unknown(); len(unknown) > 0 {
		t.Errorf("requests that the sandbox does not know: %q", unknown)
	}
}

// runSeed runs the commands as somebody does who follows the document, and answers what they printed. The document updates its
// trigger: the first time that fails, for there is none, and its reader creates it.
func runSeed(t *testing.T, s *system) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "seed.sh"))
	must(t, err)
	commands := strings.NewReplacer(
		"<PROJECT_ID>", dataplane.Project, "<PROJECT_NUMBER>", dataplane.ProjectNumber, "<ARTIFACT_REPO>", project.Repository, "<CLOUD_SQL_INSTANCE>", dataplane.Instance,
	).Replace(string(script))
	trigger := commands[strings.Index(commands, "gcloud scheduler jobs update"):]
	commands = strings.TrimSuffix(commands, trigger) +
		"if " + strings.TrimSpace(trigger) + "; then echo 'update of no trigger succeeded'; exit 1; fi\n" +
		strings.Replace(trigger, " update ", " create ", 1) + trigger
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	cmd.Env = api.GcloudEnv(s.Address, s.Control.AdminToken(), t.TempDir())
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
