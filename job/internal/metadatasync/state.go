package metadatasync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"vertexmetadata/job/internal/bucket"
)

// format is the version of everything under root. A run that meets another format starts over with a full sync, which
// is right from any state, and leaves its own format behind.
const format = 1

// Names in the bucket. Everything but the snapshot lies under root.
const (
	prefix       = "metadata/"
	snapshotName = prefix + "metadata.jsonl"
	root         = prefix + ".sync/v1/"
	stateName    = root + "state.json"
	roundsPrefix = root + "rounds/"
)

// maxStateBytes is far more than the state, a round or the description of an offer ever has.
const maxStateBytes = 64 << 20

// state is the one object that says what is true: what the data store holds, as far as imports have succeeded, and
// what has been begun. It changes by compare-and-swap on its generation; every other object under root counts only
// if the state names it.
type state struct {
	Format    int    `json:"format"`
	Revision  int64  `json:"revision"`   // grows by one with every change of the state
	DataStore string `json:"data_store"` // that all of this is about

	// Shards[i] is the manifest of the documents whose id hashes to task i of len(Shards).
	Shards []shard `json:"shards"`

	Configuration string    `json:"configuration"` // fingerprint of the query and the document rules at LastScan
	LastFull      time.Time `json:"last_full"`     // when the last full sync that was committed read the source
	LastScan      time.Time `json:"last_scan"`     // when the last scan that was committed read the source
	Statistics    string    `json:"statistics"`    // PostgreSQL's table statistics just before LastScan
	Documents     int64     `json:"documents"`     // in the source at LastScan
	Failed        int64     `json:"failed"`        // documents of LastScan that are not in the data store as they should be

	Snapshot []string `json:"snapshot"` // objects of the last full sync
	Round    string   `json:"round"`    // the last round that was committed
	Pending  *pending `json:"pending,omitempty"`
	Purges   []purge  `json:"purges,omitempty"`
}

// shard is the manifest of one task's share.
type shard struct {
	Segments  []segment `json:"segments"` // oldest first
	Documents int64     `json:"documents"`
	Shared    bool      `json:"shared,omitempty"` // the segments hold the ids of other shares too, see divide
}

// segment names a manifest segment in the bucket.
type segment struct {
	Name    string `json:"name"`
	Entries int64  `json:"entries"`
	// Unconfirmed: the import or removal that the segment describes failed, or its outcome is not known. Its ids may be in
	// the data store, with whatever content.
	Unconfirmed bool `json:"unconfirmed,omitempty"`
}

// pending is an import that was begun. Until it is known to have succeeded the shards stay as they were.
type pending struct {
	Round     string    `json:"round"`
	Full      bool      `json:"full"`
	Operation string    `json:"operation,omitempty"` // empty: it was about to be started, whether it was is not known
	Refused   string    `json:"refused,omitempty"`   // why it could not be started, if its run lived to say so
	Started   time.Time `json:"started"`
	Errors    string    `json:"errors,omitempty"` // folder of the service's error files
	Objects   []string  `json:"objects,omitempty"`
	Upserts   int64     `json:"upserts"`
	Undeleted int64     `json:"undeleted,omitempty"` // documents whose deletion failed
	Tasks     int       `json:"tasks"`
	Whole     bool      `json:"whole"` // the offers are those of all tasks
	Offers    []offer   `json:"offers"`
	scanned
}

// scanned is what a scan knew of its source.
type scanned struct {
	ScannedAt     time.Time `json:"scanned_at"`
	Statistics    string    `json:"statistics"`
	Configuration string    `json:"configuration"`
}

// purge is a removal that is too large for single deletes. Its ids have left the manifest; until the service says
// that it is done they are held back, lest a document that came back is removed by a purge begun before.
type purge struct {
	Operation string    `json:"operation,omitempty"` // empty: to be started
	Object    string    `json:"object"`              // ids as the service reads them
	Removed   segment   `json:"removed"`             // the same ids as a manifest segment
	Errors    string    `json:"errors,omitempty"`
	Started   time.Time `json:"started"`
}

