package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/dataplane"
)

// checkPreviewOnlyReads previews a change as an account without any role, which is what a pull request gets: it sees the change, and
// neither the cloud nor the state is touched.
func checkPreviewOnlyReads(t *testing.T, s *system, stack *pulumiStack) {
	t.Helper()
	cloud, err := s.Control.Snapshot()
	must(t, err)
	state := files(t, filepath.Join(stack.dir, "state"))

	stack.must("config", "set", "--plaintext", "gcp:accessToken", s.Control.Token("serviceAccount:previewer@"+dataplane.Project+".iam.gserviceaccount.com"))
	stack.must("config", "set", "tasks", "2")
	output := stack.must("preview")
	if _, summary, _ := strings.Cut(output, "Resources:"); !strings.Contains(summary, "~ 1 to update") || strings.Contains(summary, "to create") {
		t.Errorf("the preview does not show that one resource changes:\n%s", output)
	}
	stack.must("config", "rm", "tasks")
	stack.must("config", "set", "--plaintext", "gcp:accessToken", s.Control.AdminToken())

	after, err := s.Control.Snapshot()
	must(t, err)
	if diff := cmp.Diff(string(cloud), string(after)); diff != "" {
		t.Errorf("the preview changed the cloud (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(state, files(t, filepath.Join(stack.dir, "state"))); diff != "" {
		t.Errorf("the preview wrote to the state (-before +after):\n%s", diff)
	}
}

// files are the contents of a folder's files by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		contents[path] = string(content)
		return err
	}))
	return contents
}
