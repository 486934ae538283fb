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
)

// importer does what changes the data store, and follows what was begun.
type importer struct {
	books  books
	bucket *bucket.Bucket
	store  *datastore.Store
	log    *slog.Logger
	wait   *time.Duration // what is left of it for imports, an earlier run's and this run's together
	folder string         // of what this run writes
	rescan bool           // a scan is worth recording though it found nothing
	enter  func(Phase, int64)
}

func (r *Run) importer(folder string) importer {
	wait := r.ImportWait
	return importer{books: r.books(), folder: folder, bucket: r.Bucket, store: r.Store, log: r.Log, wait: &wait, rescan: r.RescanInterval > 0, enter: r.enter}
}

// done is what became of a run's changes.
type done struct {
	outcome  Outcome
	accepted int64         // documents that the service took
	bytes    int64         // of them
	rejected int64         // documents that it did not take
	deleted  int64         // documents
	left     int64         // documents that are still to be deleted
	age      time.Duration // of an import that is pending
}

// apply sends the changes: it records them in the ledger as begun, deletes, imports, and records what is confirmed.
func (i importer) apply(ctx context.Context, s ledger.State, c *diff.Changes, scan ledger.Scan) (ledger.State, done, error) {
	if c.Send > 0 {
		i.enter(Uploading, c.Send)
	}
	if err := c.Commit(ctx); err != nil {
		return s, done{outcome: Failed}, err
	}
	var err error
	if scan.Failures, err = i.keepFailures(ctx, s, scan.Failures); err != nil {
		return s, done{outcome: Failed}, err
	}
	if c.Send == 0 && len(c.Deletions) == 0 {
		s, err = i.recordScan(ctx, s, c, scan)
		return s, done{outcome: Unchanged, left: scan.Left}, err
	}
	s, err = i.begin(ctx, s, c, scan)
	if err != nil {
		return s, done{outcome: Failed}, err
	}
	deleted, undeleted, deleteErr := i.delete(ctx, c.Deletions)
	d := done{deleted: deleted, left: scan.Left + undeleted}
	if c.Send == 0 {
		s, err = i.confirm(ctx, ledger.Started(s, "", undeleted), datastore.Progress{Done: true}, &d)
		return s, d, joined(err, deleteErr)
	}
	operation, err := i.start(ctx, *s.Pending, c.Lines)
	if errors.Is(err, datastore.ErrBusy) && ctx.Err() == nil {
		i.log.WarnContext(ctx, "the service is busy, the next run starts the import", "error", err.Error())
		d.outcome = Pending
		return s, d, deleteErr
	}
	if err == nil {
		s, err = i.books.append(ctx, s, ledger.Started(s, operation, undeleted), ledger.Note{Event: "started", Full: c.Full, Sent: c.Send, Deleted: deleted})
	}
	if err != nil {
		d.outcome = Failed
		return s, d, joined(err, deleteErr)
	}
	s, err = i.await(ctx, s, &d)
	return s, d, joined(err, deleteErr)
}

// recordScan records a scan that found nothing to send, if that says anything new: not when the scan of an unchanged source
// found the same, and RESCAN_INTERVAL does not let a later run profit from its time.
func (i importer) recordScan(ctx context.Context, s ledger.State, c *diff.Changes, scan ledger.Scan) (ledger.State, error) {
	next := ledger.Scanned(s, scan, c.Folded)
	same := next
	same.Scan.At = s.Scan.At
	if !i.rescan && reflect.DeepEqual(same, s) {
		return s, nil
	}
	return i.books.append(ctx, s, next, ledger.Note{Event: "scanned"})
}

// begin makes the snapshot's objects bear their final names, and records what will be deleted and imported.
func (i importer) begin(ctx context.Context, s ledger.State, c *diff.Changes, scan ledger.Scan) (ledger.State, error) {
	p := ledger.Import{
		Full: c.Full, Started: i.books.now(), Documents: c.Send, Bytes: c.Bytes, Deletions: int64(len(c.Deletions)),
		Objects: c.Objects, Upserted: c.Upserted, Removed: c.Removed, Scan: scan,
	}
	if c.Full {
		p.Deletions = c.Gone
	}
	if len(c.Objects) > datastore.MaxObjects {
		return s, fmt.Errorf("import %s: %d objects, and one import takes %d: split the query into several syncs", plural(c.Send, "document"), len(c.Objects), datastore.MaxObjects)
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
	return i.books.append(ctx, s, ledger.Begin(s, ledger.Work{Import: p, Folded: c.Folded}), note)
}

// publish gives the parts of a snapshot their final names. It copies on the server what does not bear its name already.
// Where the bucket's policy protects an older snapshot, the parts stay where they are.
func (i importer) publish(ctx context.Context, parts []string) (names []string, err error) {
	for n, part := range parts {
		name := i.books.ledger.Layout.Snapshot(n+1, len(parts))
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

// delete deletes documents one by one, and returns how many were deleted and how many are left.
func (i importer) delete(ctx context.Context, ids []string) (deleted, undeleted int64, err error) {
	if len(ids) == 0 {
		return 0, 0, nil
	}
	i.enter(Deleting, int64(len(ids)))
	done, failed, err := i.store.Delete(ctx, ids)
	deleted = int64(len(done))
	undeleted = int64(len(ids)) - deleted
	named := 0
	for id, cause := range failed {
		if named++; named <= diff.MaxNamed {
			i.log.ErrorContext(ctx, "document not deleted, the next run tries again", "id", id, "error", cause.Error())
		}
		if err == nil {
			err = fmt.Errorf("delete %d of %s: %w", undeleted, plural(int64(len(ids)), "document"), cause)
		}
	}
	i.log.InfoContext(ctx, "documents deleted", "documents", deleted, "failed", undeleted)
	return deleted, undeleted, err
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
		operation, err = i.store.ImportInline(ctx, lines)
	} else {
		operation, err = i.store.ImportObjects(ctx, i.uris(p.Objects), mode, i.bucket.URI(p.Errors))
	}
	if err != nil {
		return "", fmt.Errorf("start import of %s: %w", plural(p.Documents, "document"), err)
	}
	i.log.InfoContext(ctx, "import started", "operation", operation, "mode", mode.String(), "documents", p.Documents,
		"objects", len(p.Objects), "duration_ms", time.Since(begin).Milliseconds())
	return operation, nil
}

func (i importer) uris(objects []string) []string {
	uris := make([]string, len(objects))
	for n, name := range objects {
		uris[n] = i.bucket.URI(name)
	}
	return uris
}
