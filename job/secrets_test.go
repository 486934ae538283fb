package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os/exec"
	"sync"
)

// marker is in every secret that the runs of this package are given, and nowhere else, so that one look finds any.
const marker = "Ge7heim"

// sightings is what the runs of this package wrote of their secrets, and where.
var sightings struct {
	sync.Mutex
	inspected int
	found     []string
}

// newSecret makes a secret. What it begins with is for those who have to encode it.
func newSecret(prefix string) string { return prefix + marker + rand.Text() }

// inspect looks for secrets in something that was written.
func inspect(where string, data []byte) {
	sightings.Lock()
	defer sightings.Unlock()
	sightings.inspected++
	if at := bytes.Index(data, []byte(marker)); at >= 0 {
		sightings.found = append(sightings.found, fmt.Sprintf("%s: %.200s", where, data[max(0, at-100):]))
	}
}

// findSecrets returns an error if a run wrote a secret anywhere: in its logs, its results or the bucket.
func findSecrets() error {
	sightings.Lock()
	defer sightings.Unlock()
	if len(sightings.found) > 0 {
		return fmt.Errorf("FAIL: secrets were written %d times, first in %s", len(sightings.found), sightings.found[0])
	}
	return nil
}

// exitOf is the exit code of a process that ended with an error, -1 where it did not run to its end.
func exitOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
