package reconcile

import (
	"cmp"
	"context"

	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/ledger"
)

// Plan is what a sync would change.
type Plan struct {
	diff.Counts
	Full     bool            // the sync would be a full one, which sends every document again
	Pending  string          // an import that a sync would wait for first, empty if there is none
	Failures ledger.Failures // documents that would fail
	Stop     error           // why the sync would stop before any write, or fail; nil if it would not
}

// Plan returns what Sync would change, and passes every change to show. It takes no lock and writes nothing.
func (r *Run) Plan(ctx context.Context, show func(diff.Change)) (Plan, error) {
	state, doubt, err := r.ledger().Load(ctx)
	if err != nil {
		return Plan{}, err
	}
	if doubt != nil {
		r.Log.WarnContext(ctx, "the ledger cannot be used, a sync would start over with a full sync", "error", doubt.Error())
	}
	_, rules, err := r.examine(ctx, state)
	if err != nil {
		return Plan{}, err
	}
	in := diff.Comparison{
		DB: r.DB, Bucket: r.Bucket, Ledger: r.ledger(), Log: r.Log, Rules: rules, State: state, MaxDeleted: cmp.Or(r.MaxDeletions, DefaultDeletions),
		Full: fullDue(r.Settings, state, r.now()), Show: show, Listed: r.listed, Progress: r.Progress,
	}
	changes, err := diff.Compare(ctx, in)
	if ledger.Damaged(err) {
		r.Log.WarnContext(ctx, "the manifest cannot be read, a sync would start over with a full sync", "error", err.Error())
		in.State, in.Full = ledger.State{}, true
		changes, err = diff.Compare(ctx, in)
	}
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Counts: changes.Counts, Full: in.Full, Failures: changes.Failures.Sorted()}
	if state.Pending != nil {
		p.Pending = state.Pending.Operation
	}
	if p.Stop = judge(r.Settings, state.Scan, changes.Counts); p.Stop == nil {
		p.Stop = r.MaxFailed.exceeded(changes.Failures.Count, changes.Documents)
	}
	return p, nil
}
