package reconcile

import (
	"context"
	"fmt"
	"time"

	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/source"
)

// books appends revisions to the ledger while this run holds its lock.
type books struct {
	db        *source.DB
	ledger    *ledger.Store
	now       func() time.Time
	execution string
	version   string
}

// append makes next the ledger's newest revision, if nobody appended one since prev and this run still holds its lock.
func (b books) append(ctx context.Context, prev, next ledger.State, note ledger.Note) (ledger.State, error) {
	if err := b.db.Check(ctx); err != nil {
		return prev, fmt.Errorf("append to the ledger: the database session that holds this run's lock is gone: %w", err)
	}
	note.At, note.Execution, note.Version = b.now(), b.execution, b.version
	next.Note = note
	return b.ledger.Append(ctx, prev, next)
}
