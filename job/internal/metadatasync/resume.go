package metadatasync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// operationHistory is how long before the state tells of it an operation may have begun whose reply was lost.
const operationHistory = 24 * time.Hour

// lost returns an operation that runs and that the state does not know: its run died before its name was written down,
// and it may undo what is done beside it. find lists those of its kind.
func (r *run) lost(ctx context.Context, kind string, find func(context.Context, time.Time) ([]string, error), started time.Time) string {
	running, err := find(ctx, started.Add(-operationHistory))
	if err != nil {
		r.log.WarnContext(ctx, "cannot list the data store's operations to look for a lost "+kind+", going on without", "cause", err.Error())
	}
	for _, name := range running {
		if !slices.ContainsFunc(r.state.Purges, func(p purge) bool { return p.Operation == name }) {
			return name
		}
	}
	return ""
}

// finishEarlier finishes what earlier runs began. It reports that this is not done yet, so that this run has to end.
func (r *run) finishEarlier(ctx context.Context) (unfinished bool, err error) {
	earlier, err := r.earlierRounds(ctx)
	if err != nil {
		return false, err
	}
	if r.state.Pending == nil && len(r.state.Purges) == 0 && len(earlier) == 0 {
		return false, nil
	}
	locked, err := r.withStoreLock(ctx, r.set.ImportWait+time.Minute, func() error {
		if err := r.loadState(ctx); err != nil { // another task may have finished it while this one waited
			return err
		}
		var err error
		unfinished, err = r.resume(ctx)
		return err
	})
	if err == nil && !locked {
		r.log.InfoContext(ctx, "another task still works on what an earlier run began")
		unfinished = true
	}
	return unfinished, err
}

// resume takes up, in this order, the pending import, what a broken round left, and the removals.
func (r *run) resume(ctx context.Context) (unfinished bool, err error) {
	if r.state.Pending != nil {
		if unfinished, err := r.resumeImport(ctx); err != nil || unfinished {
			return unfinished, err
		}
	}
	outcome, err := r.takeOver(ctx)
	r.carried = r.carried || outcome == Imported
	if err != nil || outcome == Pending && r.state.Pending != nil {
		return true, err
	}
	if len(r.obsolete) > 0 {
		r.sweep(ctx)
	}
	return false, r.finishPurges(ctx)
}

// resumeImport picks the pending import up. An import that failed is reported, and its documents go again in this run.
func (r *run) resumeImport(ctx context.Context) (unfinished bool, err error) {
	p := r.state.Pending
	if p.Operation == "" {
		return r.resumeUnknown(ctx)
	}
	r.log.InfoContext(ctx, "picking up the import of an earlier run", "operation", p.Operation, "documents", p.Upserts, "full", p.Full)
	outcome, err := r.await(ctx)
	switch {
	case r.state.Pending != nil:
		return outcome == Pending, err
	case err != nil:
		r.log.ErrorContext(ctx, "import of an earlier run failed", "cause", err.Error())
		r.earlier = err
	}
	r.carried = outcome == Imported
	// What failed goes again below; only what fails in this run counts as failed.
	r.summary.Failed = 0
	return false, nil
}

// resumeUnknown treats an import that was about to start when its run died. If it did start, its reply is lost; while
// an import runs that may be it, nothing else is imported, since a full and an incremental import at once would be
// wrong. Then its documents go again: an import twice is harmless.
func (r *run) resumeUnknown(ctx context.Context) (unfinished bool, err error) {
	p := r.state.Pending
	if name := r.lost(ctx, "import", r.store.FindImport, p.Started); name != "" {
		r.summary.PendingAge = r.now().Sub(p.Started).Milliseconds()
		r.log.InfoContext(ctx, "an import runs that may be one whose reply was lost, waiting for it", "operation", name)
		return true, nil
	}
	r.log.WarnContext(ctx, "an earlier run could not start its import, or ended before it knew; the documents go again", "documents", p.Upserts)
	if p.Refused != "" {
		r.earlier = errors.New(p.Refused)
	}
	_, err = r.abandon(ctx, "its run ended before its name was known")
	if r.state.Pending == nil {
		return false, nil
	}
	return false, err
}

// joined adds the error of a removal to that of an import.
func joined(err, removal error) error {
	if err != nil && removal != nil {
		return fmt.Errorf("%w; and %w", err, removal)
	}
	return errors.Join(err, removal)
}
