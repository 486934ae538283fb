package reconcile

import (
	"context"

	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
)

// Plan is what a sync would change.
type Plan struct {
	diff.Counts
	Why      string        `json:"why"`               // the source had to be read; empty: it had not, and the counts are those of the last scan
	Full     bool          `json:"full"`              // the sync would be a full one, which sends every document again
	Pending  string        `json:"pending,omitempty"` // an import that a sync would wait for first, empty if there is none; its success is assumed
	Failures failure.Tally `json:"failures"`          // documents that would fail
	Stop     error         `json:"-"`                 // why the sync would stop before any write, or fail; nil if it would not
}

// Plan returns what Sync would change. Every change is passed to the function that collect returns; collect is called
// again, and what was collected is void, when the source has to be read again. Plan takes no lock and writes nothing.
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
		p.Stop = tooManyFailed(r.MaxFailed, p.Failures.Count, p.Documents)
		return p, nil
	}
	state, changes, err := r.compare(ctx, state, stats, "", collect)
	if err != nil {
		return p, err
	}
	p.Counts, p.Full, p.Failures = changes.Counts, changes.Full || fullDue(r.Settings, state, r.now()), changes.Scan.Failures.Sorted()
	if p.Stop = r.guard(ctx, state, changes); p.Stop == nil {
		p.Stop = tooManyFailed(r.MaxFailed, p.Failures.Count, p.Documents)
	}
	return p, nil
}
