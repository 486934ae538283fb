package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/picture"
)

var update = flag.Bool("update", false, "draw the pictures anew")

// The picture in the README is a recording of the demo: what it shows is what the demo prints now, but for times and names
// that differ from run to run. go test -run Picture -update records it again.
func TestDemoPicture(t *testing.T) {
	const file = "../docs/demo.svg"
	printed := runDemo(t)
	if *update {
		if err := os.WriteFile(file, []byte(picture.Terminal("make demo", printed)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := picture.Recording(string(svg))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(masked(recorded), masked(printed)); diff != "" {
		t.Errorf("%s is out of date, go test -run Picture -update records it again (-picture +demo):\n%s", file, diff)
	}
	if diff := cmp.Diff(picture.Terminal("make demo", recorded), string(svg)); diff != "" {
		t.Errorf("%s is not drawn from its own recording (-want +got):\n%s", file, diff)
	}
}

// runDemo runs the demo with the job as it is, and returns what it prints.
func runDemo(t *testing.T) string {
	t.Helper()
	job := filepath.Join(t.TempDir(), "job")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", job, ".")
	build.Dir = "../job"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build job: %v\n%s", err, out)
	}
	demo := exec.CommandContext(t.Context(), os.Args[0], "demo", "--job", job)
	folder, err := os.MkdirTemp("", "demo-") // short: a long one would not be used
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o711); err != nil { // of root's tests the server is another user's
		t.Fatal(err)
	}
	demo.Dir = filepath.Dir(folder)
	demo.Env = append(os.Environ(), asSandbox+"=1", "TMPDIR="+filepath.Base(folder)) // a relative one serves as well
	demo.Stderr = os.Stderr
	out, err := demo.Output()
	if err != nil {
		t.Fatalf("demo: %v\n%s", err, out)
	}
	return string(out)
}

// volatile is what differs from run to run, each with what takes its place in a comparison.
var volatile = []struct {
	find    *regexp.Regexp
	replace string
}{
	{regexp.MustCompile(`\(\d+ ms\)`), "(N ms)"},
	{regexp.MustCompile(`(?m)^(\d+\.) \d\d:\d\d `), "$1 HH:MM "},
	{regexp.MustCompile(`(execution \S+)-[0-9a-z]{5} `), "$1-XXXXX "},
	{regexp.MustCompile(`(?m)^((?:   \d+)(?: +\d+){4} +)\d+$`), "${1}N"},
}

func masked(text string) string {
	for _, v := range volatile {
		text = v.find.ReplaceAllString(text, v.replace)
	}
	return text
}
