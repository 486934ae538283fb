package main

import (
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestStamp(t *testing.T) {
	recorded := func(main, revision string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: main}, Settings: []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: revision}}}
	}
	for _, c := range []struct {
		name              string
		version, revision string // as stamped
		info              *debug.BuildInfo
		wantVersion       string
		wantRevision      string
	}{
		{"stamped", "v1.2.3", "abc", recorded("(devel)", "def"), "v1.2.3", "abc"},
		{"version alone stamped", "v1.2.3", "", recorded("(devel)", "def"), "v1.2.3", "def"},
		{"built in a clone, with local changes", "", "", recorded("v0.0.0-20261125-def+dirty", "def"), "v0.0.0-20261125-def+dirty", "def"},
		{"no version recorded", "", "", recorded("(devel)", "def"), "unknown", "def"},
		{"nothing recorded", "", "", &debug.BuildInfo{}, "unknown", "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			gotVersion, gotRevision := stamp(c.version, c.revision, c.info)
			if gotVersion != c.wantVersion || gotRevision != c.wantRevision {
				t.Errorf("got %s, %s, want %s, %s", gotVersion, gotRevision, c.wantVersion, c.wantRevision)
			}
		})
	}
}

// The names that the Dockerfile and the Makefile stamp are the names of these variables.
func TestVersionIsStampedByTheLinker(t *testing.T) {
	if testing.Short() {
		t.Skip("links the job once more; not with -short")
	}
	job := filepath.Join(t.TempDir(), "job")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w -X main.version=v9.8.7 -X main.revision=0123abc", "-o", job, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	out, err := exec.Command(job, "--version").Output()
	if want := "job v9.8.7, revision 0123abc, go"; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("job --version: %v, got %q, want it to begin with %q", err, out, want)
	}
}
