package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/url"
	"sync"
)

// ledger is all that the runs of this package wrote, and the secrets that they were given.
var ledger struct {
	sync.Mutex
	secrets []string
	found   []string // what was seen of them, and where
	bytes   int
}

// newSecret makes a secret that can be told from everything else, and remembers it. What it begins with is for those who
// have to encode it.
func newSecret(prefix string) string {
	core := rand.Text()
	ledger.Lock()
	defer ledger.Unlock()
	ledger.secrets = append(ledger.secrets, core)
	return prefix + core
}

// inspect looks for every secret in something that was written.
func inspect(where string, data []byte) {
	ledger.Lock()
	defer ledger.Unlock()
	ledger.bytes += len(data)
	for _, s := range ledger.secrets {
		for _, form := range []string{s, url.QueryEscape(s)} {
			if bytes.Contains(data, []byte(form)) {
				ledger.found = append(ledger.found, fmt.Sprintf("%s holds the secret %q", where, s))
			}
		}
	}
}

// findSecrets returns an error if any run wrote a secret anywhere.
func findSecrets() error {
	ledger.Lock()
	defer ledger.Unlock()
	if len(ledger.found) > 0 {
		return fmt.Errorf("FAIL: secrets were written %d times, first: %s", len(ledger.found), ledger.found[0])
	}
	return nil
}
