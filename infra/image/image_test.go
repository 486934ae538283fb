package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgs(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "job/main.go", "package main\n")
	if args, err := Args(dir); err != nil || len(args) > 0 {
		t.Fatalf("without a clone: %v, %v, want nothing", args, err)
	}
	run(t, dir, "init", "-q")
	if args, err := Args(dir); err != nil || len(args) > 0 {
		t.Fatalf("without a commit: %v, %v, want nothing", args, err)
	}
	first := commit(t, dir, "2026-11-01T09:00:00+09:00")
	want := map[string]string{
		"VERSION": first[:12], "REVISION": first, "SOURCE": "", "CREATED": "2026-11-01T00:00:00Z", "SOURCE_DATE_EPOCH": "1793491200",
	}
	check := func(when string) {
		t.Helper()
		got, err := Args(dir)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	check("after the first commit")

	write(t, dir, "README.md", "# words\n")
	write(t, dir, "job/main_test.go", "package main\n")
	write(t, dir, "job/testdata/a.json", "{}\n")
	write(t, dir, "Pulumi.mine.yaml", "config: {}\n")
	check("with documents, tests and settings changed")
	commit(t, dir, "2026-11-02T00:00:00Z")
	check("with documents, tests and settings committed")

	run(t, dir, "remote", "add", "origin", "https://user:secret@example.com/owner/repository.git")
	run(t, dir, "tag", "v1.2.3", first)
	want["VERSION"], want["SOURCE"] = "v1.2.3", "https://example.com/owner/repository"
	check("with a tag and a remote")

	write(t, dir, "job/more.go", "package main\n")
	want["VERSION"], want["REVISION"] = "v1.2.3-modified", first+"-modified"
	check("with the job changed")

	second := commit(t, dir, "2026-11-03T00:00:00Z")
	want["VERSION"], want["REVISION"] = "v1.2.3-2-g"+second[:12], second
	want["CREATED"], want["SOURCE_DATE_EPOCH"] = "2026-11-03T00:00:00Z", "1793664000"
	check("after the second commit")
}

func TestArgsWithoutGit(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if args, err := Args(t.TempDir()); err != nil || len(args) > 0 {
		t.Errorf("got %v, %v, want nothing", args, err)
	}
}

func TestSource(t *testing.T) {
	for remote, want := range map[string]string{
		"":                                 "",
		"/home/someone/clone":              "",
		"../clone":                         "",
		"file:///home/someone/clone":       "",
		"https://example.com/o/r":          "https://example.com/o/r",
		"https://example.com/o/r.git":      "https://example.com/o/r",
		"https://u:p@example.com/o/r.git/": "https://example.com/o/r",
		"git@example.com:o/r.git":          "https://example.com/o/r",
		"ssh://git@example.com:22/o/r.git": "https://example.com/o/r",
		"https://example.com/o/r?token=1":  "https://example.com/o/r",
	} {
		if got := source(remote); got != want {
			t.Errorf("source(%q) = %q, want %q", remote, got, want)
		}
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commit commits everything at a time and returns the commit's hash.
func commit(t *testing.T, dir, at string) string {
	t.Helper()
	run(t, dir, "add", "-A")
	t.Setenv("GIT_COMMITTER_DATE", at)
	run(t, dir, "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "change", "--date", at)
	hash, err := git(dir, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}
