package e2e

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vertexmetadata/sandbox/dataplane"
)

// TestUpgrade takes the state of a stack that the version before deployed, and previews it with this one: nothing is replaced.
func TestUpgrade(t *testing.T) {
	findPulumi(t)
	for name, settings := range map[string]map[string]string{
		"seed": nil,
		"narrow": {
			"iamScope": "resource", "bucket": dataplane.Bucket, "dbPasswordSecret": dataplane.SecretID,
			"monitoring": "true", "alertEmails[0]": "oncall@example.com",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			stack := newStack(t, s, settings)
			stack.must("stack", "import", "--file", unpacked(t, "before."+name+".json.gz"))
			output := stack.must("preview", "--json")
			var preview struct {
				Steps []struct {
					Op  string
					URN string
				}
				ChangeSummary map[string]int
			}
			must(t, json.Unmarshal([]byte(output[strings.Index(output, "{"):]), &preview))
			if preview.ChangeSummary["same"]+preview.ChangeSummary["update"] < 20 {
				t.Errorf("the state was not taken over: %v", preview.ChangeSummary)
			}
			for _, step := range preview.Steps {
				if strings.Contains(step.Op, "replace") {
					t.Errorf("%s: %s", step.Op, step.URN)
				}
			}
		})
	}
}

// unpacked is the path of a file of testdata without its compression.
func unpacked(t *testing.T, name string) string {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", name))
	must(t, err)
	defer func() { must(t, packed.Close()) }()
	reader, err := gzip.NewReader(packed)
	must(t, err)
	content, err := io.ReadAll(reader)
	must(t, err)
	path := filepath.Join(t.TempDir(), strings.TrimSuffix(name, ".gz"))
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

// TestTwoStacks deploys two stacks into one project: with the same names the second is refused with the settings to change, and may
// not adopt the first one's; with names of its own it takes nothing from the first when it goes.
func TestTwoStacks(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := newSystem(t)
	newStack(t, s, nil).must("up", "--yes", "--skip-preview")

	second := newStack(t, s, nil)
	const names = "give this system names of its own with jobName, triggerName, jobAccount and runnerAccount"
	output, err := second.run("up", "--yes", "--skip-preview")
	if err == nil || !strings.Contains(output, "exists already in "+dataplane.Project+": "+names) {
		t.Errorf("up with the names of another stack (%v):\n%s", err, output)
	}
	second.must("config", "set", "adopt", "true")
	output, err = second.run("up", "--yes", "--skip-preview")
	if err == nil || !strings.Contains(output, "is managed by Pulumi already") {
		t.Errorf("adopting what another stack manages (%v):\n%s", err, output)
	}
	second.must("destroy", "--yes", "--skip-preview")
	if err := s.tick(t); err != nil {
		t.Fatalf("run of the first stack's job after the second was refused: %v", err)
	}

	for key, value := range map[string]string{
		"adopt": "false", "jobName": "other-job", "triggerName": "other-trigger", "jobAccount": "other-account", "runnerAccount": "other-runner",
	} {
		second.must("config", "set", key, value)
	}
	second.must("up", "--yes", "--skip-preview")
	s.Control.TakeOwnRoles() // what the agent may do is what was granted to it
	second.must("destroy", "--yes", "--skip-preview")
	if err := s.tick(t); err != nil {
		t.Errorf("run of the first stack's job after the second has gone: %v", err)
	}
	if unknown := s.Control.Unknown(); len(unknown) > 0 {
		t.Errorf("requests that the sandbox does not know: %q", unknown)
	}
}
