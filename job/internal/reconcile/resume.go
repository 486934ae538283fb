package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/words"
)

// longestImport is how long an import may take: one that is older is not waited for, or one that never ends, or that
// somebody wrote into the ledger, would stop everything for ever.
const longestImport = 24 * time.Hour

// earlier is what became of what an earlier run began.
type earlier struct {
	outcome Outcome // Imported; Pending: it is not done, and this run has to end; empty: there was nothing, or it is retried
	failed  error   // why it failed; this run retries its documents
}

// then returns how a run ended that did what it could itself. What always fails must not look like what is slow.
func (e earlier) then(outcome Outcome, err error) (Outcome, error) {
	switch {
	case outcome == Unchanged && e.outcome == Imported:
		outcome = Imported
	case outcome == Pending && e.failed != nil:
		err = joined(err, fmt.Errorf("%w; the next attempt is pending", e.failed))
	}
	return outcome, err
}

// resume finishes what an earlier run began. An import that failed is reported, and this run retries its documents.
func (i importer) resume(ctx context.Context, s ledger.State) (ledger.State, earlier, error) {
	if s.Pending == nil && s.Complete {
		return s, earlier{}, nil
	}
	if s.Pending == nil || s.Pending.Operation == "" {
		return i.resumeUnknown(ctx, s)
	}
	p, now := *s.Pending, i.now()
	i.log.InfoContext(ctx, "checking the import of an earlier run", "operation", p.Operation, "documents", p.Documents, "full", p.Full)
	s, outcome, err := i.await(ctx, s)
	if s.Pending != nil && ctx.Err() == nil && passed(now, p.Started, longestImport) {
		s, err = i.drop(ctx, s, errors.Join(fmt.Errorf("it is not done after %v", longestImport), err))
	}
	switch {
	case s.Pending != nil:
		return s, earlier{outcome: outcome}, err
	case err != nil:
		i.log.ErrorContext(ctx, "the import of an earlier run failed", "error", err)
		return s, earlier{failed: err}, nil
	}
	return s, earlier{outcome: Imported}, nil
}

// resumeUnknown treats an import that was about to start when its run ended, and a ledger that is missing, damaged or of
// another version of this program, which may have started one. If an import runs, it may be the lost one; nothing else is
// imported beside it, since a full and an incremental import at once would be wrong. Then its documents are retried: an
// import twice is harmless.
func (i importer) resumeUnknown(ctx context.Context, s ledger.State) (ledger.State, earlier, error) {
	now := i.now()
	running, err := i.store.FindImport(ctx, now.Add(-longestImport))
	switch {
	case ctx.Err() != nil, errors.Is(err, datastore.ErrUnavailable), errors.Is(err, datastore.ErrBusy):
		return s, earlier{}, err // the next run asks again
	case err != nil:
		i.log.WarnContext(ctx, "cannot list the data store's operations, a lost import would not be found", "error", err)
	}
	if len(running) > 0 {
		if s.Pending != nil {
			i.summary.PendingAge = now.Sub(s.Pending.Started)
		}
		i.log.InfoContext(ctx, "an import is running that the ledger does not know, waiting for it", "operation", running[0])
		return s, earlier{outcome: Pending}, nil
	}
	if s.Pending == nil {
		return s, earlier{}, nil
	}
	i.log.WarnContext(ctx, "an earlier run did not start its import, or ended before it knew; the documents are retried", "documents", s.Pending.Documents)
	s, err = i.drop(ctx, s, errors.New("the run ended before the operation's name was known"))
	if s.Pending == nil {
		err = nil
	}
	return s, earlier{}, err
}

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
		i.summary.PendingAge = i.now().Sub(p.Started)
		i.log.InfoContext(ctx, "import still running, the next run checks it", "operation", p.Operation, "pending_age_ms", i.summary.PendingAge.Milliseconds())
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
	i.summary.PendingAge = 0
	s, err := i.append(ctx, s, ledger.Dropped(s), ledger.Note{Event: "dropped", Full: p.Full, Sent: p.Documents})
	if err != nil {
		return s, err
	}
	return s, fmt.Errorf("import %s of %s failed: %w", cmp.Or(p.Operation, "of unknown name"), words.Plural(p.Documents, "document"), why)
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
	if accepted := max(p.Documents-rejected, 0); p.Documents > 0 { // a line that failed makes two documents suspects
		i.log.InfoContext(ctx, "import done", "operation", p.Operation, "documents", accepted, "rejected", rejected)
		i.summary.Upserted += accepted
		i.summary.Bytes += int64(math.Round(float64(p.Bytes) / float64(p.Documents) * float64(accepted)))
	}
	if p.Full {
		i.summary.Deleted += p.Deletions
	}
	i.summary.Failed += rejected
	if i.summary.Left = s.Scan.Left; i.summary.Left > 0 {
		i.log.InfoContext(ctx, "documents are left to delete", "left", i.summary.Left)
		return s, Pending, nil
	}
	return s, Imported, nil
}

// keepFailures writes down the failed documents, unless the ledger has them already.
func (i importer) keepFailures(ctx context.Context, s ledger.State, f failure.Tally) (failure.Tally, error) {
	return i.ledger.WriteFailures(ctx, f, fmt.Sprintf("%sfailures-%d.jsonl", i.folder, s.Revision))
}
