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

// ownTime bounds each statement but the one that reads the rows: longer than the wait for a lock, and an answer must come
// from a server that works.
const ownTime = 15 * time.Second

// own runs a statement of the job's in one round trip and returns its rows.
func (db *DB) own(ctx context.Context, statement string, params ...[]byte) ([][][]byte, error) {
	batch := &pgconn.Batch{}
	batch.ExecParams(ownPath, nil, nil, nil, nil)
	batch.ExecParams(statement, params, nil, nil, nil)
	results, err := db.conn.ExecBatch(ctx, batch).ReadAll()
	if err != nil {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}

// ownRows is own within a time of the client's, with an error that says what was tried.
func (db *DB) ownRows(ctx context.Context, op, statement string, params ...[]byte) ([][][]byte, error) {
	ctx, cancel := limited(ctx, db.config.LockTimeout+ownTime)
	defer cancel()
	rows, err := db.own(ctx, statement, params...)
	if err != nil {
		return nil, db.failure(ctx, op, "", preparing, err)
	}
	return rows, nil
}

// ownRow is ownRows for a statement that returns one row.
func (db *DB) ownRow(ctx context.Context, op, statement string, params ...[]byte) ([][]byte, error) {
	rows, err := db.ownRows(ctx, op, statement, params...)
	switch {
	case err != nil:
		return nil, err
	case len(rows) != 1:
		return nil, fmt.Errorf("%s: %d rows instead of one", op, len(rows))
	}
	return rows[0], nil
}

// theirs runs a statement around the user's query, with the user's search_path, and returns its rows.
func (db *DB) theirs(ctx context.Context, op, query, statement string, params ...[]byte) ([][][]byte, error) {
	return db.theirsWithin(ctx, db.config.LockTimeout+ownTime, op, query, statement, params...)
}

// theirsWithin is theirs for a statement that may read much.
func (db *DB) theirsWithin(ctx context.Context, limit time.Duration, op, query, statement string, params ...[]byte) ([][][]byte, error) {
	ctx, cancel := limited(ctx, limit)
	defer cancel()
	result := db.conn.ExecParams(ctx, statement, params, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, db.explained(ctx, op, query, result.Err)
	}
	return result.Rows, nil
}

// explained is failure for the user's query before it is read, with what can be found out about it.
func (db *DB) explained(ctx context.Context, op, query string, err error) error {
	return db.elaborate(ctx, db.failure(ctx, op, query, preparing, err))
}

// limited returns a context that ends after a time of ours; failure then says that the server gave no answer.
func limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, &lateError{limit})
}
