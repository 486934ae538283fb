// Package datastore imports documents into a Vertex AI Search (Discovery
// Engine) data store, removes them, and follows the operations that do so.
//
// Every call is bounded in time. What may pass (UNAVAILABLE,
// RESOURCE_EXHAUSTED, ABORTED) is retried with jitter within one budget; what
// cannot succeed is reported at once, with the remedy.
package datastore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
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
	Project    string        // project id or number
	Location   string        // global (the default), us or eu
	Collection string        // default: default_collection
	DataStore  string        // data store id
	Branch     string        // default: default_branch
	Endpoint   string        // host:port of a stand-in, spoken to in plaintext without credentials; default: the service
	Budget     time.Duration // of one call with its retries; default: DefaultBudget
	BusyWait   time.Duration // how long an import waits for its turn where the service is busy; default: Budget, below 0: not at all
}

// Store is one data store. Its methods may be used by many goroutines at a time.
type Store struct {
	cfg       Config
	name      string // resource name of the data store
	branch    string // resource name of its branch
	documents func() (*discoveryengine.DocumentClient, error)
	writes    *rate.Limiter  // of single documents
	opened    []func() error // closes what was opened
	mu        sync.Mutex
}

// part is what one step of a resource name may consist of.
var part = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)

// Open checks cfg and returns the data store. Nothing is connected before the
// first call, so a run that needs no data store does not pay for one.
func Open(_ context.Context, cfg Config) (*Store, error) {
	if cfg.Location == "" {
		cfg.Location = "global"
	}
	if cfg.Collection == "" {
		cfg.Collection = "default_collection"
	}
	if cfg.Branch == "" {
		cfg.Branch = "default_branch"
	}
	if cfg.Budget <= 0 {
		cfg.Budget = DefaultBudget
	}
	if cfg.BusyWait == 0 {
		cfg.BusyWait = cfg.Budget
	}
	var problems []error
	for _, p := range []struct{ field, value, remedy string }{
		{"project", cfg.Project, "set PROJECT_ID to a project's id or number"},
		{"data store", cfg.DataStore, "set DATA_STORE_ID to the id alone, without the path before it"},
		{"collection", cfg.Collection, "it is an id"},
		{"branch", cfg.Branch, "it is an id"},
	} {
		if !part.MatchString(p.value) {
			problems = append(problems, fmt.Errorf("%s %q: %s", p.field, p.value, p.remedy))
		}
	}
	switch cfg.Location {
	case "global", "us", "eu":
	default:
		problems = append(problems, fmt.Errorf("location %q: set GCP_LOCATION to global, us or eu", cfg.Location))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("open data store: %w", err)
	}
	s := &Store{cfg: cfg, writes: rate.NewLimiter(writesPerSecond, writesAtOnce)}
	s.name = fmt.Sprintf("projects/%s/locations/%s/collections/%s/dataStores/%s", cfg.Project, cfg.Location, cfg.Collection, cfg.DataStore)
	s.branch = s.name + "/branches/" + cfg.Branch
	s.documents = sync.OnceValues(s.connect)
	return s, nil
}

// Name is the data store's resource name.
func (s *Store) Name() string { return s.name }

// Close releases the connections.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, closeClient := range s.opened {
		errs = append(errs, closeClient())
	}
	s.opened = nil
	return errors.Join(errs...)
}

// connect makes the client of the documents. It goes without a deadline of its
// own: the connection is made by the first call.
func (s *Store) connect() (*discoveryengine.DocumentClient, error) {
	client, err := discoveryengine.NewDocumentClient(context.Background(), s.options()...)
	if err != nil {
		return nil, s.unconnected(err)
	}
	s.closeLater(client.Close)
	return client, nil
}

func (s *Store) unconnected(err error) error {
	return refusal.Explain("connect to", s.address(), err, s.target())
}

func (s *Store) closeLater(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, f)
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
