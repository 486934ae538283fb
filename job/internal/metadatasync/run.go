// Package metadatasync is one run of the job: it reads the source once, compares it with the manifest of what the
// data store holds, and imports and removes what differs.
//
// The protocol keeps three promises over any failure, a kill at any point included. The manifest says that the data
// store holds a document only after an import of it is known to have succeeded. An id that may be in the data store is
// in the manifest, so that it can be removed. And a change of the state is a single compare-and-swap of one object:
// whatever a run wrote before it counts for nothing without it.
package metadatasync

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/manifest"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/source"
)

// Settings of a run. The zero value is not valid; package config sets the defaults.
type Settings struct {
	Task      int    // index of this task, from 0
	Tasks     int    // number of tasks that share the work, at least 1
	Execution string // what the tasks of one execution have in common; needed when Tasks > 1

	Query     string           // the source query, as far as it decides whether a scan can be spared
	Documents document.Options // rules for documents

	Full            bool // full sync, whatever the state says
	AllowMassDelete bool // no guard

	ImportWait       time.Duration // how long a run waits for its import; a longer one is left pending
	FullSyncInterval time.Duration // age of the last full sync at which the next is due
	RescanInterval   time.Duration // age of the last scan at which table statistics are no longer trusted; 0: never trusted
	MaxDeleteRatio   float64       // greatest share of the documents that a run may remove, 0 to 1
	DataStore        string        // what the locks are named after
}

// Clients are the services of a run; the run closes none of them.
type Clients struct {
	DB     *source.DB
	Bucket *bucket.Bucket
	Store  *datastore.Store
}

// Run does one sync. Log must be set; Progress may be nil and is told how many rows were read, of about how many.
type Run struct {
	Settings Settings
	Clients  Clients
	Log      *slog.Logger
	Progress func(rows, about int64)
	Now      func() time.Time // nil: time.Now
}

// run is the state of one sync.
type run struct {
	set      Settings
	db       *source.DB
	bucket   *bucket.Bucket
	store    *datastore.Store
	log      *slog.Logger
	progress func(rows, about int64)
	now      func() time.Time

	token      string // tells the objects of this run from those of every other
	round      string // the run, or with several tasks the execution, that this run's offer belongs to
	state      state
	generation int64
	strange    bool             // there is a state, but not one that this run understands; what it names is not known
	view       []shard          // the state's shards, as this number of tasks divides them
	skipped    map[string]int64 // rows skipped, by MIME type
	earlier    error            // why an import or a removal that an earlier run began failed
	carried    bool             // this run committed what an earlier one began
	superseded map[string]bool  // objects that the state named and names no longer
	obsolete   map[string]bool  // rounds of which nothing can come any more
	counted    bool             // the summary says how many documents this run found in its share
	summary    Summary
}

func (s *Run) start() *run {
	r := &run{
		set: s.Settings, db: s.Clients.DB, bucket: s.Clients.Bucket, store: s.Clients.Store,
		log: s.Log, progress: s.Progress, now: s.Now,
		token: strings.ToLower(rand.Text()[:10]), superseded: map[string]bool{}, obsolete: map[string]bool{}, skipped: map[string]int64{},
	}
	r.round = r.token
	if r.set.Tasks > 1 {
		r.round = r.set.Execution
	}
	if r.progress == nil {
		r.progress = func(int64, int64) {}
	}
	if r.now == nil {
		r.now = time.Now
	}
	return r
}

// Sync brings the data store in step with the source. The summary is right whatever the error.
func (s *Run) Sync(ctx context.Context) (Summary, error) {
	r := s.start()
	outcome, err := r.sync(ctx)
	if err == nil && r.summary.Failed > 0 {
		err = fmt.Errorf("%d documents failed, each is named above or in the service's own error report", r.summary.Failed)
		if r.summary.Documents > r.summary.Failed {
			err = fmt.Errorf("%w; the rest is in step", err)
		}
	}
	if err != nil {
		outcome = Failed
	}
	r.summary.Outcome = outcome
	if !r.counted {
		r.summary.Documents = r.lastCount()
	}
	return r.summary, err
}

