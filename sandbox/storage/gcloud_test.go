package storage_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The real gcloud is a client that we did not write: it uploads in one resumable request or in parts that it composes,
// compares checksums, and asks for metadata in its own way.
func TestGcloud(t *testing.T) {
	if testing.Short() {
		t.Skip("runs gcloud for some ten seconds; not with -short")
	}
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("gcloud is not installed: https://cloud.google.com/sdk/docs/install")
	}
	s := start(t)
	dir := t.TempDir()
	t.Setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", s.Endpoint())
	t.Setenv("CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "true")
	t.Setenv("CLOUDSDK_CONFIG", filepath.Join(dir, "config"))
	t.Setenv("CLOUDSDK_CORE_PROJECT", "p")
	gcloud := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("gcloud", append([]string{"storage", "--quiet"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("gcloud storage %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	file, back, object := filepath.Join(dir, "file"), filepath.Join(dir, "back"), "gs://"+bucket+"/dir/o"
	data := random(12 << 20)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, threshold := range []string{"0", "4Mi"} { // one upload; parts
		t.Setenv("CLOUDSDK_STORAGE_PARALLEL_COMPOSITE_UPLOAD_ENABLED", "True")
		t.Setenv("CLOUDSDK_STORAGE_PARALLEL_COMPOSITE_UPLOAD_THRESHOLD", threshold)
		gcloud("cp", file, object)
		gcloud("cp", object, back)
		if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, data) {
			t.Errorf("threshold %s: %d bytes came back, %v; want the %d sent", threshold, len(got), err, len(data))
		}
	}
	if got := gcloud("ls", "gs://"+bucket+"/**"); got != object+"\n" {
		t.Errorf("ls printed %q", got)
	}
	gcloud("rm", object)
	if left := s.List(bucket, ""); len(left) != 0 {
		t.Errorf("rm left %v", left)
	}
}
