package main

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

// Check finds before the first run what a run would trip over.
func TestCheckFindsWhatARunWouldMeet(t *testing.T) {
	policy := func(p storage.Policy) func(*world) func() {
		return func(w *world) func() {
			objects.SetPolicy(w.name, p)
			return func() {}
		}
	}
	fault := func(f storage.Fault, op storage.Op) func(*world) func() {
		return func(*world) func() {
			f.Op = op
			return objects.Inject(f).Remove
		}
	}
	denied := func(method string) func(*world) func() {
		return func(*world) func() {
			return engine.Inject(discoveryengine.Fault{Method: method, Count: -1, Code: codes.PermissionDenied, Message: "denied by test"}).Remove
		}
	}
	store := func(c discoveryengine.StoreConfig) func(*world) func() {
		return func(w *world) func() {
			c.Project, c.ID = project, w.name
			engine.CreateDataStore(c)
			return func() {}
		}
	}
	for _, tt := range []struct {
		name    string
		prepare func(*world) (undo func())
		code    int
		want    []string // lines
	}{
		{"retention", policy(storage.Policy{Retention: 720 * time.Hour, Location: "EU"}), 0, []string{
			"ok    bucket       gs://{WORLD} in EU",
			"WARN  objects      can be written and read, but not deleted or replaced yet: delete gs://{WORLD}/metadata/.sync/v2/probe-",
			"WARN  retention    objects can be neither replaced nor deleted for 720h0m0s\n                   set GCS_BUCKET to a bucket without a retention policy",
		}},
		{"hold", policy(storage.Policy{DefaultHold: true}), 0, []string{"WARN  objects      can be written and read, but not deleted or replaced yet: ", "WARN  hold         new objects can be neither replaced nor deleted"}},
		{"requester pays", policy(storage.Policy{RequesterPays: true}), 1, []string{"FAIL  bucket       check permissions on gs://{WORLD}: bucket is requester pays"}},
		{"soft delete and a key", policy(storage.Policy{SoftDelete: 168 * time.Hour, KMSKey: "projects/p/k", Location: "EU"}), 0, []string{"ok    bucket       gs://{WORLD} in EU, encrypted with projects/p/k, deleted objects are kept (and billed) for 168h0m0s"}},
		{"others may write", policy(storage.Policy{Bindings: map[string][]string{"roles/storage.objectAdmin": {"user:a@x", "group:b@x"}, "roles/storage.objectViewer": {"user:c@x"}}}), 0, []string{"ok    writers      by the bucket's own policy: group:b@x, user:a@x"}},
		{"everybody may write", policy(storage.Policy{Bindings: map[string][]string{"roles/storage.objectCreator": {"allUsers"}}}), 1, []string{"FAIL  writers      everybody may write into the bucket (allUsers)\n                   remove"}},
		{"key denied", fault(storage.KeyDenied(), storage.OpInsert), 1, []string{"FAIL  objects      create gs://{WORLD}/metadata/.sync/v2/probe-"}},
		{"key disabled", fault(storage.KeyDisabled(), storage.OpRead), 1, []string{"FAIL  objects      read gs://{WORLD}/metadata/.sync/v2/probe-"}},
		{"billing", fault(storage.BillingDisabled(), storage.OpInsert), 1, []string{"FAIL  objects      create gs://{WORLD}/metadata/.sync/v2/probe-"}},
		{"settings may not be read", fault(storage.Fault{Count: -1, Status: 403}, storage.OpBucketGet), 0, []string{"ok    bucket       gs://{WORLD}", "ok    objects      can be written, read, listed and deleted"}},
		{"an empty data store whose schema may not be read", denied("GetSchema"), 0, []string{"ok    permissions  documents and operations can be listed"}},
		{"access control", store(discoveryengine.StoreConfig{ACL: true}), 1, []string{"FAIL  permissions  {WORLD}: its documents have access control"}},
		{
			"schema", store(discoveryengine.StoreConfig{Content: discoveryenginepb.DataStore_CONTENT_REQUIRED, Schema: map[string]string{"location": "number", "ai_answer": "string", "other": "array"}}), 1,
			[]string{`FAIL  schema       field "location" is of type number in the data store, and the query makes it a string` + "\n" + `                   cast the column in the query, rename it, or set DATA_STORE_ID to a new data store`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			undo := tt.prepare(w)
			r := w.run([]string{"check"})
			undo()
			if r.code != tt.code {
				t.Errorf("exit %d, want %d", r.code, tt.code)
			}
			for _, want := range tt.want {
				want = strings.ReplaceAll(want, "{WORLD}", w.name)
				if !strings.Contains("\n"+r.stdout, "\n"+want) {
					t.Errorf("no line %q in\n%s", want, r.stdout)
				}
			}
			if left := objects.List(w.name, "metadata/.sync/v2/probe-"); len(left) > 0 && tt.name != "retention" && tt.name != "hold" {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