// sync is the table of contents of a run.
func (r *run) sync(ctx context.Context) (Outcome, error) {
	locked, err := r.lockShare(ctx)
	if err != nil || !locked {
		return Skipped, err
	}
	stats, err := r.open(ctx)
	if err != nil {
		return Failed, err
	}
	if unfinished, err := r.finishEarlier(ctx); err != nil || unfinished {
		return Pending, err
	}
	if r.committed() {
		return Imported, nil
	}
	var outcome Outcome
	if r.idle(ctx, stats) {
		outcome = r.settled()
	} else {
		outcome, err = r.syncShare(ctx, stats)
	}
	if errors.Is(err, errHeldUnknown) {
		r.log.WarnContext(ctx, "a removal has to end first", "cause", err.Error())
		outcome, err = Pending, nil
	}
	if outcome == Unchanged && r.carried {
		outcome = Imported
	}
	if outcome == Pending && err == nil && r.earlier != nil {
		// Its documents are on their way again, but what always fails must not look like what is slow.
		err = fmt.Errorf("%w; the next attempt is pending", r.earlier)
	}
	return outcome, err
}

// open reads the state and, at the same time, the table statistics, which must be older than the snapshot of the scan.
func (r *run) open(ctx context.Context) (source.Stats, error) {
	loaded := make(chan error, 1)
	load := panics.Guard(func() error { return r.loadState(ctx) })
	go func() { loaded <- load() }()
	stats, err := r.db.TableStats(ctx)
	return stats, errors.Join(<-loaded, err)
}

// divide returns the shards as tasks tasks see them. When their number changed, every shard takes over the segments of
// all: a share is picked out when they are loaded, and its next offer replaces them by one segment of its own ids.
// Shards that are shared from an earlier change come first, since they also hold older entries of the others' ids.
func divide(shards []shard, tasks int) []shard {
	if len(shards) == tasks || len(shards) == 0 {
		return shards
	}
	var all shard
	for _, shared := range []bool{true, false} {
		for _, s := range shards {
			if s.Shared != shared {
				continue
			}
			for _, g := range s.Segments {
				if !slices.Contains(all.Segments, g) {
					all.Segments = append(all.Segments, g)
				}
			}
		}
	}
	for _, s := range shards {
		all.Documents += s.Documents
	}
	divided := make([]shard, tasks)
	for i := range divided {
		divided[i] = shard{Segments: slices.Clone(all.Segments), Documents: all.Documents / int64(tasks), Shared: true}
	}
	return divided
}

// share returns the segments of this task's share.
func (r *run) share() []segment {
	if len(r.view) == 0 {
		return nil
	}
	return r.view[r.set.Task].Segments
}

// mine tells the ids of this task's share from the others, nil when there is one task.
func (r *run) mine() func(id []byte) bool {
	if r.set.Tasks == 1 {
		return nil
	}
	return func(id []byte) bool { return source.ShareOf(string(id), r.set.Tasks) == r.set.Task }
}

// configuration is the fingerprint of all that decides, besides the rows, what the documents look like.
func (r *run) configuration() string {
	return fmt.Sprintf("%016x", xxh3.HashString(fmt.Sprintf("%q %v", r.set.Query, r.set.Documents)))
}

// object returns a name for an object of this run.
func (r *run) object(kind string) string {
	return fmt.Sprintf("%s%s/%s-%d-%s", roundsPrefix, r.round, kind, r.set.Task, r.token)
}

// loadTable loads the manifest of this share. A manifest that cannot be read is none: the run becomes a full sync.
func (r *run) loadTable(ctx context.Context) (*manifest.Table, error) {
	debug.SetGCPercent(gcPercent)
	var documents int64
	if len(r.view) > 0 {
		documents = r.view[r.set.Task].Documents
	}
	table := manifest.NewTable(documents)
	for _, g := range r.share() {
		err := r.readSegment(ctx, g, func(in io.Reader) error { return table.Load(in, g.Unconfirmed, r.mine()) })
		if err != nil {
			return nil, err
		}
	}
	return table, nil
}

// damaged tells an error that the manifest itself causes from one of the network.
func damaged(err error) bool {
	return errors.Is(err, manifest.ErrCorrupt) || errors.Is(err, bucket.ErrNotExist) || errors.Is(err, bucket.ErrCorrupt)
}
