package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// client runs the Docker client: docker, or what the environment variable DOCKER names.
type client struct{ program string }

func engine(t *testing.T) client {
	t.Helper()
	if testing.Short() {
		t.Skip("builds images for the better part of a minute; not with -short")
	}
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
