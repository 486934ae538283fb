// Package datastore imports documents into a Vertex AI Search (Discovery
// Engine) data store, removes them, and follows the operations that do so.
//
// Every call is bounded in time. What may pass (UNAVAILABLE,
// RESOURCE_EXHAUSTED, ABORTED) is retried with jitter within one budget; what
// cannot succeed is reported at once, with the remedy.
package datastore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	discoveryengine "cloud.google.com/go/discoveryengine/apiv1"
	"golang.org/x/time/rate"

	"vertexmetadata/job/internal/refusal"
)

var (
	// ErrBusy is in the chain when the service had no room for the call within the
	// time it may wait: another import runs, or a quota is used up. Nothing was
	// started; a later run tries again.
	ErrBusy = refusal.ErrBusy
	// ErrUnavailable is in the chain when the service did not answer within the
	// budget. Whether it did what was asked is not known.
	ErrUnavailable = refusal.ErrUnavailable
	// ErrNotReadable is in the chain when the documents of a data store can be neither
	// listed nor read, because it has access control.
	ErrNotReadable = refusal.ErrNotReadable
	// ErrUnknownOperation is in the chain when the service does not know an
	// operation, never did or no longer does.
	ErrUnknownOperation = errors.New("the service does not know the operation")
	// ErrNoDocument is in the chain when a document is not in the data store.
	ErrNoDocument = errors.New("document is not in the data store")
)

// Config names a data store, by parts that package config has checked.
type Config struct {
	Project   string        // project id or number
	Location  string        // global (the default), us or eu
	DataStore string        // data store id
	Endpoint  string        // host:port of a stand-in; default: the service
	Budget    time.Duration // of one call with its retries; default: refusal.Budget
}

// Store is one data store. Its methods may be used by many goroutines at a time.
type Store struct {
	cfg       Config
	api       refusal.Caller
	name      string // resource name of the data store
	branch    string // resource name of its branch
	documents *discoveryengine.DocumentClient
	writes    *rate.Limiter // of single documents
}

// Open returns the data store. Its client connects by the first call.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg.Location = cmp.Or(cfg.Location, "global")
	s := &Store{cfg: cfg, writes: rate.NewLimiter(writesPerSecond, writesAtOnce)}
	s.name = fmt.Sprintf("projects/%s/locations/%s/collections/default_collection/dataStores/%s", cfg.Project, cfg.Location, cfg.DataStore)
	s.branch = s.name + "/branches/default_branch"
	s.api = refusal.Caller{
		Target: refusal.Target{Service: refusal.Search, Project: cfg.Project, Location: cfg.Location},
		Budget: cmp.Or(cfg.Budget, refusal.Budget),
	}
	switch {
	case cfg.Endpoint != "":
		s.api.Address, s.api.StandIn = cfg.Endpoint, "DISCOVERYENGINE_ENDPOINT"
	case cfg.Location != "global": // a data store in us or eu is not known at the global address
		s.api.Address = cfg.Location + "-discoveryengine.googleapis.com:443"
	}
	var err error
	if s.documents, err = discoveryengine.NewDocumentClient(ctx, s.api.Options()...); err != nil {
		return nil, s.api.Explain(ctx, "open", s.name, err)
	}
	return s, nil
}

// Close releases the connections.
func (s *Store) Close() error { return s.documents.Close() }
