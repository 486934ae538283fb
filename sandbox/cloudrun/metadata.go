package cloudrun

import (
	"encoding/json"
	"net/http"
	"strings"
)

// metadata is the metadata server of an execution, as far as a client needs it that wants the account's token.
// See https://cloud.google.com/run/docs/container-contract#metadata-server.
type metadata struct{ account, project, token string }

const metadataPath = "/computeMetadata/v1/"

// ServeHTTP answers one question.
func (m metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.token == "" || r.Header.Get("Metadata-Flavor") != "Google" {
		http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
		return
	}
	w.Header().Set("Metadata-Flavor", "Google")
	switch path := strings.TrimPrefix(r.URL.Path, metadataPath); path {
	case "project/project-id":
		_, _ = w.Write([]byte(m.project))
	case "universe/universe-domain":
		_, _ = w.Write([]byte("googleapis.com"))
	case "instance/service-accounts/default/email", "instance/service-accounts/" + m.account + "/email":
		_, _ = w.Write([]byte(m.account))
	case "instance/service-accounts/default/token", "instance/service-accounts/" + m.account + "/token":
		w.Header().Set("Content-Type", "application/json")
		// The client may be gone; nothing can be done for it then.
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": m.token, "expires_in": 3599, "token_type": "Bearer"})
	default:
		http.NotFound(w, r)
	}
}
