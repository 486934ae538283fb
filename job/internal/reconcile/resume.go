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

// resumed is what became of what an earlier run began.
type resumed struct {
	done      done
	running   bool  // it is not done: this run has to end
	confirmed bool  // this run confirmed it
	failed    error // it failed; its documents are retried by this run
}

// unless returns why the earlier import failed, unless this run repaired that. What always fails must not look like what is
// slow.
func (r resumed) unless(d done) error {
	if r.failed == nil || d.outcome != Pending {
		return nil
	}
	return fmt.Errorf("%w; the next attempt is pending", r.failed)
}

// outcomeOf is how a run ended that did what it could.
func outcomeOf(d done, earlier resumed) Outcome {
	if d.outcome == Unchanged && d.left > 0 {
		return Pending
	}
	if d.outcome == Unchanged && earlier.confirmed {
		return Imported
	}
	return d.outcome
}

// resume finishes what an earlier run began. An import that failed is reported, and this run retries its documents.
func (i importer) resume(ctx context.Context, s ledger.State) (ledger.State, resumed, error) {
	if s.Pending == nil && s.Complete {
		return s, resumed{}, nil
	}
	if s.Pending == nil || s.Pending.Operation == "" {
		return i.resumeUnknown(ctx, s)
	}
	p, now := *s.Pending, i.books.now()
	i.log.InfoContext(ctx, "checking the import of an earlier run", "operation", p.Operation, "documents", p.Documents, "full", p.Full)
	var d done
	s, err := i.await(ctx, s, &d)
	if s.Pending != nil && ctx.Err() == nil && passed(now, p.Started, longestImport) {
		s, err = i.drop(ctx, s, &d, errors.Join(fmt.Errorf("it is not done after %v", longestImport), err))
	}
	switch {
	case s.Pending != nil:
		return s, resumed{done: d, running: d.outcome == Pending}, err
	case err != nil:
		i.log.ErrorContext(ctx, "the import of an earlier run failed", "error", err.Error())
		return s, resumed{failed: err}, nil
	}
	return s, resumed{done: d, confirmed: true}, nil
}

// resumeUnknown treats an import that was about to start when its run ended, and a ledger that is missing, damaged or of
// another version of this program, which may have started one. If an import runs, it may be the lost one; nothing else is imported beside it, since a full and an incremental import at once would be
// wrong. Then its documents are retried: an import twice is harmless.
func (i importer) resumeUnknown(ctx context.Context, s ledger.State) (ledger.State, resumed, error) {
	now := i.books.now()
	running, err := i.store.FindImport(ctx, now.Add(-longestImport))
	switch {
	case ctx.Err() != nil, errors.Is(err, datastore.ErrUnavailable), errors.Is(err, datastore.ErrBusy):
		return s, resumed{}, err // the next run asks again
	case err != nil:
		i.log.WarnContext(ctx, "cannot list the data store's operations, a lost import would not be found", "error", err.Error())
	}
	if len(running) > 0 {
		age := time.Duration(0)
		if s.Pending != nil {
			age = now.Sub(s.Pending.Started)
		}
		i.log.InfoContext(ctx, "an import is running that the ledger does not know, waiting for it", "operation", running[0])
		return s, resumed{done: done{age: age}, running: true}, nil
	}
	if s.Pending == nil {
		return s, resumed{}, nil
	}
	i.log.WarnContext(ctx, "an earlier run did not start its import, or ended before it knew; the documents are retried", "documents", s.Pending.Documents)
	s, err = i.drop(ctx, s, &done{}, errors.New("its run ended before its name was known"))
	if s.Pending == nil {
		err = nil
	}
	return s, resumed{}, err
}