// documents returns how many documents the data store holds according to the manifest.
func (s *state) documents() (n int64) {
	for _, sh := range s.Shards {
		n += sh.Documents
	}
	return n
}

// known reports whether there is a manifest at all.
func (s *state) known() bool { return len(s.Shards) > 0 }

// clone returns a copy whose slices may be changed.
func (s *state) clone() state {
	c := *s
	c.Shards = slices.Clone(s.Shards)
	for i := range c.Shards {
		c.Shards[i].Segments = slices.Clone(c.Shards[i].Segments)
	}
	c.Purges = slices.Clone(s.Purges)
	return c
}

// objects returns the names of all objects that the state needs.
func (s *state) objects() map[string]bool {
	names := map[string]bool{stateName: true}
	for _, sh := range s.Shards {
		for _, g := range sh.Segments {
			names[g.Name] = true
		}
	}
	for _, p := range s.Purges {
		names[p.Object], names[p.Removed.Name], names[p.Errors] = true, true, true
	}
	if s.Pending != nil {
		names[s.Pending.Errors] = true
		for _, name := range s.Pending.Objects {
			names[name] = true
		}
		for _, o := range s.Pending.Offers {
			for _, g := range o.segments() {
				names[g.Name] = true
			}
		}
	}
	return names
}

// errSuperseded says that another run changed the state meanwhile, which the lock should have kept from happening.
var errSuperseded = errors.New("another run changed the state meanwhile; nothing of this run was committed, the next run starts from the new state")

// loadState reads the state into the run. A state that is absent, damaged, of another format or about another data store
// is an empty one.
func (r *run) loadState(ctx context.Context) error {
	r.setState(state{Format: format}, 0)
	r.strange = false
	data, generation, err := r.bucket.Read(ctx, stateName, maxStateBytes)
	if errors.Is(err, bucket.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.generation, r.strange = generation, true
	var s state
	switch err := json.Unmarshal(data, &s); {
	case err != nil:
		r.log.WarnContext(ctx, "state is damaged, starting over with a full sync", "object", r.bucket.URI(stateName), "cause", err.Error())
	case s.Format != format:
		r.log.WarnContext(ctx, "state has another format, starting over with a full sync", "object", r.bucket.URI(stateName), "format", s.Format, "want", format)
	case s.DataStore != r.set.DataStore:
		r.log.WarnContext(ctx, "state is about another data store, starting over with a full sync", "object", r.bucket.URI(stateName), "data_store", s.DataStore, "want", r.set.DataStore)
		r.setState(state{Format: format, Revision: s.Revision, Snapshot: s.Snapshot}, generation)
	default:
		r.setState(s, generation)
		r.strange = false
	}
	return nil
}

// setState replaces the state and what is derived from it.
func (r *run) setState(s state, generation int64) {
	r.state, r.generation = s, generation
	r.view = divide(s.Shards, r.set.Tasks)
}

// saveState makes next the state, if nobody changed it since it was loaded and this run still holds its locks.
func (r *run) saveState(ctx context.Context, next state) error {
	if err := r.db.Check(ctx); err != nil {
		return fmt.Errorf("commit state: the database session that holds this run's lock is gone: %w", err)
	}
	next.Format, next.DataStore = format, r.set.DataStore
	next.Revision = r.state.Revision + 1
	data, err := json.Marshal(&next)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	generation, err := r.bucket.Write(ctx, stateName, data, r.generation)
	if errors.Is(err, bucket.ErrConflict) {
		return errSuperseded
	}
	if err != nil {
		return err
	}
	needed := next.objects()
	for name := range r.state.objects() {
		if !needed[name] {
			r.superseded[name] = true
		}
	}
	r.setState(next, generation)
	r.strange = false
	return nil
}
