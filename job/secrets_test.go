package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"sync"
)

// marker is in every secret that the runs of this package are given, and nowhere else, so that one look finds any.
const marker = "Ge7heim"

// ledger is what the runs of this package wrote of their secrets, and where.
var ledger struct {
	sync.Mutex
	inspected int
	found     []string
}

// newSecret makes a secret. What it begins with is for those who have to encode it.
func newSecret(prefix string) string { return prefix + marker + rand.Text() }

// inspect looks for secrets in something that was written.
func inspect(where string, data []byte) {
	ledger.Lock()
	defer ledger.Unlock()
	ledger.inspected++
	if at := bytes.Index(data, []byte(marker)); at >= 0 {
		ledger.found = append(ledger.found, fmt.Sprintf("%s: %.200s", where, data[max(0, at-100):]))
	}
}

// findSecrets returns an error if a run wrote a secret anywhere: in its logs, its results or the bucket.
func findSecrets() error {
	ledger.Lock()
	defer ledger.Unlock()
	if len(ledger.found) > 0 {
		return fmt.Errorf("FAIL: secrets were written %d times, first in %s", len(ledger.found), ledger.found[0])
	}
	return nil
}
