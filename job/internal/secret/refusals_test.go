package secret

import (
	"strings"
	"testing"
	"time"

	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/sandbox/refusals"
	"vertexmetadata/sandbox/secretmanager"
)

// A version that cannot be used, and what no role cures, have remedies of their own, and say nothing of the value.
func TestRefusals(t *testing.T) {
	const api = "secretmanager.googleapis.com"
	for _, tt := range []struct {
		name    string
		prepare func(*secretmanager.Store) error
		refuse  error
		hint    string
	}{
		{"destroyed", func(s *secretmanager.Store) error { return s.Destroy("p1", "db", 1) }, nil, "add a version with the password"},
		{"disabled", func(s *secretmanager.Store) error { return s.Disable("p1", "db", 1) }, nil, "enable the version"},
		{"quota project", nil, refusals.QuotaProject(api), "run: gcloud auth application-default set-quota-project p1"},
		{"VPC Service Controls", nil, refusals.VPCServiceControls(api, "uid-1", false), "give the unique identifier uid-1 to"},
		{"VPC Service Controls, text alone", nil, refusals.VPCServiceControls(api, "uid-1", true), "give the unique identifier uid-1 to"},
		{"key denied", nil, refusals.KeyDenied(), "grant roles/cloudkms.cryptoKeyEncrypterDecrypter on the key"},
		{"scopes", nil, refusals.Scopes(api), "use credentials with the scope cloud-platform"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := secretmanager.NewStore()
			store.Add("p1", "db", []byte(password))
			server, err := secretmanager.Start(secretmanager.Options{Secrets: store})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if tt.prepare != nil {
				if err := tt.prepare(store); err != nil {
					t.Fatal(err)
				}
			}
			if tt.refuse != nil {
				server.Inject(secretmanager.Fault{Count: -1, Err: tt.refuse})
			}
			value, err := Access(t.Context(), Config{Project: "p1", Secret: "db", Version: "latest", Endpoint: server.Addr(), Budget: time.Second})
			if hint := refusal.HintOf(err); !strings.HasPrefix(hint, tt.hint) {
				t.Errorf("hint %q of %v, want %s", hint, err, tt.hint)
			}
			if value != "" || err != nil && strings.Contains(err.Error()+refusal.HintOf(err), password) {
				t.Errorf("value %q, error %v", value, err)
			}
		})
	}
}
