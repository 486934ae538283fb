// Package dataplane starts all that the job touches at once: a database with posts, a bucket, a data store and the
// secret with the database's password, and knows the environment that points the job at them.
package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/sample"
	"vertexmetadata/sandbox/secretmanager"
	"vertexmetadata/sandbox/storage"
)

// The names of everything in it.
const (
	Project       = "demo-project"
	ProjectNumber = "123456789012"
	Region        = "asia-northeast1"
	Instance      = Project + ":" + Region + ":app" // connection name of the Cloud SQL instance
	Bucket        = "demo-vertex-metadata"
	DataStoreID   = "nature-posts"
	SecretID      = "db_password"
	Role          = "app_user"
	Database      = "app"
)

// Options change what the data plane is made of. The zero value has the sample posts.
type Options struct {
	// Location of the data store: global (default), us or eu.
	Location string
	// Posts to generate instead of the sample ones; 0 loads the sample.
	Posts int
	// Seed of the generated posts.
	Seed int64
	// Empty leaves the tables without rows.
	Empty bool
	// Authorize is asked at the endpoints of storage, Discovery Engine and Secret Manager; nil allows all.
	Authorize func(token, permission, resource string) error
	// Secrets replaces the data plane's own secret store; it has to hold SecretID with Postgres.Password then.
	Secrets secretmanager.Secrets
	// Password of the database role; default random.
	Password string
}

// Plane is the running whole. Its parts may be used directly, for their switches and what they saw.
type Plane struct {
	Postgres  *postgres.Server
	Storage   *storage.Server
	Search    *discoveryengine.Server
	DataStore *discoveryengine.DataStore
	Secrets   *secretmanager.Server
	// SecretStore is nil when Options.Secrets took its place.
	SecretStore *secretmanager.Store
	// SocketDir stands in for /cloudsql.
	SocketDir string

	location string
}

// Start starts everything and returns once all of it answers. ctx bounds the start only.
func Start(ctx context.Context, options Options) (_ *Plane, err error) {
	if options.Location == "" {
		options.Location = "global"
	}
	p := &Plane{location: options.Location}
	defer func() {
		if err != nil {
			_ = p.Close()
		}
	}()
	for _, part := range []func(context.Context, Options) error{p.startPostgres, p.startStorage, p.startSearch, p.startSecrets} {
		if err := part(ctx, options); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Plane) startPostgres(ctx context.Context, options Options) (err error) {
	p.Postgres, err = postgres.Start(ctx, postgres.Options{User: Role, Password: options.Password, Database: Database, TCP: true})
	if err != nil {
		return err
	}
	if p.SocketDir, err = p.Postgres.InstanceSocketDir(Instance); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, p.Postgres.URL(""))
	if err != nil {
		return fmt.Errorf("load posts: %w", err)
	}
	defer conn.Close(ctx)
	switch {
	case options.Empty:
		return sample.CreateTables(ctx, conn)
	case options.Posts > 0:
		return sample.Generate(ctx, conn, options.Posts, options.Seed, sample.Options{})
	default:
		return sample.Load(ctx, conn)
	}
}

func (p *Plane) startStorage(_ context.Context, options Options) (err error) {
	p.Storage, err = storage.Start(storage.Options{Buckets: []string{Bucket}, Authorize: options.Authorize})
	return err
}

func (p *Plane) startSearch(_ context.Context, options Options) (err error) {
	p.Search, err = discoveryengine.Start(discoveryengine.Options{Storage: p.Storage, Authorize: options.Authorize})
	if err != nil {
		return err
	}
	p.DataStore = p.Search.CreateDataStore(discoveryengine.StoreConfig{
		Project: Project, ProjectNumber: ProjectNumber, Location: options.Location, ID: DataStoreID,
		Content: discoveryenginepb.DataStore_CONTENT_REQUIRED,
	})
	return nil
}

func (p *Plane) startSecrets(_ context.Context, options Options) (err error) {
	secrets := options.Secrets
	if secrets == nil {
		p.SecretStore = secretmanager.NewStore()
		p.SecretStore.AddProject(Project, ProjectNumber)
		p.SecretStore.Add(Project, SecretID, []byte(p.Postgres.Password()))
		secrets = p.SecretStore
	}
	p.Secrets, err = secretmanager.Start(secretmanager.Options{Secrets: secrets, Authorize: options.Authorize})
	return err
}

// Close ends everything and leaves nothing.
func (p *Plane) Close() error {
	var errs []error
	// A nil pointer in an interface is not nil, so each part is asked by itself.
	closers := []struct {
		running bool
		part    io.Closer
	}{
		{p.Secrets != nil, p.Secrets}, {p.Search != nil, p.Search}, {p.Storage != nil, p.Storage}, {p.Postgres != nil, p.Postgres},
	}
	for _, c := range closers {
		if c.running {
			errs = append(errs, c.part.Close())
		}
	}
	return errors.Join(errs...)
}
