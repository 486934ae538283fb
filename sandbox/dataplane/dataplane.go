// Package dataplane starts all that the job touches at once: a database with posts, a bucket, a data store and the
// secret with the database's password, and knows the environment that points the job at them.
package dataplane

import (
	"context"
	"errors"
	"io"
	"slices"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/postgres"
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
	// DatabaseURL is a database of the tester's own, which is used as it is instead of a PostgreSQL of the sandbox's.
	DatabaseURL string
	// Content is the kind of documents that the data store takes: required (default), none, or any.
	Content string
	// DataStores are the ids of further data stores, which take documents of any kind.
	DataStores []string
	// Authorize is asked at the endpoints of storage, Discovery Engine and Secret Manager; nil allows all.
	Authorize func(token, permission, resource string) error
	// Secrets replaces the data plane's own secret store; it has to hold SecretID with Source.Password then.
	Secrets secretmanager.Secrets
	// Password of the database role; default random.
	Password string
}

// Plane is the running whole. Its parts may be used directly, for their switches and what they saw.
type Plane struct {
	// Source is the database that the job reads, Postgres the server of it unless it is the tester's own.
	Source    Source
	Postgres  *postgres.Server
	Storage   *storage.Server
	Search    *discoveryengine.Server
	DataStore *discoveryengine.DataStore
	Secrets   *secretmanager.Server
	// SecretStore is nil when Options.Secrets took its place.
	SecretStore *secretmanager.Store

	location string
	closers  []io.Closer // in the order of starts
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
	database := p.startPostgres
	if options.DatabaseURL != "" {
		database = p.useDatabase
	}
	for _, part := range []func(context.Context, Options) error{database, p.startStorage, p.startSearch, p.startSecrets} {
		if err := part(ctx, options); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Plane) startStorage(_ context.Context, options Options) (err error) {
	p.Storage, err = storage.Start(storage.Options{Buckets: []string{Bucket}, Authorize: options.Authorize})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, p.Storage)
	return nil
}

func (p *Plane) startSearch(_ context.Context, options Options) (err error) {
	p.Search, err = discoveryengine.Start(discoveryengine.Options{Storage: p.Storage, Authorize: options.Authorize})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, p.Search)
	p.DataStore = p.Search.CreateDataStore(discoveryengine.StoreConfig{
		Project: Project, ProjectNumber: ProjectNumber, Location: options.Location, ID: DataStoreID,
		Content: ContentConfig(options.Content),
	})
	for _, id := range options.DataStores {
		p.Search.CreateDataStore(discoveryengine.StoreConfig{
			Project: Project, ProjectNumber: ProjectNumber, Location: options.Location, ID: id, Content: ContentConfig("any"),
		})
	}
	return nil
}

// ContentConfig is the kind of a data store by the name that Options.Content has for it.
func ContentConfig(content string) discoveryenginepb.DataStore_ContentConfig {
	switch content {
	case "none":
		return discoveryenginepb.DataStore_NO_CONTENT
	case "any":
		return discoveryenginepb.DataStore_CONTENT_CONFIG_UNSPECIFIED
	}
	return discoveryenginepb.DataStore_CONTENT_REQUIRED
}

func (p *Plane) startSecrets(_ context.Context, options Options) (err error) {
	secrets := options.Secrets
	if secrets == nil {
		p.SecretStore = secretmanager.NewStore()
		p.SecretStore.AddProject(Project, ProjectNumber)
		p.SecretStore.Add(Project, SecretID, []byte(p.Source.Password))
		secrets = p.SecretStore
	}
	p.Secrets, err = secretmanager.Start(secretmanager.Options{Secrets: secrets, Authorize: options.Authorize})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, p.Secrets)
	return nil
}

// Close ends everything and leaves nothing.
func (p *Plane) Close() error {
	var errs []error
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
