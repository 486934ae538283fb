package main

import (
	"testing"

	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/secretmanager"
	"vertexmetadata/sandbox/storage"
)

// Every dependency that fails says what to do, whatever else fails.
func TestCheckFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		cloud   bool
		change  []variable
		prepare func() (undo func())
		code    int
	}{
		"configuration": {change: []variable{"GCS_BUCKET", "IMPORT_WAIT=soon"}, code: 2},
		"absent":        {change: []variable{"GCS_BUCKET=no-such-bucket", "DATA_STORE_ID=no-such-store", "SYNC_QUERY=SELECT id FROM absent"}, code: 1}, // a bucket may be made meanwhile
		"content":       {change: []variable{"SYNC_QUERY=SELECT post_id AS id, location FROM posts"}, code: 2},
		"unreachable": {
			change: []variable{"DATABASE_URL=postgres://app:" + variable(newSecret("")) + "@127.0.0.1:1/app"}, code: 1,
		},
		"denied": {cloud: true, code: 1, prepare: func() func() {
			undo := []func(){
				vault.Inject(secretmanager.Fault{Count: -1, Code: codes.PermissionDenied, Message: "denied by test"}).Remove,
				objects.Inject(storage.Fault{Count: -1, Status: 403, Message: "denied by test"}).Remove,
				engine.Inject(discoveryengine.Fault{Method: "ListDocuments", Count: -1, Code: codes.PermissionDenied, Message: "denied by test"}).Remove,
			}
			return func() {
				for _, u := range undo {
					u()
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tt.cloud {
				w.cloudSQL()
			}
			undo := func() {}
			if tt.prepare != nil {
				undo = tt.prepare()
			}
			r := w.run([]string{"check"}, tt.change...)
			undo()
			if r.code != tt.code || r.stderr != "" {
				t.Errorf("exit %d, want %d; standard error: %q", r.code, tt.code, r.stderr)
			}
			golden(t, "check-"+name+".golden", r.stdout)
		})
	}
}

// The other commands fail in one line, too.
func TestOtherCommandsFail(t *testing.T) {
	for name, tt := range map[string]struct {
		args   []string
		change []variable
		code   int
		want   string
	}{
		"plan, configuration": {[]string{"plan"}, []variable{"GCS_BUCKET"}, 2, "plan failed: configuration: GCS_BUCKET is not set: set GCS_BUCKET (bucket for the snapshot and the job's state)"},
		"plan, bucket":        {[]string{"plan"}, []variable{"GCS_BUCKET=no-such-bucket"}, 1, `plan failed: list gs://no-such-bucket/metadata/.sync/v2/ledger/: bucket does not exist: The specified bucket does not exist: create bucket no-such-bucket, or set GCS_BUCKET to one that exists`},
		"plan, usage":         {[]string{"plan", "--bogus"}, nil, 2, "plan failed: command line: unknown flag --bogus: see job --help"},
		"search, nothing":     {[]string{"search"}, nil, 2, `search failed: command line: expected "<text>": see job --help`},
		"search, no limit":    {[]string{"search", "--limit=0", "花"}, nil, 2, "search failed: command line: search: --limit must be at least 1: see job --help"},
		"search, data store": {
			[]string{"search", "花"},
			[]variable{"DATA_STORE_ID=no-such-store"},
			1,
			"search failed: search projects/test-project/locations/global/collections/default_collection/dataStores/no-such-store: not found: " +
				"DataStore projects/test-project/locations/global/collections/default_collection/dataStores/no-such-store not found: check DATA_STORE_ID or data_store in SYNCS, PROJECT_ID and GCP_LOCATION (now global)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newWorld(t).run(tt.args, tt.change...)
			got := failures(r)
			if r.code != tt.code || r.stdout != "" || len(got) != 1 || got[0] != tt.want {
				t.Errorf("exit %d, standard output %q\ngot  %q\nwant %q", r.code, r.stdout, got, tt.want)
			}
		})
	}
}
