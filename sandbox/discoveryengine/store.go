package discoveryengine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// StoreConfig describes a data store to create.
type StoreConfig struct {
	// Project is its id, ProjectNumber its number: names with either find the data store. The service answers
	// with the number; without one the id takes its place.
	Project, ProjectNumber string
	// Location is global (default), us or eu.
	Location string
	// ID of the data store.
	ID string
	// Content says whether documents must, or must not, have content; the zero value leaves it to them.
	Content discoveryenginepb.DataStore_ContentConfig
	// Schema has the kinds of fields, in the words of JSON schema: string, number, …. A document with another is refused.
	Schema map[string]string
	// Connector says that a connector fills the data store: it takes no import.
	Connector bool
	// ACL says that documents have access control: they can be neither listed nor read.
	ACL bool
}

// DataStore holds documents. Its methods look and reach past the API, for tests.
type DataStore struct {
	config  StoreConfig
	created time.Time

	mu        sync.Mutex // guards all below
	documents map[string]*stored
	learned   map[string]string // kinds of fields, where types are fixed
	sorted    []string          // ids in order, nil when it must be made anew
	stats     Stats
}

// stored is one document as it came in: a line of JSON.
type stored struct {
	line []byte
	text string // what search reads, made at the first search; guarded by the data store's mutex
}

// Stats count what was done to a data store.
type Stats struct {
	ImportsFull, ImportsIncremental int // started, by mode
	ImportsInline, ImportsStorage   int // started, by source
	Written                         int // documents that imports, creates and updates stored
	Failed                          int // documents that imports refused
	Removed                         int // documents that FULL imports removed
	Deleted                         int // documents removed one by one
	Searches                        int
}

// CreateDataStore makes an empty data store; one of the same name is replaced.
func (s *Server) CreateDataStore(config StoreConfig) *DataStore {
	if config.Location == "" {
		config.Location = "global"
	}
	if config.ProjectNumber == "" {
		config.ProjectNumber = config.Project
	}
	store := &DataStore{config: config, created: time.Now(), documents: map[string]*stored{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, project := range []string{config.Project, config.ProjectNumber} {
		s.stores[storeName{project, config.Location, config.ID}.String()] = store
	}
	return store
}

// DeleteDataStore removes a data store with all it holds.
func (s *Server) DeleteDataStore(store *DataStore) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.stores, func(_ string, other *DataStore) bool { return other == store })
}

// Name is the data store's resource name as the service writes it, with the project's number.
func (d *DataStore) Name() string {
	return storeName{d.config.ProjectNumber, d.config.Location, d.config.ID}.String()
}

func (d *DataStore) documentName(id string) string {
	return d.Name() + "/branches/0/documents/" + id
}

// Documents are all documents, as the JSON lines they came in, by id.
func (d *DataStore) Documents() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	documents := make(map[string]string, len(d.documents))
	for id, document := range d.documents {
		documents[id] = string(document.line)
	}
	return documents
}

// Each calls see with every document, in the order of ids, without copying them.
func (d *DataStore) Each(see func(id string, line []byte)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range d.ids() {
		see(id, d.documents[id].line)
	}
}

// Len is how many documents there are.
func (d *DataStore) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.documents)
}

// Put stores a document, unchecked and uncounted, as if changed by hand.
func (d *DataStore) Put(id, line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(id, []byte(line))
}

// Remove removes a document, uncounted, as if by hand, and reports whether it was there.
func (d *DataStore) Remove(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.remove(id)
}

// Stats are the counts since the start or the last ResetStats.
func (d *DataStore) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

// ResetStats sets every count to 0.
func (d *DataStore) ResetStats() { d.count(func(s *Stats) { *s = Stats{} }) }

func (d *DataStore) count(change func(*Stats)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.stats)
}

// put, remove and ids expect the mutex to be held.
func (d *DataStore) put(id string, line []byte) {
	if _, known := d.documents[id]; !known {
		d.sorted = nil
	}
	d.documents[id] = &stored{line: line}
}

func (d *DataStore) remove(id string) bool {
	if _, known := d.documents[id]; !known {
		return false
	}
	delete(d.documents, id)
	d.sorted = nil
	return true
}

func (d *DataStore) ids() []string {
	if d.sorted == nil {
		d.sorted = slices.Sorted(maps.Keys(d.documents))
	}
	return d.sorted
}

func (d *DataStore) line(id string) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	document, found := d.documents[id]
	if !found {
		return nil, false
	}
	return document.line, true
}

// What the service says of data stores that cannot do what is asked. The texts are not documented.
var (
	errConnector = status.Error(codes.FailedPrecondition, "Documents cannot be imported: the data store is managed by a data connector.")
	errACL       = invalid("Documents of a DataStore with acl_enabled cannot be accessed by this method.")
)

type dataStoreService struct {
	discoveryenginepb.UnimplementedDataStoreServiceServer
	s *Server
}

func (d *dataStoreService) GetDataStore(_ context.Context, r *discoveryenginepb.GetDataStoreRequest) (*discoveryenginepb.DataStore, error) {
	store, rest, err := d.s.store(r.GetName())
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, invalid("Invalid resource name: %q", r.GetName())
	}
	return &discoveryenginepb.DataStore{
		Name:             store.Name(),
		DisplayName:      fmt.Sprintf("Sandbox data store %s", store.config.ID),
		IndustryVertical: discoveryenginepb.IndustryVertical_GENERIC,
		SolutionTypes:    []discoveryenginepb.SolutionType{discoveryenginepb.SolutionType_SOLUTION_TYPE_SEARCH},
		ContentConfig:    store.config.Content,
		DefaultSchemaId:  "default_schema",
		AclEnabled:       store.config.ACL,
		CreateTime:       timestamppb.New(store.created),
	}, nil
}
