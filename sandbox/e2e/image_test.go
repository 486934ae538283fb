package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
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

// TestImage builds the image and looks at what is in it.
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
	pinned := regexp.MustCompile(`(?m)^FROM (--platform=\S+ )?\S+:\S+@sha256:[0-9a-f]{64} AS (go|runtime)$`)
	from := regexp.MustCompile(`(?m)^FROM .*\$\{(GO|RUNTIME)_IMAGE\}( AS \w+)?$`)
	if got := len(pinned.FindAll(text, -1)); got != 2 {
		t.Errorf("%d bases are pinned by tag and digest, want 2", got)
	}
	if all, ours := strings.Count(string(text), "\nFROM "), len(from.FindAll(text, -1)); all != ours+2 {
		t.Errorf("%d of %d stages start from a pinned base", ours+2, all)
	}
	if bytes.Contains(text, []byte("# syntax=")) {
		t.Error("a frontend image is named; the engine's own will do and need not be pulled")
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
