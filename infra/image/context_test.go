// What needs a Docker engine is tested in sandbox/e2e.
package image

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// top is the folder of the Dockerfile.
const top = "../.."

var update = flag.Bool("update", false, "write .dockerignore anew")

// The engine of Debian 12 enters no folder that a pattern with ** lets in, so every package is named.
const (
	ignoreHead = `# Only what the job is compiled from reaches the build: no secret, key or binary that happens to lie in the folder, and nothing
# else can invalidate the image. After a new package: cd infra && go test ./image -update
*
!job/go.mod
!job/go.sum
`
	ignoreTail = `job/**/*_test.go
`
)

// .dockerignore lets in the packages of the job and what they embed, by name.
func TestContextIsListed(t *testing.T) {
	want := ignoreHead
	for _, p := range packages(t) {
		want += "!" + path.Join("job", p.folder, "*.go") + "\n"
		for _, file := range p.EmbedFiles {
			want += "!" + path.Join("job", p.folder, file) + "\n"
		}
	}
	want += ignoreTail
	file := filepath.Join(top, ".dockerignore")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf(".dockerignore is out of date; run go test ./image -update in infra (-want +got):\n%s", diff)
	}
}

// Every file that the build reads reaches it, and nothing else does.
func TestContextIsComplete(t *testing.T) {
	ignored := matcher(t)
	needed := []string{"job/go.mod", "job/go.sum"}
	for _, p := range packages(t) {
		for _, file := range slices.Concat(p.GoFiles, p.IgnoredGoFiles, p.EmbedFiles) {
			needed = append(needed, path.Join("job", p.folder, file))
		}
	}
	var sent []string
	err := filepath.WalkDir(filepath.Join(top, "job"), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(top, file)
		if err == nil && !ignored(t, filepath.ToSlash(name)) {
			sent = append(sent, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(needed)
	slices.Sort(sent)
	if diff := cmp.Diff(needed, sent); diff != "" {
		t.Errorf("files of the build's context (-needed +sent):\n%s", diff)
	}
}

func TestContextLeavesOut(t *testing.T) {
	ignored := matcher(t)
	for _, name := range []string{
		".env", ".git/config", "Pulumi.theirs.yaml", "README.md", "bin/job", "go.work", "infra/main.go", "sandbox/main.go",
		"job/.env", "job/job", "job/key.json", "job/id_rsa", "job/query.sql", "job/main.go.orig", "job/main_test.go",
		"job/.git/config", "job/secrets/main.go", "job/internal/.env", "job/internal/config/.env", "job/internal/config/key.pem",
		"job/internal/config/config_test.go", "job/internal/config/testdata/a.go", "job/testdata/a.go", "job/internal/stray.go",
	} {
		if !ignored(t, name) {
			t.Errorf("%s would be sent to the builder", name)
		}
	}
}

// pkg is a package of the job, as go list describes it.
type pkg struct {
	Dir                                 string
	GoFiles, IgnoredGoFiles, EmbedFiles []string

	folder string // in job/
}

// packages lists the packages that the image's binary is made of.
func packages(t *testing.T) []pkg {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-json=Dir,GoFiles,IgnoredGoFiles,EmbedFiles", "-tags=disable_grpc_modules,grpcnotrace", ".")
	list.Dir = filepath.Join(top, "job")
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list the job's packages: %v", err)
	}
	root, err := filepath.Abs(list.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var ours []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if folder, err := filepath.Rel(root, p.Dir); err == nil && filepath.IsLocal(folder) {
			p.folder = filepath.ToSlash(folder)
			p.IgnoredGoFiles = slices.DeleteFunc(p.IgnoredGoFiles, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
			ours = append(ours, p)
		}
	}
	slices.SortFunc(ours, func(a, b pkg) int { return strings.Compare(a.folder, b.folder) })
	return ours
}

// matcher reads .dockerignore as the builder does.
func matcher(t *testing.T) func(*testing.T, string) bool {
	t.Helper()
	file, err := os.Open(filepath.Join(top, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := ignorefile.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	patterns, err := patternmatcher.New(lines)
	if err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, name string) bool {
		t.Helper()
		ignored, err := patterns.MatchesOrParentMatches(name)
		if err != nil {
			t.Fatalf("match %s: %v", name, err)
		}
		return ignored
	}
}
