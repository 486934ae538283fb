package metadatasync

import (
	"context"
	"errors"
	"fmt"
)

// errNoRows stops a run over an empty source.
var errNoRows = errors.New("the source query returned no row, and a sync of that would leave no document: check the query and the database, or allow it with --allow-mass-delete")

// errNoDocument stops a full sync of several tasks that has nothing to import; one task alone removes id by id instead.
var errNoDocument = errors.New("the source holds no document; to empty the data store, run the job with one task")

// massDeleteError stops a run that would remove too much.
type massDeleteError struct {
	gone, of int64
	ratio    float64
}

func (e *massDeleteError) Error() string {
	return fmt.Sprintf("the sync would remove %d of %d documents, more than MAX_DELETE_RATIO=%g allows: check the query and the database, or allow it with --allow-mass-delete",
		e.gone, e.of, e.ratio)
}

// guard stops a run that would remove more than an operator would believe. before is the number of documents that the
// data store held; whole says that t is the work of all tasks.
func (r *run) guard(t offer, before int64, whole bool) error {
	switch {
	case r.set.AllowMassDelete:
		return nil
	case whole && t.Rows == 0:
		return errNoRows
	case float64(t.Gone) > r.set.MaxDeleteRatio*float64(before):
		return &massDeleteError{gone: t.Gone, of: before, ratio: r.set.MaxDeleteRatio}
	}
	return nil
}

// listingCap bounds what listUnknown reads: 200 pages, at a page's usual 100 ms some 20 seconds.
const listingCap = 200_000

// listUnknown finds out what a full sync removes that the manifest cannot tell: the ids in the data store are listed, up to
// a bound, and looked up in the manifest and in what the scan has read. What a purge removes already is left to it.
func (r *run) listUnknown(ctx context.Context, c *collector) error {
	mine := r.mine()
	listed := 0
	for id, err := range r.store.IDs(ctx) {
		if err != nil {
			return fmt.Errorf("list the data store's documents, to see what a full sync without a manifest would remove: %w", err)
		}
		listed++
		held := c.held != nil && c.held.Has([]byte(id))
		if !held && (mine == nil || mine([]byte(id))) {
			gone := !c.table.Has([]byte(id))
			if gone || !r.state.known() {
				c.offer.Before++ // else it was counted with the manifest
			}
			if gone {
				c.offer.Gone++
				if err := c.goes(ctx, []byte(id)); err != nil {
					return err
				}
			}
		}
		if listed == listingCap {
			r.log.InfoContext(ctx, "the data store is large; what a full sync removes is judged by a part of it", "documents", listed)
			break
		}
	}
	return nil
}
