package reconcile

import (
	"context"
	"errors"
	"iter"
	"slices"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/refusal"
)

// examine returns what is known of a scan before it begins, and the rules for its documents. When the query is new it asks
// the data store which kind of documents it takes: each of the other kind would be rejected, at the end of an import that
// has removed the present ones.
func (r *Run) examine(ctx context.Context, s ledger.State) (ledger.Scan, document.Options, error) {
	scan := ledger.Scan{Configuration: configuration(r.Settings), NeedsContent: s.Scan.NeedsContent}
	rules := r.Settings.Documents
	if s.Scan.Configuration != scan.Configuration {
		described, err := r.Store.Describe(ctx)
		if advice := (*refusal.Advice)(nil); errors.As(err, &advice) && advice.Config {
			return scan, rules, err // it takes no documents at all
		}
		if err != nil {
			r.Log.WarnContext(ctx, "cannot read which kind of documents the data store takes", "error", err)
		}
		kind := described.Content
		columns, err := r.DB.Columns(ctx)
		if err != nil {
			return scan, rules, err
		}
		hasContent := slices.ContainsFunc(columns, func(c column.Column) bool { return c.Name == document.ColumnURI })
		if err := kind.Suits(hasContent); err != nil {
			return scan, rules, err
		}
		scan.NeedsContent = kind == datastore.ContentRequired
	}
	rules.NeedsContent = scan.NeedsContent
	return scan, rules, nil
}

// listed lists the ids that the data store holds. Access control may forbid that; then what a full sync deletes is not known,
// and an operator has to allow it.
func (r *Run) listed(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for id, err := range r.Store.IDs(ctx) {
			switch {
			case errors.Is(err, datastore.ErrNotReadable) && r.AllowMassDelete:
				r.Log.WarnContext(ctx, "cannot list what the data store holds, what the full sync deletes is not known", "error", err)
				return
			case errors.Is(err, datastore.ErrNotReadable):
				err = &refusal.Advice{Text: err.Error(), Remedy: "make sure that the data store holds nothing but this sync's documents, then allow a first full sync once with --allow-mass-delete"}
			}
			if !yield(id, err) || err != nil {
				return
			}
		}
	}
}
