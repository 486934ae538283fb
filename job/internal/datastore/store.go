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
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	discoveryengine "cloud.google.com/go/discoveryengine/apiv1"
	"golang.org/x/time/rate"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"vertexmetadata/job/internal/refusal"
)

// DefaultBudget is how long one call may take, all its retries included: a run
// ends within 30 seconds of what it may wait for.
const DefaultBudget = 25 * time.Second

// Config names a data store. Project and DataStore must be set.
type Config struct {
	Project   string        // project id or number
	Location  string        // global (the default), us or eu
	DataStore string        // data store id
	Endpoint  string        // host:port of a stand-in, spoken to in plaintext without credentials; default: the service
	Budget    time.Duration // of one call with its retries; default: DefaultBudget
}

// Store is one data store. Its methods may be used by many goroutines at a time.
type Store struct {
	cfg       Config
	name      string // resource name of the data store
	branch    string // resource name of its branch
	documents func() (*discoveryengine.DocumentClient, error)
	opened    atomic.Pointer[discoveryengine.DocumentClient] // nil: nothing to close
	writes    *rate.Limiter                                  // of single documents
}

// part is what one step of a resource name may consist of.
var part = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)

// Open checks cfg and returns the data store. Nothing is connected before the
// first call, so a run that needs no data store does not pay for one.
func Open(_ context.Context, cfg Config) (*Store, error) {
	cfg.Location = cmp.Or(cfg.Location, "global")
	if cfg.Budget <= 0 {
		cfg.Budget = DefaultBudget
	}
	var problems []error
	for _, p := range []struct{ field, value, remedy string }{
		{"project", cfg.Project, "set PROJECT_ID to a project's id or number"},
		{"data store", cfg.DataStore, "set DATA_STORE_ID to the id alone, without the path before it"},
	} {
		if !part.MatchString(p.value) {
			problems = append(problems, fmt.Errorf("%s %q: %s", p.field, p.value, p.remedy))
		}
	}
	if !slices.Contains([]string{"global", "us", "eu"}, cfg.Location) {
		problems = append(problems, fmt.Errorf("location %q: set GCP_LOCATION to global, us or eu", cfg.Location))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("open data store: %w", err)
	}
	s := &Store{cfg: cfg, writes: rate.NewLimiter(writesPerSecond, writesAtOnce)}
	s.name = fmt.Sprintf("projects/%s/locations/%s/collections/default_collection/dataStores/%s", cfg.Project, cfg.Location, cfg.DataStore)
	s.branch = s.name + "/branches/default_branch"
	s.documents = sync.OnceValues(s.connect)
	return s, nil
}

// Close releases the connections.
func (s *Store) Close() error {
	if client := s.opened.Swap(nil); client != nil {
		return client.Close()
	}
	return nil
}

// connect makes the client of the documents. It goes without a deadline of its
// own: the connection is made by the first call.
func (s *Store) connect() (*discoveryengine.DocumentClient, error) {
	client, err := discoveryengine.NewDocumentClient(context.Background(), s.options()...)
	if err != nil {
		return nil, s.unconnected(err)
	}
	s.opened.Store(client)
	return client, nil
}

func (s *Store) unconnected(err error) error {
	return refusal.Explain("connect to", s.address(), err, s.target())
}

// address is where the API of the data store's location is: a data store in us
// or eu is not known at the global address.
func (s *Store) address() string {
	switch {
	case s.cfg.Endpoint != "":
		return s.cfg.Endpoint
	case s.cfg.Location == "global":
		return "discoveryengine.googleapis.com:443"
	}
	return s.cfg.Location + "-discoveryengine.googleapis.com:443"
}

func (s *Store) options() []option.ClientOption {
	opts := []option.ClientOption{option.WithEndpoint(s.address()), option.WithTelemetryDisabled()}
	if s.cfg.Endpoint != "" {
		opts = append(opts, option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	return opts
}
