package reconcile

import (
	"cmp"
	"context"

	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
)

// Plan is what a sync would change.
type Plan struct {
	diff.Counts
	Why      string        // the source had to be read; empty: it had not, and the counts are those of the last scan
	Full     bool          // the sync would be a full one, which sends every document again
	Pending  string        // an import that a sync would wait for first, empty if there is none; its success is assumed
	Failures failure.Tally // documents that would fail
	Stop     error         // why the sync would stop before any write, or fail; nil if it would not
}

// Plan returns what Sync would change. Every change is passed to the function that collect returns; collect is called once
// more, and what was collected is void, when a manifest turns out to be damaged. Plan takes no lock and writes nothing.
func (r *Run) Plan(ctx context.Context, collect func() func(diff.Change)) (Plan, error) {
	var p Plan
	state, stats, err := r.open(ctx)
	if err != nil {
		return p, err
	}
	if state.Pending != nil && state.Pending.Operation != "" {
		p.Pending = state.Pending.Operation
		state = ledger.Confirmed(state, ledger.Rejections{Failures: state.Pending.Scan.Failures})
	}
	if p.Why = whyDue(r.Settings, state, stats, r.now()); p.Why == "" {
		p.Documents, p.Failures = state.Scan.Documents, state.Scan.Failures
		p.Stop = r.MaxFailed.exceeded(p.Failures.Count, p.Documents)
		return p, nil
	}
	changes, full, err := r.preview(ctx, state, collect)
	if err != nil {
		return p, err
	}
	p.Counts, p.Full, p.Failures = changes.Counts, full, changes.Failures.Sorted()
	if p.Stop = r.guard(ctx, changes); p.Stop == nil {
		p.Stop = r.MaxFailed.exceeded(changes.Failures.Count, changes.Documents)
	}
	return p, nil
}

// preview is compare without a write.
func (r *Run) preview(ctx context.Context, state ledger.State, collect func() func(diff.Change)) (*diff.Changes, bool, error) {
	_, rules, err := r.examine(ctx, state)
	if err != nil {
		return nil, false, err
	}
	for attempt := 0; ; attempt++ {
		in := diff.Comparison{
			DB: r.DB, Bucket: r.Bucket, Ledger: r.ledger(), Log: r.Log, Rules: rules, State: state, MaxDeleted: cmp.Or(r.MaxDeletions, DefaultDeletions),
			Full: fullDue(r.Settings, state, r.now()), Show: collect(), Listed: r.listed, Progress: r.Progress,
		}
		changes, err := diff.Compare(ctx, in)
		if attempt > 0 || !ledger.Damaged(err) {
			return changes, in.Full, err
		}
		r.Log.WarnContext(ctx, "the manifest cannot be read, a sync would start over with a full sync", "error", err.Error())
		state = ledger.State{}
	}
}
