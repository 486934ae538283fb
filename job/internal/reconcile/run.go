// Package reconcile is one run of a sync: it brings a data store in sync with a query. docs/PROTOCOL.md describes it step
// by step; [Run.Sync] is its table of contents. What is true is a [ledger.State] that one step hands to the next.
package reconcile

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/source"
)

// Settings of a run. The zero value is not valid; package config sets the defaults.
type Settings struct {
	Name      string // of the sync, empty for the only one of a job
	DataStore string // project/location/id; the lock is named after it
	Execution string // for the log
	Version   string // for the log

	Query     string           // the source query, as far as it decides whether the source has to be read
	Documents document.Options // rules for documents

	Full            bool // a full sync, whatever the ledger says
	AllowMassDelete bool // MaxDeleteRatio and MaxChangeRatio do not stop the run

	ImportWait       time.Duration // how long a run waits for imports; what is not done then is left pending
	FullSyncInterval time.Duration // age of the last full sync at which the next is due
	RescanInterval   time.Duration // age of the last scan at which table statistics are no longer trusted; 0: never trusted
	MaxDeleteRatio   float64       // greatest share of the documents that a run may remove, 0 to 1
	MaxChangeRatio   float64       // greatest share of the documents that a run may change, 0 to 1
	MaxFailed        config.Limit  // how many documents may fail without failing the run
	MaxDeletions     int           // how many documents a run deletes one by one; 0: DefaultDeletions
}

// DefaultDeletions is well within the service's 12,000 writes a minute. What is left stays in the manifest, and later runs
// find it again.
const DefaultDeletions = 5000

// Clients are the services of a run; the run closes none of them.
type Clients struct {
	DB     *source.DB
	Bucket *bucket.Bucket
	Store  *datastore.Store
}

// Run does one sync. Log must be set.
type Run struct {
	Settings
	Clients
	Log      *slog.Logger
	Progress func(rows, about int64) // nil, or called with how many rows were read, and about how many there are
	Enter    func(Phase, int64)      // nil, or called with what the run does from now on, and with how many documents
	Now      func() time.Time        // nil: time.Now
}

// Phase is what a run is doing, for people who watch.
type Phase string

// The phases that may take long, beside the read of the source.
const (
	Uploading Phase = "uploading"
	Deleting  Phase = "deleting"
	Importing Phase = "waiting for the import of"
)

func (r *Run) enter(p Phase, documents int64) {
	if r.Enter != nil {
		r.Enter(p, documents)
	}
}

// Sync brings the data store in sync with the source. The summary is right whatever the error.
func (r *Run) Sync(ctx context.Context) (Summary, error) {
	var summary Summary
	outcome, err := r.sync(ctx, &summary)
	if err == nil && outcome != Skipped {
		err = tooManyFailed(r.MaxFailed, summary.Failed, summary.Documents)
	}
	if err != nil {
		outcome = Failed
	}
	summary.Outcome = outcome
	return summary, err
}

// sync is the table of contents of a run. Its steps are those of docs/PROTOCOL.md.
func (r *Run) sync(ctx context.Context, summary *Summary) (Outcome, error) {
	if locked, err := r.lock(ctx); err != nil || !locked {
		return Skipped, err
	}
	state, stats, err := r.open(ctx)
	summary.read(state)
	if err != nil {
		return Failed, err
	}
	start, folder := state, r.ledger().Layout.Run(strings.ToLower(rand.Text()[:10]))
	importer := r.importer(folder, summary)
	defer func() { r.sweep(ctx, start, state, folder) }()

	state, earlier, err := importer.resume(ctx, state)
	summary.read(state)
	if err != nil || earlier.outcome == Pending {
		return Pending, err
	}
	due := whyDue(r.Settings, state, stats, r.now())
	if due == "" {
		r.Log.DebugContext(ctx, "table statistics unchanged, the source is not read")
		return earlier.then(Unchanged, nil)
	}
	r.Log.InfoContext(ctx, "reading the source", "why", due)

	state, changes, err := r.compare(ctx, state, stats, folder, nil)
	if err != nil {
		return Failed, err
	}
	defer changes.Abort()
	summary.scanned(changes)
	if err := r.guard(ctx, state, changes); err != nil {
		return Failed, err
	}
	scan := r.carryOver(ctx, state, changes)

	state, outcome, err := importer.apply(ctx, state, changes, scan)
	return earlier.then(outcome, err)
}

