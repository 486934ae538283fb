package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version and revision are stamped by the build: -ldflags "-X main.version=v1.2.3 -X main.revision=COMMIT". A build that
// stamps nothing has what the go command recorded.
var version, revision string

// unknown stands for what no build recorded.
const unknown = "unknown"

func init() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	version, revision = stamp(version, revision, info)
}

// stamp fills what the build did not say from what the go command recorded. "(devel)" is its word for a version that it does
// not know.
func stamp(version, revision string, info *debug.BuildInfo) (string, string) {
	if info.Main.Version != "(devel)" { // which says by itself whether there were local changes
		version = cmp.Or(version, info.Main.Version)
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = cmp.Or(revision, s.Value)
		}
	}
	return cmp.Or(version, unknown), cmp.Or(revision, unknown)
}

// versionText is what --version prints.
func versionText() string {
	return fmt.Sprintf("job %s, revision %s, %s %s/%s", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
