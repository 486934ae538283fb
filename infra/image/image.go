// Package image says what an image of the job is built from.
package image

import (
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// inputs are the paths that decide what is in the image, as git knows them. The revision of an image is the last commit that
// changed one of them, so that a change of documents, tests or settings makes no other image.
var inputs = []string{"job", "Dockerfile", ".dockerignore", ":(exclude,glob)job/**/*_test.go", ":(exclude,glob)job/**/testdata/**"}

// Args returns the build arguments of the Dockerfile that say what the image is built from: VERSION, REVISION, SOURCE, CREATED
// and SOURCE_DATE_EPOCH. The folder is that of the Dockerfile. Without a clone there is nothing to say: the map is empty, and
// the image has the Dockerfile's defaults.
func Args(folder string) (map[string]string, error) {
	commit, err := git(folder, append([]string{"log", "-1", "--format=%H %ct", "--"}, inputs...)...)
	if err != nil || commit == "" {
		return nil, unlessNoClone(err)
	}
	revision, epoch, _ := strings.Cut(commit, " ")
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read time of commit %s: %w", revision, err)
	}
	version, err := git(folder, "describe", "--tags", "--match=v*", "--always", "--abbrev=12", revision)
	if err != nil {
		return nil, fmt.Errorf("describe commit %s: %w", revision, err)
	}
	changed, err := git(folder, append([]string{"status", "--porcelain", "--"}, inputs...)...)
	if err != nil {
		return nil, fmt.Errorf("look for local changes: %w", err)
	}
	if changed != "" {
		version, revision = version+"-modified", revision+"-modified"
	}
	remote, err := git(folder, "config", "--get", "remote.origin.url")
	if err != nil {
		remote = "" // a clone need not have a remote
	}
	return map[string]string{
		"VERSION": version, "REVISION": revision, "SOURCE": source(remote),
		"CREATED": time.Unix(seconds, 0).UTC().Format(time.RFC3339), "SOURCE_DATE_EPOCH": epoch,
	}, nil
}

func git(folder string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", folder}, args...)...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C") // unlessNoClone reads the messages
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

// noClone matches what git says of a folder that is in no clone, and of a clone without a commit.
var noClone = regexp.MustCompile(`not a git repository|does not have any commits yet`)

// unlessNoClone drops the errors that only say that there is nothing to ask: an unpacked archive, a machine without git.
func unlessNoClone(err error) error {
	if err == nil || errors.Is(err, exec.ErrNotFound) || noClone.MatchString(err.Error()) {
		return nil
	}
	return fmt.Errorf("read the revision of the image: %w", err)
}

// scpLike matches git@host:owner/repository.
var scpLike = regexp.MustCompile(`^(?:[^@/]+@)?([^:/]+):([^/].*)$`)

// source is the address of a remote as a browser opens it: without the user and password that a remote may hold. A remote
// that is a folder is nobody else's business.
func source(remote string) string {
	if m := scpLike.FindStringSubmatch(remote); m != nil {
		remote = "https://" + m[1] + "/" + m[2]
	}
	address, err := url.Parse(remote)
	if err != nil || address.Hostname() == "" || address.Scheme == "file" {
		return ""
	}
	return "https://" + address.Hostname() + strings.TrimSuffix(strings.TrimSuffix(address.Path, "/"), ".git")
}
