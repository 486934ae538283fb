package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/dataplane"
)

// TestPulumiChanges changes a running system as it is changed over the years: narrower grants and another account for the job while its
// trigger fires, a repository that is let go of, everything destroyed, once it is no longer protected, and deployed again. No run fails.
func TestPulumiChanges(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := newSystem(t)
	stack := newStack(t, s, map[string]string{"artifactRepository": "images", "createArtifactRepository": "true", "deletionProtection": "true"})
	stack.must("up", "--yes", "--skip-preview")
	for key, value := range map[string]string{
		"iamScope": "resource", "bucket": dataplane.Bucket, "dbPasswordSecret": dataplane.SecretID,
		"jobAccount": "another-account", "createArtifactRepository": "false",
	} {
		stack.must("config", "set", key, value)
	}
	if runs := stack.upWhileItRuns(s); runs < 10 {
		t.Errorf("the job ran %d times during the update, want a run every second or so", runs)
	}
	snapshot, err := s.Control.Snapshot()
	must(t, err)
	if strings.Contains(string(snapshot), jobMember) {
		t.Errorf("the account that was replaced still has a role:\n%s", snapshot)
	}
	repository := "projects/" + dataplane.Project + "/locations/" + dataplane.Region + "/repositories/images"
	if s.Control.Resource("artifactregistry", repository) == nil {
		t.Error("the repository went when the program no longer declared it, and the job's image with it")
	}
	stack.must("preview", "--refresh", "--expect-no-changes")

	if output, err := stack.run("destroy", "--yes", "--skip-preview"); err == nil || !strings.Contains(output, "protected") {
		t.Errorf("a protected job was destroyed: %v\n%s", err, output)
	}
	kept, err := s.Control.Snapshot()
	must(t, err)
	if diff := cmp.Diff(string(snapshot), string(kept)); diff != "" {
		t.Errorf("a destroy that was refused changed something (-before +after):\n%s", diff)
	}
	stack.must("config", "set", "deletionProtection", "false")
	stack.must("up", "--yes", "--skip-preview")
	stack.must("destroy", "--yes", "--skip-preview")
	stack.must("up", "--yes", "--skip-preview")
	if err := s.tick(t); err != nil {
		t.Errorf("run after all was destroyed and deployed again: %v\n%v", err, s.lastLine(t))
	}
}

// upWhileItRuns lets the trigger fire again and again while Pulumi updates, and answers how often. Every run must succeed.
func (s *pulumiStack) upWhileItRuns(running *system) (runs int) {
	s.t.Helper()
	done := make(chan error)
	go func() {
		output, err := s.run("up", "--yes", "--skip-preview")
		if err != nil {
			s.t.Errorf("%v\n%s", err, output)
		}
		done <- err
	}()
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for {
		select {
		case <-done:
			return runs
		case <-pause.C:
			if err := running.tick(s.t); err != nil {
				s.t.Errorf("run %d during the update: %v\n%v", runs, err, running.lastLine(s.t))
			}
			runs++
		}
	}
}
