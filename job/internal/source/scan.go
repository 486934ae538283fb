package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ScanStats say what a Scan read.
type ScanStats struct {
	Rows  int64
	Bytes int64 // as received, protocol included
}

// Scan calls fn with every row, in the order in which PostgreSQL finds them, all from one snapshot. The row
// and its values are valid until fn returns; nil is NULL. The server may use a parallel plan, since the result is asked
// for as a whole, and its transaction ends with the last row.
//
// An error of fn ends the read and is returned as it is. The session, with its locks, survives that, and the end of ctx
// too, if the server stops within cancelGrace; Check tells. While fn works the server waits: over TCP a wait of more than
// twelve seconds looks to it like a client that vanished, so whatever can take long belongs behind a buffer.
func (db *DB) Scan(ctx context.Context, fn func(row [][]byte) error) (ScanStats, error) {
	if _, err := db.Columns(ctx); err != nil {
		return ScanStats{}, err
	}
	stopped, stop := context.WithCancel(ctx)
	defer stop()
	before := db.reader.n
	db.reader.restart()
	result := db.conn.ExecParams(stopped, db.statement(), nil, nil, nil, nil)
	stats, err := db.rows(stopped, result, fn)
	if err != nil {
		stop() // asks the server to end the statement; what is under way is read and dropped
	}
	_, closeErr := result.Close()
	stats.Bytes = db.reader.n - before
	switch {
	case ctx.Err() != nil:
		return stats, queryError("read rows", db.where, "", ctx.Err())
	case err != nil:
		return stats, err
	case closeErr != nil:
		return stats, db.readError(stats, closeErr)
	}
	return stats, nil
}

// rows hands every row to fn until one of them fails or the context ends.
func (db *DB) rows(ctx context.Context, result *pgconn.ResultReader, fn func(row [][]byte) error) (ScanStats, error) {
	var stats ScanStats
	if err := db.sameColumns(result.FieldDescriptions()); err != nil {
		return stats, err
	}
	done := ctx.Done()
	for result.NextRow() {
		select {
		case <-done:
			return stats, ctx.Err()
		default:
		}
		stats.Rows++
		if err := fn(result.Values()); err != nil {
			return stats, err
		}
	}
	return stats, nil
}

// sameColumns notices a table that was altered since Columns. No description at all means that the statement failed,
// which the end of the result reports.
func (db *DB) sameColumns(fields []pgconn.FieldDescription) error {
	if fields == nil {
		return nil
	}
	same := len(fields) == len(db.columns)
	for i := 0; same && i < len(fields); i++ {
		same = fields[i].Name == db.columns[i].Name
	}
	if !same {
		return &Error{Op: "read rows", Reason: "the query's columns changed while the run began", Remedy: "the next run reads again"}
	}
	return nil
}

func (db *DB) readError(stats ScanStats, err error) error {
	query := db.query
	if db.wrap {
		query = "" // positions are those of the wrapping statement
	}
	op := "read rows"
	if stats.Rows > 0 {
		op = fmt.Sprintf("read rows (after %d)", stats.Rows)
	}
	failure := queryError(op, db.where, query, err)
	if stalled := db.reader.unread.Round(time.Second); stalled >= patience {
		if e, ok := failure.(*Error); ok && e.Err == io.ErrUnexpectedEOF {
			e.Reason += fmt.Sprintf(", as nothing was read for %v", stalled)
			e.Remedy = "whatever takes the documents (storage) was too slow; the next run reads again"
		}
	}
	return failure
}

func asServerError(err error) (*pgconn.PgError, bool) {
	var e *pgconn.PgError
	return e, errors.As(err, &e)
}
