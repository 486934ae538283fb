package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
)

// await waits for the pending import and confirms it when it is done.
func (i importer) await(ctx context.Context, s ledger.State) (ledger.State, Outcome, error) {
	p := *s.Pending
	i.enter(Importing, p.Documents)
	begin := time.Now()
	progress, err := i.store.Await(ctx, p.Operation, max(*i.wait, 0))
	*i.wait -= time.Since(begin)
	switch {
	case errors.Is(err, datastore.ErrUnknownOperation):
		s, err = i.drop(ctx, s, err)
		return s, Failed, err
	case err != nil:
		return s, Failed, err
	case !progress.Done:
		i.did.PendingAge = i.now().Sub(p.Started)
		i.log.InfoContext(ctx, "import still running, the next run checks it", "operation", p.Operation, "pending_age_ms", i.did.PendingAge.Milliseconds())
		return s, Pending, nil
	case progress.Err != nil:
		s, err = i.drop(ctx, s, progress.Err)
		return s, Failed, err
	}
	return i.confirm(ctx, s, progress)
}

// drop gives up the pending import: nothing of it counts as imported, all of it will be retried.
func (i importer) drop(ctx context.Context, s ledger.State, why error) (ledger.State, error) {
	p := *s.Pending
	i.did.PendingAge = 0
	s, err := i.append(ctx, s, ledger.Dropped(s), ledger.Note{Event: "dropped", Full: p.Full, Sent: p.Documents})
	if err != nil {
		return s, err
	}
	return s, fmt.Errorf("import %s of %s failed, the next run retries: %w", cmp.Or(p.Operation, "of unknown name"), plural(p.Documents, "document"), why)
}

// confirm records that the pending work is done, less the documents that the service rejected.
func (i importer) confirm(ctx context.Context, s ledger.State, progress datastore.Progress) (ledger.State, Outcome, error) {
	p := *s.Pending
	result, err := i.rejections(ctx, s, progress)
	if err != nil {
		return s, Failed, err
	}
	rejected := result.Failures.Count - p.Scan.Failures.Count
	note := ledger.Note{Event: "confirmed", Full: p.Full, Sent: p.Documents, Deleted: p.Deletions - p.Undeleted, Rejected: rejected}
	s, err = i.append(ctx, s, ledger.Confirmed(s, result), note)
	if err != nil {
		return s, Failed, err
	}
	if accepted := p.Documents - rejected; p.Documents > 0 {
		i.log.InfoContext(ctx, "import done", "operation", p.Operation, "documents", accepted, "rejected", rejected)
		i.did.Upserted += accepted
		i.did.Bytes += p.Bytes * accepted / p.Documents
	}
	if p.Full {
		i.did.Deleted += p.Deletions
	}
	i.did.Failed += rejected
	if i.did.Left = s.Scan.Left; i.did.Left > 0 {
		i.log.InfoContext(ctx, "documents are left to delete", "left", i.did.Left)
		return s, Pending, nil
	}
	return s, Imported, nil
}

// keepFailures writes down the failed documents, unless the ledger has them already.
func (i importer) keepFailures(ctx context.Context, s ledger.State, f failure.Tally) (failure.Tally, error) {
	return i.ledger.WriteFailures(ctx, f, fmt.Sprintf("%sfailures-%d.jsonl", i.folder, s.Revision))
}
