package main

import (
	"errors"
	"testing"

	"golang.org/x/oauth2"
)

// noToken is the account of a job that gets no token.
type noToken struct{}

func (noToken) Token() (*oauth2.Token, error) { return nil, errors.New("metadata: 403") }

func TestLoginThatFailsSaysWhatToDo(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
	_, absent := databaseToken(t.Context())
	if _, hint := advice(absent); hint != "give the job a service account, or run: gcloud auth application-default login" {
		t.Errorf("%v: hint %q", absent, hint)
	}
	_, refused := token(t.Context(), noToken{})
	if text, hint := advice(refused); text != "get a token to log in to the database: metadata: 403" || hint != "check the account that the job runs as" {
		t.Errorf("text %q, hint %q", text, hint)
	}
}
