package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/source"
	"vertexmetadata/job/internal/words"
)

// recorder appends revisions to the ledger while this run holds its lock.
type recorder struct {
	db        *source.DB
	ledger    *ledger.Store
	now       func() time.Time
	execution string
	version   string
}

// append makes next the ledger's newest revision, if nobody appended one since prev and this run still holds its lock.
func (c recorder) append(ctx context.Context, prev, next ledger.State, note ledger.Note) (ledger.State, error) {
	if err := c.db.Check(ctx); err != nil {
		return prev, fmt.Errorf("append to the ledger: the database session that holds this run's lock is gone: %w", err)
	}
	note.At, note.Execution, note.Version = c.now(), c.execution, c.version
	next.Note = note
	return c.ledger.Append(ctx, prev, next)
}

// importer does what changes the data store, and follows what was begun.
type importer struct {
	recorder
	bucket  *bucket.Bucket
	store   *datastore.Store
	log     *slog.Logger
	summary *Summary       // receives what was done
	wait    *time.Duration // what is left of it for imports, an earlier run's and this run's together
	folder  string         // of what this run writes
	rescan  bool           // a scan is worth recording though it found nothing
	enter   func(Phase, int64)
}

func (r *Run) importer(folder string, summary *Summary) importer {
	wait := r.ImportWait
	return importer{
		recorder: recorder{db: r.DB, ledger: r.ledger(), now: r.now, execution: r.Execution, version: r.Version},
		bucket:   r.Bucket, store: r.Store, log: r.Log, summary: summary, wait: &wait, folder: folder, rescan: r.RescanInterval > 0, enter: r.enter,
	}
}

// apply sends the changes: it records them in the ledger as begun, deletes, imports, and records what is confirmed.
func (i importer) apply(ctx context.Context, s ledger.State, c *diff.Changes, scan ledger.Scan) (ledger.State, Outcome, error) {
	if c.Send > 0 {
		i.enter(Uploading, c.Send)
	}
	err := c.Commit(ctx)
	if err == nil {
		scan.Failures, err = i.keepFailures(ctx, s, scan.Failures)
	}
	if err != nil {
		return s, Failed, err
	}
	if c.Send == 0 && len(c.Deletions) == 0 {
		return i.recordScan(ctx, s, c, scan)
	}
	if s, err = i.begin(ctx, s, c, scan); err != nil {
		return s, Failed, err
	}
	undeleted, deleteErr := i.delete(ctx, c.Deletions)
	i.summary.Left = scan.Left + undeleted
	if c.Send == 0 {
		s, outcome, err := i.confirm(ctx, ledger.Started(s, "", undeleted), datastore.Progress{Done: true})
		return s, outcome, joined(err, deleteErr)
	}
	operation, err := i.start(ctx, *s.Pending, c.Lines)
	if errors.Is(err, datastore.ErrBusy) && ctx.Err() == nil {
		i.log.WarnContext(ctx, "the service is busy, the next run starts the import", "error", err)
		return s, Pending, deleteErr
	}
	if err == nil {
		note := ledger.Note{Event: "started", Full: c.Full, Sent: c.Send, Deleted: int64(len(c.Deletions)) - undeleted}
		s, err = i.append(ctx, s, ledger.Started(s, operation, undeleted), note)
	}
	if err != nil {
		return s, Failed, joined(err, deleteErr)
	}
	s, outcome, err := i.await(ctx, s)
	return s, outcome, joined(err, deleteErr)
}

// recordScan records a scan that found nothing to send, if that says anything new: not when the scan of an unchanged source
// found the same, and RESCAN_INTERVAL does not let a later run profit from its time.
func (i importer) recordScan(ctx context.Context, s ledger.State, c *diff.Changes, scan ledger.Scan) (_ ledger.State, _ Outcome, err error) {
	i.summary.Left = scan.Left // what an earlier import left is not left any more
	next := ledger.Scanned(s, scan, c.Folded)
	same := next
	same.Scan.At = s.Scan.At
	if i.rescan || !reflect.DeepEqual(same, s) {
		s, err = i.append(ctx, s, next, ledger.Note{Event: "scanned"})
	}
	return s, Unchanged, err
}

