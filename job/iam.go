package main

import (
	"context"
	"fmt"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"vertexmetadata/job/internal/refusal"
)

// loginScope is all that a token needs to log in to a Cloud SQL database.
// https://cloud.google.com/sql/docs/postgres/iam-logins
const loginScope = "https://www.googleapis.com/auth/sqlservice.login"

// databaseToken returns an access token of the job's account, which takes the place of the database password.
func databaseToken(ctx context.Context) (string, error) {
	credentials, err := google.FindDefaultCredentials(ctx, loginScope)
	if err != nil {
		return "", &refusal.Advice{
			Text:   fmt.Sprintf("find the account to log in to the database as: %v", err),
			Remedy: "give the job a service account, or run: gcloud auth application-default login", Causes: []error{err},
		}
	}
	return token(ctx, credentials.TokenSource)
}

func token(ctx context.Context, source oauth2.TokenSource) (string, error) {
	type result struct {
		token *oauth2.Token
		err   error
	}
	done := make(chan result, 1) // a token source knows no context
	go func() {
		t, err := source.Token()
		done <- result{t, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("get a token to log in to the database: %w", context.Cause(ctx))
	case r := <-done:
		if r.err != nil {
			return "", &refusal.Advice{
				Text:   fmt.Sprintf("get a token to log in to the database: %v", r.err),
				Remedy: "check the account that the job runs as", Causes: []error{r.err},
			}
		}
		return r.token.AccessToken, nil
	}
}
