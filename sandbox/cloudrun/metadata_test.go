package cloudrun

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestMetadata asks as Google's clients do, and as somebody does who was sent there by a page.
func TestMetadata(t *testing.T) {
	f, err := openFront(Endpoints{}, "token", metadata{"a@p.iam.gserviceaccount.com", "p", "login-token"})
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if got := f.environment(Endpoints{}); len(got) != 1 || got[0] != "GCE_METADATA_HOST="+f.address {
		t.Errorf("environment %q", got)
	}
	const account = "instance/service-accounts/default/"
	for _, test := range []struct {
		path, flavor string
		code         int
		want         string
	}{
		{account + "token?scopes=x", "Google", 200, `{"access_token":"login-token","expires_in":3599,"token_type":"Bearer"}`},
		{account + "email", "Google", 200, "a@p.iam.gserviceaccount.com"},
		{"project/project-id", "Google", 200, "p"},
		{account + "token", "", 403, "Missing Metadata-Flavor:Google header."},
		{"instance/disks", "Google", 404, "404 page not found"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+f.address+metadataPath+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Metadata-Flavor", test.flavor)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if got := strings.TrimSpace(string(body)); err != nil || response.StatusCode != test.code || got != test.want {
			t.Errorf("%s: %d %q (%v), want %d %q", test.path, response.StatusCode, got, err, test.code, test.want)
		}
	}
}
