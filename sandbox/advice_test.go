package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/postgres"
)

// What is to be pasted into a shell can be, wherever the clone is.
func TestAdviceQuotesThePath(t *testing.T) {
	c := serveCommand{Env: "/home/me/it's mine/sandbox.env", CloudSQL: true}
	if got, want := c.advice(&served{}), `in another shell: . '/home/me/it'\''s mine/sandbox.env', then: bin/job check, bin/job sync`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Homebrew leaves psql, which the README names, out of PATH.
func TestPsqlPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	programs, err := postgres.FindBinaries()
	if err != nil {
		t.Skip(err) // all of PostgreSQL is in the PATH of this machine
	}
	if got, want := psqlPath(), `export PATH="$PATH":`+dataplane.Quote(programs)+"\n"; got != want {
		t.Errorf("without psql in PATH: %q, want %q", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "psql"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := psqlPath(); got != "" {
		t.Errorf("with psql in PATH: %q", got)
	}
}

// A stack that creates its data store is searched there, and what is printed keeps to what the terminal asks for.
func TestDemoSearchesTheStacksDataStore(t *testing.T) {
	dir := t.TempDir()
	job := filepath.Join(dir, "job")
	script := "#!/bin/sh\necho \"$DATA_STORE_ID $GCP_LOCATION $NO_COLOR $TERM $*\"\n"
	if err := os.WriteFile(job, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "dumb")
	plan, err := readPlan([]byte(strings.Replace(aPlan, `"resources": [`, `"resources": [
		{"type": "gcp:discoveryengine/dataStore:DataStore", "inputs": {"dataStoreId": "products", "location": "eu"}},`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	d := &demo{out: &out, job: job, plan: plan}
	if err := d.search(t.Context(), nil, "kettle"); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "\n1. Does it answer?  job search kettle\nproducts eu 1 dumb search --limit=1 kettle\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
