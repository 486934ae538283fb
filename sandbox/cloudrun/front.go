package cloudrun

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// Endpoints are the addresses (host:port) of the sandbox's services; "" is a service that is not there.
type Endpoints struct {
	Storage         string // Cloud Storage, HTTP
	DiscoveryEngine string // Vertex AI Search, gRPC without TLS
	SecretManager   string // Secret Manager, gRPC without TLS
}

// front is the one address at which an execution finds all endpoints. A job in the cloud gets its identity from the metadata server;
// locally its clients send no credentials, so who it is must follow from where it calls: the front adds the account's token.
type front struct {
	address  string
	identity metadata
	server   *http.Server
}

// Front serves all endpoints at one address, for clients without credentials: it adds the token to every call.
func Front(endpoints Endpoints, token string) (address string, end func(), err error) {
	f, err := openFront(endpoints, token, metadata{})
	if err != nil {
		return "", nil, err
	}
	return f.address, f.close, nil
}

func openFront(endpoints Endpoints, token string, identity metadata) (*front, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the endpoints of an execution: %w", err)
	}
	plain := new(http.Protocols)
	plain.SetHTTP1(true)
	grpc := new(http.Protocols)
	grpc.SetUnencryptedHTTP2(true)
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)

	storage := proxy(endpoints.Storage, token, plain)
	search := proxy(endpoints.DiscoveryEngine, token, grpc)
	secrets := proxy(endpoints.SecretManager, token, grpc)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/google.cloud.discoveryengine."), strings.HasPrefix(r.URL.Path, "/google.longrunning."):
			search.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/google.cloud.secretmanager."):
			secrets.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, metadataPath):
			identity.ServeHTTP(w, r)
		default:
			storage.ServeHTTP(w, r)
		}
	})
	f := &front{address: listener.Addr().String(), identity: identity, server: &http.Server{Handler: handler, Protocols: both, ReadHeaderTimeout: 10 * time.Second}}
	// Serve's error is the closing of the server, which is how it ends.
	go func() { _ = f.server.Serve(listener) }()
	return f, nil
}

// proxy forwards to one endpoint and says there who calls.
func proxy(address, token string, protocols *http.Protocols) http.Handler {
	if address == "" {
		return http.NotFoundHandler()
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			// The storage service answers upload addresses at the host that was asked: this front.
			r.Out.Host = r.In.Host
			r.Out.Header.Set("Authorization", "Bearer "+token)
		},
		Transport: &http.Transport{Protocols: protocols, DisableCompression: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
}

// environment points the job's clients at the endpoints.
func (f *front) environment(endpoints Endpoints) []string {
	var env []string
	if f.identity.token != "" {
		env = append(env, "GCE_METADATA_HOST="+f.address)
	}
	for name, endpoint := range map[string]string{
		"STORAGE_EMULATOR_HOST": endpoints.Storage, "DISCOVERYENGINE_ENDPOINT": endpoints.DiscoveryEngine, "SECRETMANAGER_ENDPOINT": endpoints.SecretManager,
	} {
		if endpoint != "" {
			env = append(env, name+"="+f.address)
		}
	}
	return env
}

func (f *front) close() {
	if f != nil {
		// Open connections are those of processes that have ended.
		_ = f.server.Close()
	}
}