// begin makes the snapshot's objects bear their final names, and records what will be deleted and imported.
func (i importer) begin(ctx context.Context, s ledger.State, c *diff.Changes, scan ledger.Scan) (ledger.State, error) {
	p := ledger.Import{
		Full: c.Full, Started: i.now(), Documents: c.Send, Bytes: c.Bytes, Deletions: int64(len(c.Deletions)),
		Objects: c.Objects, Upserted: c.Upserted, Removed: c.Removed, Scan: scan,
	}
	if c.Full {
		p.Deletions = c.Gone
	}
	if len(c.Objects) > datastore.MaxObjects {
		return s, &refusal.Advice{
			Text:   fmt.Sprintf("import %s: %d objects, and one import takes %d", words.Plural(c.Send, "document"), len(c.Objects), datastore.MaxObjects),
			Remedy: "split the query into several syncs",
		}
	}
	var err error
	if c.Full {
		if p.Objects, err = i.publish(ctx, c.Objects); err != nil {
			return s, err
		}
	}
	if len(p.Objects) > 0 {
		p.Errors = i.folder + "errors/"
		if err := i.bucket.CreateFolder(ctx, p.Errors); err != nil {
			return s, err
		}
	}
	note := ledger.Note{Event: "begin", Full: c.Full, Sent: c.Send, Deleted: p.Deletions}
	return i.append(ctx, s, ledger.Begin(s, p, c.Folded), note)
}

// publish gives the parts of a snapshot their final names. It copies on the server what does not bear its name already.
// Where the bucket's policy protects an older snapshot, the parts stay where they are.
func (i importer) publish(ctx context.Context, parts []string) (names []string, err error) {
	for n, part := range parts {
		name := i.ledger.Layout.Snapshot(n+1, len(parts))
		if part != name {
			err := i.bucket.Copy(ctx, part, name)
			if errors.Is(err, bucket.ErrRetained) {
				i.log.WarnContext(ctx, "the bucket's policy protects the snapshot of an earlier full sync, the new one is imported from another place",
					"protected", i.bucket.URI(name), "used", i.bucket.URI(part))
				return parts, nil
			}
			if err != nil {
				return nil, err
			}
		}
		names = append(names, name)
	}
	return names, nil
}

// delete deletes documents one by one, and returns how many are left.
func (i importer) delete(ctx context.Context, ids []string) (undeleted int64, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	i.enter(Deleting, int64(len(ids)))
	done, failed, err := i.store.Delete(ctx, ids)
	i.summary.Deleted += int64(len(done))
	undeleted = int64(len(ids) - len(done))
	named := 0
	for id, cause := range failed {
		if named++; named <= diff.MaxNamed {
			i.log.ErrorContext(ctx, "document not deleted, the next run tries again", "id", id, "error", cause)
		}
		if err == nil {
			err = fmt.Errorf("delete %d of %s: %w", undeleted, words.Plural(int64(len(ids)), "document"), cause)
		}
	}
	i.log.InfoContext(ctx, "documents deleted", "documents", len(done), "failed", undeleted)
	return undeleted, err
}

// start starts the import, which waits while the service is busy with another.
func (i importer) start(ctx context.Context, p ledger.Import, lines [][]byte) (operation string, err error) {
	mode := datastore.Incremental
	if p.Full {
		mode = datastore.Full
	}
	i.enter(Importing, p.Documents)
	begin := time.Now()
	defer func() { *i.wait -= time.Since(begin) }()
	if len(lines) > 0 {
		operation, err = i.store.ImportInline(ctx, lines, max(*i.wait, 0))
	} else {
		operation, err = i.store.ImportObjects(ctx, i.bucket.URIs(p.Objects), mode, i.bucket.URI(p.Errors), max(*i.wait, 0))
	}
	if err != nil {
		return "", fmt.Errorf("start import of %s: %w", words.Plural(p.Documents, "document"), err)
	}
	i.log.InfoContext(ctx, "import started", "operation", operation, "mode", mode.String(), "documents", p.Documents,
		"objects", len(p.Objects), "duration_ms", time.Since(begin).Milliseconds())
	return operation, nil
}
