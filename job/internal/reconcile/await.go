package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
)

// await waits for the pending import and confirms it when it is done.
func (i importer) await(ctx context.Context, s ledger.State, d *done) (ledger.State, error) {
	p := *s.Pending
	i.enter(Importing, p.Documents)
	begin := time.Now()
	progress, err := i.store.Await(ctx, p.Operation, max(*i.wait, 0))
	*i.wait -= time.Since(begin)
	switch {
	case errors.Is(err, datastore.ErrUnknownOperation):
		return i.drop(ctx, s, d, err)
	case err != nil:
		d.outcome = Failed
		return s, err
	case !progress.Done:
		d.outcome, d.age = Pending, i.books.now().Sub(p.Started)
		i.log.InfoContext(ctx, "import still running, the next run checks it", "operation", p.Operation, "pending_age_ms", d.age.Milliseconds())
		return s, nil
	case progress.Err != nil:
		return i.drop(ctx, s, d, progress.Err)
	}
	return i.confirm(ctx, s, progress, d)
}

// drop gives up the pending import: nothing of it counts as imported, all of it will be retried.
func (i importer) drop(ctx context.Context, s ledger.State, d *done, why error) (ledger.State, error) {
	p := *s.Pending
	d.outcome = Failed
	s, err := i.books.append(ctx, s, ledger.Dropped(s), ledger.Note{Event: "dropped", Full: p.Full, Sent: p.Documents})
	if err != nil {
		return s, err
	}
	operation := p.Operation
	if operation == "" {
		operation = "of unknown name"
	}
	return s, fmt.Errorf("import %s of %s failed, the next run retries: %w", operation, plural(p.Documents, "document"), why)
}

// confirm records that the pending work is done, less the documents that the service rejected.
func (i importer) confirm(ctx context.Context, s ledger.State, progress datastore.Progress, d *done) (ledger.State, error) {
	p := *s.Pending
	d.outcome = Failed
	result, err := i.rejections(ctx, s, progress)
	if err != nil {
		return s, err
	}
	rejected := result.Failures.Count - p.Scan.Failures.Count
	note := ledger.Note{Event: "confirmed", Full: p.Full, Sent: p.Documents, Deleted: p.Deletions - p.Undeleted, Rejected: rejected}
	s, err = i.books.append(ctx, s, ledger.Confirmed(s, result), note)
	if err != nil {
		return s, err
	}
	if p.Documents > 0 {
		i.log.InfoContext(ctx, "import done", "operation", p.Operation, "documents", p.Documents-rejected, "rejected", rejected)
	}
	d.accepted, d.bytes, d.rejected = p.Documents-rejected, p.Bytes, rejected
	if p.Documents > 0 {
		d.bytes = p.Bytes * d.accepted / p.Documents
	}
	if p.Full {
		d.deleted = p.Deletions
	}
	d.outcome, d.left = Imported, s.Scan.Left
	if d.left > 0 {
		d.outcome = Pending
		i.log.InfoContext(ctx, "documents are left to delete", "left", d.left)
	}
	return s, nil
}

// keepFailures writes down the failed documents, unless the ledger has them already.
func (i importer) keepFailures(ctx context.Context, s ledger.State, f failure.Tally) (failure.Tally, error) {
	return i.books.ledger.WriteFailures(ctx, f, fmt.Sprintf("%sfailures-%d.jsonl", i.folder, s.Revision))
}
