package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/ledger"
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
			i.did.PendingAge = now.Sub(s.Pending.Started)
		}
		i.log.InfoContext(ctx, "an import is running that the ledger does not know, waiting for it", "operation", running[0])
		return s, earlier{outcome: Pending}, nil
	}
	if s.Pending == nil {
		return s, earlier{}, nil
	}
	i.log.WarnContext(ctx, "an earlier run did not start its import, or ended before it knew; the documents are retried", "documents", s.Pending.Documents)
	s, err = i.drop(ctx, s, errors.New("its run ended before its name was known"))
	if s.Pending == nil {
		err = nil
	}
	return s, earlier{}, err
}
