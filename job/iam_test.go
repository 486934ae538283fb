package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// account is the key file of an account whose tokens come from url.
func account(t *testing.T, url string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "job@p.iam.gserviceaccount.com", "token_uri": url,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDatabaseToken(t *testing.T) {
	done := make(chan struct{})
	answers := map[string]http.HandlerFunc{
		"/given": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"access_token": "the-token", "expires_in": 3600}`))
		},
		"/refused": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such account", http.StatusForbidden) },
		"/silent":  func(http.ResponseWriter, *http.Request) { <-done },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answers[r.URL.Path](w, r) }))
	defer server.Close()
	defer close(done)
	const check = "check the account that the job runs as"
	for name, tt := range map[string]struct{ file, token, text, hint string }{
		"no account": {"/nowhere/key.json", "", "find the account to log in to the database as: ", "give the job a service account, or run: gcloud auth application-default login"},
		"given":      {account(t, server.URL+"/given"), "the-token", "", ""},
		"refused":    {account(t, server.URL+"/refused"), "", "get a token to log in to the database: ", check},
		"silent":     {account(t, server.URL+"/silent"), "", "get a token to log in to the database: no answer in time", errNoAnswer.Remedy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", tt.file)
			limit := 5 * time.Second
			if name == "silent" {
				limit = 20 * time.Millisecond
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), limit, errNoAnswer)
			defer cancel()
			token, err := databaseToken(ctx)
			if token != tt.token || (err == nil) != (tt.text == "") {
				t.Fatalf("got %q, %v", token, err)
			}
			if err == nil {
				return
			}
			if text, hint := advice(err); !strings.HasPrefix(text, tt.text) || hint != tt.hint {
				t.Errorf("text %q, hint %q", text, hint)
			}
		})
	}
}
