package e2e

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stamps are the build arguments that say what an image was built from.
var stamps = map[string]string{
	"VERSION": "v1.2.3", "REVISION": "0123456789abcdef0123456789abcdef01234567", "SOURCE": "https://example.com/owner/repository",
	"CREATED": "2026-11-25T10:20:30Z", "SOURCE_DATE_EPOCH": "1795602030",
}

// inspection is what can be known of an image without its digest in a registry.
type inspection struct {
	ID      string `json:"Id"`
	Created string
	Config  struct {
		Cmd, Entrypoint []string
		Labels          map[string]string
	}
	RootFS struct{ Layers []string }
}

// Two clones of one commit, made under different umasks at different times, give the same image, built without any cache.
func TestImageIsReproducible(t *testing.T) {
	docker := engine(t)
	docker.standIns(t)
	first, second := docker.buildStamped(t, clone(t, 0o022)), docker.buildStamped(t, clone(t, 0o002))

	if diff := cmp.Diff(first.RootFS, second.RootFS); diff != "" {
		t.Errorf("layers differ (-umask 022 +umask 002):\n%s", diff)
	}
	if diff := cmp.Diff(first.Config, second.Config); diff != "" {
		t.Errorf("settings differ (-umask 022 +umask 002):\n%s", diff)
	}
	for label, arg := range map[string]string{"version": "VERSION", "revision": "REVISION", "source": "SOURCE", "created": "CREATED"} {
		if got := first.Config.Labels["org.opencontainers.image."+label]; got != stamps[arg] {
			t.Errorf("label %s is %q, want %q", label, got, stamps[arg])
		}
	}
	if diff := cmp.Diff([]string{"sync"}, first.Config.Cmd); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	version := string(docker.output(t, "run", "--rm", "--network=none", image, "--version"))
	if want := "job v1.2.3, revision " + stamps["REVISION"]; !strings.HasPrefix(version, want) {
		t.Errorf("the image's job --version prints %q, want it to begin with %q", version, want)
	}
	if release := docker.release(t); release < 23 {
		t.Skipf("layers and settings are the same; the digest was not compared: Docker %d stamps its own time, SOURCE_DATE_EPOCH needs 23 or later", release)
	}
	if first.ID != second.ID || first.Created != "2026-11-25T10:20:30Z" {
		t.Errorf("images %s and %s differ, created at %s and %s", first.ID, second.ID, first.Created, second.Created)
	}
}

// release is the major version of the engine.
func (c client) release(t *testing.T) int {
	version := string(c.output(t, "version", "--format", "{{.Server.Version}}"))
	major, _, _ := strings.Cut(version, ".")
	number, err := strconv.Atoi(major)
	if err != nil {
		t.Fatalf("read the engine's version %q: %v", version, err)
	}
	return number
}

func (c client) buildStamped(t *testing.T, dir string) inspection {
	t.Helper()
	args := []string{
		"build", "--no-cache", "--network=none", "--platform=linux/amd64", "--tag=" + image,
		"--build-arg=GO_IMAGE=" + goImageNow(t), "--build-arg=RUNTIME_IMAGE=" + runtimeImage,
	}
	for name, value := range stamps {
		args = append(args, "--build-arg="+name+"="+value)
	}
	if out, err := c.command(append(args, dir)...).CombinedOutput(); err != nil {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
	var inspected []inspection
	if err := json.Unmarshal(c.output(t, "image", "inspect", image), &inspected); err != nil {
		t.Fatal(err)
	}
	return inspected[0]
}

// clone copies what an image is built from, with the modes that a checkout under a umask has and the times of now.
func clone(t *testing.T, umask fs.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"Dockerfile", ".dockerignore", "job"} {
		if out, err := exec.Command("cp", "-r", filepath.Join(repository, name), dir).CombinedOutput(); err != nil {
			t.Fatalf("copy %s: %v: %s", name, err, out)
		}
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := 0o666 &^ umask
		if entry.IsDir() {
			mode = 0o777 &^ umask
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