// lock takes the advisory lock of the data store, which is held until the database session ends.
func (r *Run) lock(ctx context.Context) (bool, error) {
	name := "vertex-metadata/" + r.DataStore
	holder, err := r.DB.Lock(ctx, name)
	switch {
	case err != nil || holder == nil:
		return holder == nil, err
	case !holder.Ours:
		return false, holder.Locked(name)
	}
	r.Log.InfoContext(ctx, "another run is active", "lock", name, "pid", holder.PID, "application", holder.Application, "since", holder.Since)
	return false, nil
}

// open reads the ledger and, at the same time, the table statistics, which must be older than the snapshot of the scan.
func (r *Run) open(ctx context.Context) (state ledger.State, stats source.Stats, err error) {
	loaded := make(chan error, 1)
	load := panics.Guard(func() error {
		var doubt, err error
		if state, doubt, err = r.ledger().Load(ctx); doubt != nil {
			r.Log.WarnContext(ctx, "the ledger cannot be used, a full sync replaces it", "error", doubt)
		}
		return err
	})
	go func() { loaded <- load() }()
	stats, err = r.DB.TableStats(ctx)
	return state, stats, errors.Join(<-loaded, err)
}

// compare reads the source and finds what has to change. A manifest that cannot be read is none: the run becomes a full
// sync, which is right from any state. collect returns what is called with each change where nothing is to be written; it is
// called again, and what was collected is void, when the source has to be read again.
func (r *Run) compare(ctx context.Context, state ledger.State, stats source.Stats, folder string, collect func() func(diff.Change)) (ledger.State, *diff.Changes, error) {
	scan, rules, err := r.examine(ctx, state)
	if err != nil {
		return state, nil, err
	}
	scan.At, scan.Statistics = r.now(), stats.Fingerprint
	in := diff.Comparison{
		DB: r.DB, Bucket: r.Bucket, Ledger: r.ledger(), Log: r.Log, Rules: rules, Scan: scan, Folder: folder,
		MaxDeleted: cmp.Or(r.MaxDeletions, DefaultDeletions), Progress: r.Progress, Listed: r.listed,
	}
	compare := func(full bool) (*diff.Changes, error) {
		in.State, in.Full = state, full
		if collect != nil {
			in.Show = collect()
		} else if full {
			in.KeepSnapshot, _ = r.Bucket.Protected(ctx, r.ledger().Layout.Snapshot(1, 1)) // writing it says what is wrong
		}
		return diff.Compare(ctx, in)
	}
	changes, err := compare(fullDue(r.Settings, state, scan.At))
	if ledger.Damaged(err) {
		r.Log.WarnContext(ctx, "the manifest cannot be read, a full sync replaces it", "error", err)
		state = ledger.State{Revision: state.Revision, Snapshot: state.Snapshot}
		changes, err = compare(true)
	}
	// No later run could delete the rest without being allowed to again, and a full import deletes it at once.
	if err == nil && r.AllowMassDelete && !changes.Full && changes.Documents > 0 && changes.Gone > int64(in.MaxDeleted) {
		r.Log.InfoContext(ctx, "more documents are gone than one run deletes, a full sync deletes them at once", "documents", changes.Gone)
		changes.Abort()
		changes, err = compare(true)
	}
	return state, changes, err
}

func (r *Run) ledger() *ledger.Store {
	return ledger.NewStore(r.Bucket, layout.New(r.Name), r.DataStore)
}

func (r *Run) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// joined adds the error of one thing to that of another.
func joined(err, other error) error {
	if err != nil && other != nil {
		return fmt.Errorf("%w; and %w", err, other)
	}
	return errors.Join(err, other)
}
