package source

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/cloudsqlconn"
	"golang.org/x/oauth2"
)

// adminAPI stands in for the Cloud SQL Admin API as far as the connector asks it before it dials: an instance with an
// address of each kind, and certificates of no worth.
type adminAPI struct {
	url         string
	accessToken string // that a certificate was asked for with
}

func newAdminAPI(t *testing.T) *adminAPI {
	t.Helper()
	var cert bytes.Buffer
	if err := pem.Encode(&cert, &pem.Block{Type: "CERTIFICATE", Bytes: selfSigned(t).Certificate[0]}); err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(selfSigned(t).Certificate[0]); err != nil {
		t.Fatal(err)
	}
	api := &adminAPI{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/projects/p/instances/i/connectSettings"):
			_ = json.NewEncoder(w).Encode(map[string]any{
				"backendType": "SECOND_GEN", "databaseVersion": "POSTGRES_17", "region": "r", "dnsName": "i.p.psc.example", "pscEnabled": true,
				"serverCaCert": map[string]string{"cert": cert.String()},
				"ipAddresses":  []map[string]string{{"type": "PRIMARY", "ipAddress": "203.0.113.1"}, {"type": "PRIVATE", "ipAddress": "10.0.0.1"}},
			})
		case strings.HasSuffix(r.URL.Path, ":generateEphemeralCert"):
			var asked struct {
				AccessToken string `json:"access_token"`
			}
			_ = json.NewDecoder(r.Body).Decode(&asked)
			api.accessToken = asked.AccessToken
			_ = json.NewEncoder(w).Encode(map[string]any{"ephemeralCert": map[string]string{"cert": cert.String()}})
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	api.url = server.URL
	return api
}

// TestConnector: CLOUD_SQL_IP_TYPE chooses the address that is dialled, and DB_IAM_AUTH who logs in.
func TestConnector(t *testing.T) {
	for _, tt := range []struct {
		ipType, want string
		iam          bool
		token        string
	}{
		{"private", "10.0.0.1:3307", false, ""},
		{"public", "203.0.113.1:3307", false, ""},
		{"psc", "i.p.psc.example:3307", false, ""},
		{"private", "10.0.0.1:3307", true, "login-token"},
	} {
		t.Run(tt.ipType, func(t *testing.T) {
			api := newAdminAPI(t)
			var dialled string
			source := func(token string) oauth2.TokenSource {
				return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
			}
			credentials := cloudsqlconn.WithTokenSource(source("api-token"))
			if tt.iam {
				credentials = cloudsqlconn.WithIAMAuthNTokenSources(source("api-token"), source(tt.token))
			}
			config := Config{Instance: "p:r:i", Database: "d", User: "u", Password: "hunter2", IPType: tt.ipType, IAM: tt.iam}
			config.connectorExtra = []cloudsqlconn.Option{
				cloudsqlconn.WithAdminAPIEndpoint(api.url), cloudsqlconn.WithHTTPClient(http.DefaultClient), credentials,
				cloudsqlconn.WithDialFunc(func(_ context.Context, _, address string) (net.Conn, error) {
					dialled = address
					return nil, errors.New("the network ends here")
				}),
			}
			_, err := Open(t.Context(), config)
			if dialled != tt.want || api.accessToken != tt.token {
				t.Errorf("dialled %q with %q, want %q with %q", dialled, api.accessToken, tt.want, tt.token)
			}
			prefix := `connect to database "d" as user "u" at instance p:r:i (` + tt.ipType + "): "
			if err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), "the network ends here: check CLOUD_SQL_INSTANCE") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %s…", err, prefix)
			}
		})
	}
}

func TestToken(t *testing.T) {
	fault := errors.New("no account")
	_, err := Open(t.Context(), Config{Instance: "p:r:i", Token: func(context.Context) (string, error) { return "", fault }})
	if !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	_, err = Open(t.Context(), Config{SocketDir: instanceDir(t), Instance: "p:r:token", Database: "app", User: server.User(), Token: func(context.Context) (string, error) { return "ya29.hunter2", nil }})
	if err == nil || !strings.Contains(err.Error(), "set DB_USER to the account's address without .gserviceaccount.com") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func instanceDir(t *testing.T) string {
	t.Helper()
	dir, err := server.InstanceSocketDir("p:r:token")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
