package reconcile

import (
	"context"
	"fmt"

	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/words"
)

// massDeleteError stops a run before it writes anything; --allow-mass-delete lets it pass.
type massDeleteError struct{ refusal.Advice }

const hintMassDelete = "check the query and the database, or allow it once with --allow-mass-delete"

// guard stops a run that would do what an operator would not believe. Rows that PostgreSQL hides from the job look as if
// they were deleted.
func (r *Run) guard(ctx context.Context, s ledger.State, c *diff.Changes) error {
	err := judge(r.Settings, s.Scan.Emptied, c.Counts)
	stop, isMassDelete := err.(*massDeleteError)
	if !isMassDelete && (c.Gone == 0 || c.Gone*suspiciousShare < c.Before) {
		return err
	}
	hidden, unknown := r.DB.RowSecurity(ctx)
	switch {
	case unknown != nil || len(hidden) == 0:
	case isMassDelete:
		stop.Remedy = hidden[0].Text + "; " + stop.Remedy
	case err == nil:
		r.Log.WarnContext(ctx, "documents are deleted, and row-level security may hide their rows", "documents", c.Gone, "table", hidden[0].Text, "hint", hidden[0].Remedy)
	}
	return err
}

// suspiciousShare: one document in so many is gone.
const suspiciousShare = 10

// judge is the guard's rule. All that it asks of the ledger is whether deleting every document was allowed while the query
// makes none: who may write into the bucket could write there that more was allowed.
func judge(set Settings, emptied bool, c diff.Counts) error {
	if c.Rows > 0 && c.Documents == 0 && c.Refused > 0 {
		return &refusal.Advice{
			Text:   fmt.Sprintf("none of %s can become a document: %s refused, %s skipped for their MIME type", words.Plural(c.Rows, "row"), words.Number(c.Refused), words.Number(c.Skipped)),
			Remedy: "correct the query; job plan counts the refused rows by reason",
		}
	}
	if set.AllowMassDelete || emptied && c.Documents == 0 {
		return nil
	}
	massDelete := func(format string, about ...any) error {
		return &massDeleteError{refusal.Advice{Text: fmt.Sprintf(format, about...), Remedy: hintMassDelete}}
	}
	switch {
	case c.Rows == 0 && c.Before > 0:
		return massDelete("the query returned no row: the sync would delete all %s", words.Plural(c.Before, "document"))
	case c.Rows == 0:
		return massDelete("the query returned no row: the sync would leave the data store empty")
	case float64(c.Gone) > set.MaxDeleteRatio*float64(c.Before):
		return massDelete("the sync would delete %s of %s, more than MAX_DELETE_RATIO=%g allows", words.Number(c.Gone), words.Plural(c.Before, "document"), set.MaxDeleteRatio)
	case float64(c.Changed) > set.MaxChangeRatio*float64(c.Before):
		return massDelete("the sync would change %s of %s, more than MAX_CHANGE_RATIO=%g allows", words.Number(c.Changed), words.Plural(c.Before, "document"), set.MaxChangeRatio)
	}
	return nil
}

// churnShare and churnLeast say when nearly every document changed; churnRuns is how often in a row is no accident.
const (
	churnShare = 0.9
	churnLeast = 20
	churnRuns  = 2
)

// carryOver completes what is known of a scan once the guard let it pass, and warns of what does not stop a run.
func (r *Run) carryOver(ctx context.Context, s ledger.State, c *diff.Changes) ledger.Scan {
	scan := c.Scan
	scan.Emptied = c.Documents == 0 && (r.AllowMassDelete || s.Scan.Emptied)
	if !c.Full {
		scan.Left = c.Gone - int64(len(c.Deletions))
	}
	if c.Changed >= churnLeast && float64(c.Changed) >= churnShare*float64(c.Documents) {
		scan.Churn = s.Scan.Churn + 1
	}
	if scan.Churn >= churnRuns {
		r.Log.WarnContext(ctx, "nearly every document changed in several runs in a row", "runs", scan.Churn, "changed", c.Changed, "documents", c.Documents,
			"hint", "look for now(), random() or an array_agg without ORDER BY in the query; job check names the columns that differ")
	}
	if scan.Failures.Count > 0 {
		r.Log.WarnContext(ctx, "documents of the source cannot be searched as they are", "failed", scan.Failures.Count, "reasons", scan.Failures.Sorted().Groups,
			"hint", "correct the rows or leave them out in the query; job show ID shows one")
	}
	return scan
}
