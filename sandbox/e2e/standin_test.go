package e2e

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// Base images cannot be pulled where there is no network, so the Dockerfile is built on stand-ins made of this
// machine: a Go image with the toolchain, a shell and the job's modules, and a bare runtime image like distroless.
const (
	goImage      = "vertex-metadata-test/go:"
	runtimeImage = "vertex-metadata-test/runtime:local"
)

// programs are what the Dockerfile runs beside Go.
var programs = []string{"/bin/sh", "/bin/chmod", "/bin/touch"}

// goImageNow tags the Go image by what is in it, so that other modules or another toolchain make another image.
func goImageNow(t *testing.T) string {
	sums, err := os.ReadFile(filepath.Join(repository, "job", "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	of := sha256.Sum256(append(sums, output(t, "go", "version")+strings.Join(programs, " ")...))
	return goImage + hex.EncodeToString(of[:6])
}

// goStandIn streams the file system of the Go image.
func goStandIn(t *testing.T, out *tar.Writer) error {
	root := strings.TrimSpace(output(t, "go", "env", "GOROOT"))
	for _, part := range []string{"bin/go", "pkg/tool", "pkg/include", "src", "lib", "VERSION", "go.env"} {
		if err := addTree(out, filepath.Join(root, part), "usr/local/go/"+part); err != nil {
			return err
		}
	}
	added := map[string]bool{}
	for _, program := range programs {
		for _, file := range withLibraries(t, program) {
			if added[file] {
				continue
			}
			added[file] = true
			if err := addFile(out, file, file); err != nil {
				return err
			}
		}
	}
	if err := addModules(t, out); err != nil {
		return err
	}
	return addDirs(out, "tmp/", "root/", "etc/", "proc/", "dev/", "sys/")
}

// runtimeStandIn streams what distroless/static has that matters here: certificates, a user, and no shell.
func runtimeStandIn(_ *testing.T, out *tar.Writer) error {
	if err := addFile(out, "/etc/ssl/certs/ca-certificates.crt", "etc/ssl/certs/ca-certificates.crt"); err != nil {
		return err
	}
	passwd := "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
	if err := out.WriteHeader(&tar.Header{Name: "etc/passwd", Mode: 0o644, Size: int64(len(passwd))}); err != nil {
		return err
	}
	if _, err := out.Write([]byte(passwd)); err != nil {
		return err
	}
	return addDirs(out, "tmp/", "home/nonroot/")
}

// addModules adds the job's modules as a module proxy in files.
func addModules(t *testing.T, out *tar.Writer) error {
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(repository, "job", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	goIn := func(args ...string) ([]byte, error) {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		return cmd.Output()
	}
	if _, err := goIn("mod", "edit", "-droprequire=vertexmetadata/sandbox", "-dropreplace=vertexmetadata/sandbox"); err != nil {
		return err
	}
	listed, err := goIn("mod", "download", "-json")
	if err != nil {
		t.Skipf("the job's modules can neither be found nor fetched here: %v", err)
	}
	cache := filepath.Join(strings.TrimSpace(output(t, "go", "env", "GOMODCACHE")), "cache", "download")
	for decoder := json.NewDecoder(bytes.NewReader(listed)); decoder.More(); {
		var zip struct{ Zip string }
		if err := decoder.Decode(&zip); err != nil {
			return err
		}
		if err := addModuleFile(out, cache, zip.Zip); err != nil {
			return err
		}
	}
	return addModuleGraph(out, cache, filepath.Join(dir, "go.sum"))
}

// addModuleGraph adds the descriptions of all modules that go.sum knows: go looks at more of them than it builds.
func addModuleGraph(out *tar.Writer, cache, sums string) error {
	text, err := os.ReadFile(sums)
	if err != nil {
		return err
	}
	added := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		path, err := module.EscapePath(fields[0])
		if err != nil {
			return err
		}
		version := strings.TrimSuffix(fields[1], "/go.mod")
		for _, suffix := range []string{".mod", ".info"} {
			file := filepath.Join(cache, path, "@v", version+suffix)
			if _, err := os.Stat(file); err != nil || added[file] {
				continue // what is not in the cache was not needed here either
			}
			added[file] = true
			if err := addModuleFile(out, cache, file); err != nil {
				return err
			}
		}
	}
	return nil
}

func addModuleFile(out *tar.Writer, cache, file string) error {
	name, err := filepath.Rel(cache, file)
	if err != nil {
		return err
	}
	return addFile(out, file, filepath.Join("proxy", name))
}

var libraryPath = regexp.MustCompile(`/\S+\.so\S*`)

// withLibraries lists a program and the shared libraries it is loaded with.
func withLibraries(t *testing.T, program string) []string {
	return append([]string{program}, libraryPath.FindAllString(output(t, "ldd", program), -1)...)
}

func addTree(out *tar.Writer, from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return addFile(out, path, filepath.Join(to, name))
	})
}

func addDirs(out *tar.Writer, names ...string) error {
	for _, name := range names {
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o1777}); err != nil {
			return err
		}
	}
	return nil
}

// addFile adds a file, or what a link leads to.
func addFile(out *tar.Writer, from, to string) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := out.WriteHeader(&tar.Header{Name: strings.TrimPrefix(to, "/"), Mode: int64(info.Mode().Perm()), Size: info.Size()}); err != nil {
		return fmt.Errorf("add %s: %w", to, err)
	}
	_, err = io.Copy(out, file)
	return err
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}
