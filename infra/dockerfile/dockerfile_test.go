// Package dockerfile proves the image of the job with a real engine. It holds nothing but tests; they are skipped,
// with the reason, where no engine runs.
package dockerfile

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repository is the folder of the Dockerfile.
const repository = "../.."

// image is the tag under which the tests build.
const image = "vertex-metadata-test/job:local"

func TestImage(t *testing.T) {
	docker := engine(t)
	docker.standIns(t)
	docker.build(t, repository)

	t.Run("settings", func(t *testing.T) {
		var inspected []struct {
			Os, Architecture string
			Config           struct {
				User       string
				Entrypoint []string
				Labels     map[string]string
			}
		}
		if err := json.Unmarshal(docker.output(t, "image", "inspect", image), &inspected); err != nil {
			t.Fatal(err)
		}
		got := inspected[0]
		if got.Os+"/"+got.Architecture != "linux/amd64" || got.Config.User != "65532:65532" {
			t.Errorf("image for %s/%s runs as %q, want linux/amd64 and 65532:65532", got.Os, got.Architecture, got.Config.User)
		}
		if diff := cmp.Diff([]string{"/job"}, got.Config.Entrypoint); diff != "" {
			t.Errorf("entrypoint (-want +got):\n%s", diff)
		}
		for _, label := range []string{"title", "description", "licenses"} {
			if got.Config.Labels["org.opencontainers.image."+label] == "" {
				t.Errorf("label org.opencontainers.image.%s is missing", label)
			}
		}
	})
	t.Run("files", func(t *testing.T) {
		files := docker.files(t)
		if files["etc/ssl/certs/ca-certificates.crt"] == nil {
			t.Error("no CA certificates: the job could not reach Google")
		}
		for _, shell := range []string{"bin/sh", "bin/bash", "bin/busybox", "usr/bin/sh"} {
			if files[shell] != nil {
				t.Errorf("/%s is a shell", shell)
			}
		}
		binary, err := elf.NewFile(bytes.NewReader(files["job"]))
		if err != nil {
			t.Fatalf("read /job: %v", err)
		}
		if binary.Machine != elf.EM_X86_64 || binary.Section(".interp") != nil || binary.Section(".symtab") != nil {
			t.Errorf("/job is %s, dynamic %t, with symbols %t; want a static, stripped amd64 binary",
				binary.Machine, binary.Section(".interp") != nil, binary.Section(".symtab") != nil)
		}
	})
	t.Run("starts and says what it lacks", func(t *testing.T) {
		out, err := docker.command("run", "--rm", "--network=none", "--read-only", image).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !bytes.Contains(out, []byte("DATA_STORE_ID")) {
			t.Errorf("without settings: %v, want exit 2 and the missing variables named:\n%s", err, out)
		}
	})
}

// Only what goes into the binary may invalidate the image: a changed test, document or other module may not.
func TestOnlyTheJobInvalidatesTheImage(t *testing.T) {
	docker := engine(t)
	docker.standIns(t)
	dir := t.TempDir()
	if out, err := exec.Command("cp", "-r", filepath.Join(repository, "Dockerfile"), filepath.Join(repository, ".dockerignore"), filepath.Join(repository, "job"), dir).CombinedOutput(); err != nil {
		t.Fatalf("copy context: %v: %s", err, out)
	}
	id := func() string {
		docker.build(t, dir)
		return strings.TrimSpace(string(docker.output(t, "image", "inspect", "-f", "{{.Id}}", image)))
	}
	before := id()
	for _, name := range []string{"README.md", "infra/stack/config.go", "job/new_test.go", "job/internal/source/testdata/new.json"} {
		write(t, filepath.Join(dir, name), "package main\n")
	}
	if after := id(); after != before {
		t.Errorf("tests and documents changed the image from %s to %s", before, after)
	}
	write(t, filepath.Join(dir, "job/zz_more.go"), "package main\n\nfunc init() { println(\"changed\") }\n")
	if after := id(); after == before {
		t.Error("a change of the job's code did not change the image")
	}
}

// Every base is pinned by digest, and nothing else is pulled: no frontend, no further stage.
func TestBasesArePinned(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`(?m)^ARG (GO|RUNTIME)_IMAGE=\S+:\S+@sha256:[0-9a-f]{64}$`)
	from := regexp.MustCompile(`(?m)^FROM .*\$\{(GO|RUNTIME)_IMAGE\}( AS \w+)?$`)
	if got := len(pinned.FindAll(text, -1)); got != 2 {
		t.Errorf("%d bases are pinned by tag and digest, want 2", got)
	}
	if all, ours := strings.Count(string(text), "\nFROM "), len(from.FindAll(text, -1)); all != ours {
		t.Errorf("%d of %d stages start from a pinned base", ours, all)
	}
	if bytes.Contains(text, []byte("# syntax=")) {
		t.Error("a frontend image is named; the engine's own will do and need not be pulled")
	}
}

// client runs the Docker client: docker, or what the environment variable DOCKER names.
type client struct{ program string }

func engine(t *testing.T) client {
	t.Helper()
	docker := client{os.Getenv("DOCKER")}
	if docker.program == "" {
		docker.program = "docker"
	}
	if out, err := docker.command("version").CombinedOutput(); err != nil {
		t.Skipf("no Docker engine answers (%v): %s", err, out)
	}
	if out, err := docker.command("build", "--help").CombinedOutput(); err != nil {
		t.Skipf("this Docker client cannot build with BuildKit (%v): %s", err, out)
	}
	return docker
}

func (c client) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.program, args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1")
	return cmd
}

func (c client) output(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := c.command(args...).Output()
	if err != nil {
		t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// build builds the image without a network, for linux/amd64.
func (c client) build(t *testing.T, dir string) {
	t.Helper()
	out, err := c.command("build", "--network=none", "--platform=linux/amd64", "--tag="+image,
		"--build-arg=GO_IMAGE="+goImageNow(t), "--build-arg=RUNTIME_IMAGE="+runtimeImage, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
}

// standIns imports the base images, once for an engine.
func (c client) standIns(t *testing.T) {
	t.Helper()
	for name, stream := range map[string]func(*testing.T, *tar.Writer) error{goImageNow(t): goStandIn, runtimeImage: runtimeStandIn} {
		if c.command("image", "inspect", name).Run() == nil {
			continue
		}
		cmd := c.command("import", "--platform=linux/amd64", "--change=ENV PATH=/usr/local/go/bin:/bin GOPROXY=file:///proxy GOSUMDB=off", "-", name)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		archive := tar.NewWriter(in)
		if err := errors.Join(stream(t, archive), archive.Close(), in.Close(), cmd.Wait()); err != nil {
			t.Fatalf("import %s: %v", name, err)
		}
	}
}

// files reads the file system of the image.
func (c client) files(t *testing.T) map[string][]byte {
	t.Helper()
	container := strings.TrimSpace(string(c.output(t, "create", image)))
	defer c.output(t, "rm", container)
	archive := tar.NewReader(bytes.NewReader(c.output(t, "export", container)))
	files := map[string][]byte{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
