package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/reconcile"
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
	return bucket.Open(ctx, bucket.Config{Name: cfg.Bucket, Project: cfg.Project, Root: layout.New(cfg.Sync.Name).Prefix()})
}

// password reads the database password, unless DATABASE_URL or a token stands for it.
func password(ctx context.Context, cfg config.Config) (string, error) {
	if cfg.DatabaseURL != "" || cfg.IAMAuth {
		return "", nil
	}
	return secret.Access(ctx, secret.Config{
		Project: cfg.Project, Secret: cfg.SecretID, Version: cfg.SecretVersion, Endpoint: cfg.SecretManagerEndpoint,
	})
}

func openStore(ctx context.Context, cfg config.Config) (*datastore.Store, error) {
	return datastore.Open(ctx, datastore.Config{
		Project: cfg.Project, Location: cfg.Location, DataStore: cfg.DataStore, Endpoint: cfg.DiscoveryEngineEndpoint,
	})
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
