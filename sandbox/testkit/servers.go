// Package testkit is what the tests of the job share: the servers that it talks to, and the comparison of a source with the data
// store that it feeds.
package testkit

import (
	"context"
	"errors"
	"io"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/secretmanager"
	"vertexmetadata/sandbox/storage"
)

// The project of everything that NewStore and Secrets make.
const (
	Project       = "test-project"
	ProjectNumber = "123456789012"
)

// Servers are one of each. Tests that run at the same time have their own database or schema, bucket and data store in them.
type Servers struct {
	Database *postgres.Server
	Objects  *storage.Server
	Search   *discoveryengine.Server
	Secrets  *secretmanager.Store
	Vault    *secretmanager.Server // serves Secrets

	closers []io.Closer
}

// Start starts all servers, for a TestMain. ctx bounds the start only.
func Start(ctx context.Context, database postgres.Options) (_ *Servers, err error) {
	s := &Servers{Secrets: secretmanager.NewStore()}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	s.Secrets.AddProject(Project, ProjectNumber)
	if s.Database, err = postgres.Start(ctx, database); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.Database)
	if s.Objects, err = storage.Start(storage.Options{}); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.Objects)
	if s.Search, err = discoveryengine.Start(discoveryengine.Options{Storage: s.Objects}); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.Search)
	if s.Vault, err = secretmanager.Start(secretmanager.Options{Secrets: s.Secrets}); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.Vault)
	return s, nil
}

// NewStore makes a bucket and a data store, both of that name.
func (s *Servers) NewStore(name string, content discoveryenginepb.DataStore_ContentConfig) *discoveryengine.DataStore {
	s.Objects.CreateBucket(name)
	return s.Search.CreateDataStore(discoveryengine.StoreConfig{Project: Project, ID: name, Content: content})
}

// Environment points the job at the servers, and at a bucket and a data store of that name.
func (s *Servers) Environment(name string) map[string]string {
	return map[string]string{
		"PROJECT_ID": Project, "GCS_BUCKET": name, "DATA_STORE_ID": name, "STORAGE_EMULATOR_HOST": s.Objects.Addr(),
		"DISCOVERYENGINE_ENDPOINT": s.Search.Addr(), "SECRETMANAGER_ENDPOINT": s.Vault.Addr(),
	}
}

// Close ends all servers.
func (s *Servers) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i].Close())
	}
	return errors.Join(errs...)
}
