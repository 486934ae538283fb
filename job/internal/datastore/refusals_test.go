package datastore

import (
	"strings"
	"testing"
	"time"

	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/refusals"
)

// What no role cures is refused once, and with its own remedy, over a real connection.
func TestRefusalsThatNoRoleCures(t *testing.T) {
	const api = "discoveryengine.googleapis.com"
	engine, err := discoveryengine.Start(discoveryengine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	engine.CreateDataStore(discoveryengine.StoreConfig{Project: "p1", ID: "posts"})
	engine.CreateDataStore(discoveryengine.StoreConfig{Project: "p1", ID: "crawled", Connector: true})
	s, err := Open(t.Context(), Config{Project: "p1", DataStore: "posts", Endpoint: engine.Addr(), Budget: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct {
		name string
		err  error
		hint string
	}{
		{"quota project", refusals.QuotaProject(api), "run: gcloud auth application-default set-quota-project p1"},
		{"API disabled", refusals.APIDisabled(api, "p1"), "run: gcloud services enable " + api + " --project p1"},
		{"VPC Service Controls", refusals.VPCServiceControls(api, "uid-1", false), "give the unique identifier uid-1 to the administrator of the service perimeter"},
		{"VPC Service Controls, text alone", refusals.VPCServiceControls(api, "uid-1", true), "give the unique identifier uid-1 to the administrator of the service perimeter"},
		{"key denied", refusals.KeyDenied(), "grant roles/cloudkms.cryptoKeyEncrypterDecrypter"},
		{"key disabled", refusals.KeyDisabled(), "enable or restore the key version"},
		{"billing", refusals.BillingDisabled(api, "p1"), "link an active billing account"},
		{"scopes", refusals.Scopes(api), "use credentials with the scope cloud-platform"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fault := engine.Inject(discoveryengine.Fault{Count: -1, Err: tt.err})
			defer fault.Remove()
			_, err := s.ImportInline(t.Context(), [][]byte{[]byte(`{"id":"a","structData":{}}`)}, 0)
			if hint := refusal.HintOf(err); !strings.HasPrefix(hint, tt.hint) {
				t.Errorf("hint %q of %v, want %s", hint, err, tt.hint)
			}
			if fault.Hits() != 1 {
				t.Errorf("%d calls", fault.Hits())
			}
		})
	}
	connected, err := Open(t.Context(), Config{Project: "p1", DataStore: "crawled", Endpoint: engine.Addr(), Budget: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	_, err = connected.ImportInline(t.Context(), [][]byte{[]byte(`{"id":"a","structData":{}}`)}, 0)
	if hint := refusal.HintOf(err); hint != "create a data store without a connector and set DATA_STORE_ID to it" {
		t.Errorf("hint %q of %v", hint, err)
	}
}
