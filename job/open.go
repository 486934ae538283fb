package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"cloud.google.com/go/auth/credentials"
	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/reconcile"
	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/secret"
	"vertexmetadata/job/internal/source"
)

// closeTime is how long the end of a command may wait for the database to say goodbye.
const closeTime = time.Second

// clients are the open services of a command.
type clients struct{ reconcile.Clients }

// open opens all services at once; the database waits for its password. The context of the bucket outlives this call:
// its client refreshes credentials with it.
func open(ctx context.Context, cfg config.Config, command string) (*clients, error) {
	c := &clients{}
	group, connecting := errgroup.WithContext(ctx)
	group.Go(panics.Guard(func() (err error) {
		c.DB, err = openDatabase(connecting, cfg, command)
		return err
	}))
	group.Go(panics.Guard(func() (err error) {
		c.Bucket, err = openBucket(ctx, cfg)
		return err
	}))
	group.Go(panics.Guard(func() (err error) {
		c.Store, err = openStore(ctx, cfg)
		return err
	}))
	if err := group.Wait(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func openDatabase(ctx context.Context, cfg config.Config, command string) (*source.DB, error) {
	password, err := password(ctx, cfg)
	if err != nil {
		return nil, err
	}
	name := "vertex-metadata-" + command
	if cfg.Execution != "" {
		name += " " + cfg.Execution
	}
	db := source.Config{
		URL:      cfg.DatabaseURL,
		Instance: cfg.Instance, SocketDir: cfg.SocketDir, IPType: cfg.IPType, IAM: cfg.IAMAuth,
		Database: cfg.DatabaseName, User: cfg.DatabaseUser, Password: password,
		Query: cfg.Query, ApplicationName: name, StatementTimeout: cfg.StatementTimeout, MaxValueBytes: cfg.MaxDocumentBytes,
	}
	if cfg.IAMAuth && cfg.IPType == "" {
		db.Token = databaseToken // the connector logs in by itself
	}
	if command == "check" {
		db.LockTimeout = checkTime / 2 // so that check can say what was locked
	}
	return source.Open(ctx, db)
}

func openBucket(ctx context.Context, cfg config.Config) (*bucket.Bucket, error) {
	if cfg.StorageEmulatorHost != "" { // which the client reads by itself: without what editors leave at its ends
		if err := os.Setenv("STORAGE_EMULATOR_HOST", cfg.StorageEmulatorHost); err != nil {
			return nil, fmt.Errorf("set STORAGE_EMULATOR_HOST: %w", err)
		}
	}
	return bucket.Open(ctx, bucket.Config{Name: cfg.Bucket, Project: cfg.Project, Root: string(layout.New(cfg.Sync.Name))})
}

// password reads the database password, unless DATABASE_URL or a token stands for it. A byte order mark before it is an
// editor's.
func password(ctx context.Context, cfg config.Config) (string, error) {
	if cfg.DatabaseURL != "" || cfg.IAMAuth {
		return "", nil
	}
	value, err := secret.Access(ctx, secret.Config{
		Project: cfg.Project, Secret: cfg.SecretID, Version: cfg.SecretVersion, Endpoint: cfg.SecretManagerEndpoint,
	})
	return strings.TrimPrefix(value, "\uFEFF"), err
}

func openStore(ctx context.Context, cfg config.Config) (*datastore.Store, error) {
	return datastore.Open(ctx, datastore.Config{
		Project: cfg.Project, Location: cfg.Location, DataStore: cfg.DataStore, Endpoint: cfg.DiscoveryEngineEndpoint,
	})
}

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

// Close ends every session, the database's first: it frees the locks.
func (c *clients) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if c.DB != nil {
		c.DB.Close(ctx)
	}
	if c.Bucket != nil {
		_ = c.Bucket.Close()
	}
	if c.Store != nil {
		_ = c.Store.Close()
	}
}
