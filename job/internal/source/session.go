package source

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// The job's own statements must mean what they say whatever is in the user's search_path: a function, an operator, a type
// or a table that somebody planted there would run with the rights of the job's role (the class of CVE-2018-1058). So all of
// them go through own, which resolves every name in pg_catalog and nowhere else, for the length of one transaction. The
// user's query is read with the user's search_path; what is put around it is qualified.

// ownPath is the first statement of each transaction of ours. It is qualified, so that nothing else can be meant, and its
// last argument says that it holds until the end of the transaction. Temporary objects come last, not first.
const ownPath = "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)"

// spareTime is what a server may take beyond the statement's own time, or the wait for a lock, before it is given up.
const spareTime = 15 * time.Second

// statement is one of a batch, with its parameters in text form.
type statement struct {
	text   string
	params [][]byte
}

// batch runs statements in one round trip and one transaction.
func (db *DB) batch(ctx context.Context, op string, statements ...statement) ([]*pgconn.Result, error) {
	ctx, cancel := db.limited(ctx, db.answerTime())
	defer cancel()
	batch := &pgconn.Batch{}
	for _, s := range statements {
		batch.ExecParams(s.text, s.params, nil, nil, nil)
	}
	results, err := db.conn.ExecBatch(ctx, batch).ReadAll()
	if err != nil {
		return nil, db.failure(ctx, op, "", preparing, err)
	}
	return results, nil
}

// own runs a statement of the job's and returns its rows.
func (db *DB) own(ctx context.Context, op, text string, params ...[]byte) ([][][]byte, error) {
	return lastRows(db.batch(ctx, op, statement{text: ownPath}, statement{text, params}))
}

// lastRows returns the rows of a batch's last statement.
func lastRows(results []*pgconn.Result, err error) ([][][]byte, error) {
	if err != nil {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}

// theirs runs a statement around the user's query, with the user's search_path, and returns its rows.
func (db *DB) theirs(ctx context.Context, limit time.Duration, op string, when phase, text string, params ...[]byte) ([][][]byte, error) {
	ctx, cancel := db.limited(ctx, limit)
	defer cancel()
	result := db.conn.ExecParams(ctx, text, params, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, db.elaborate(ctx, db.failure(ctx, op, "", when, result.Err))
	}
	return result.Rows, nil
}

// answerTime bounds each statement but the one that reads the rows: longer than the wait for a lock, and an answer must
// come from a server that works.
func (db *DB) answerTime() time.Duration { return db.config.LockTimeout + spareTime }

// limited returns a context that ends after a time of ours. Its cause is what failure then says.
func (db *DB) limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, &Error{
		Reason: fmt.Sprintf("server process %s gave no answer within %v", db.pid, limit),
		Remedy: fmt.Sprintf("look at it with SELECT * FROM pg_stat_activity WHERE pid = %[1]s, and end it with SELECT pg_terminate_backend(%[1]s) or by a restart", db.pid),
	})
}
