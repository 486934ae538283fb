package main

import (
	"context"
	"fmt"

	"cloud.google.com/go/auth/credentials"

	"vertexmetadata/job/internal/refusal"
)

// loginScope is all that a token needs to log in to a Cloud SQL database.
// https://cloud.google.com/sql/docs/postgres/iam-logins
const loginScope = "https://www.googleapis.com/auth/sqlservice.login"

// databaseToken returns an access token of the job's account, which takes the place of the database password.
func databaseToken(ctx context.Context) (string, error) {
	account, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{loginScope}})
	if err != nil {
		return "", &refusal.Advice{
			Text:   fmt.Sprintf("find the account to log in to the database as: %v", err),
			Remedy: "give the job a service account, or run: gcloud auth application-default login", Causes: []error{err},
		}
	}
	token, err := account.Token(ctx)
	switch {
	case err != nil && ctx.Err() != nil: // the account is not to blame
		return "", fmt.Errorf("get a token to log in to the database: %w", context.Cause(ctx))
	case err != nil:
		return "", &refusal.Advice{
			Text:   fmt.Sprintf("get a token to log in to the database: %v", err),
			Remedy: "check the account that the job runs as", Causes: []error{err},
		}
	}
	return token.Value, nil
}
