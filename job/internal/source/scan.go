package source

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"vertexmetadata/job/internal/column"
)

// Scan calls fn with every row, in the order in which PostgreSQL finds them, all from one snapshot. The row
// and its values are valid until fn returns; nil is NULL. The server may use a parallel plan, since the result is asked
// for as a whole, and its transaction ends with the last row.
//
// An error of fn ends the read and is returned as it is. The session, with its locks, survives that, and the end of ctx
// too, if the server stops within cancelGrace; Check reports it. While fn works the server waits: over TCP a wait of more than
// twelve seconds looks to it like a client that vanished, so whatever can take long belongs behind a buffer.
func (db *DB) Scan(ctx context.Context, fn func(row [][]byte) error) error {
	if _, err := db.Columns(ctx); err != nil {
		return err
	}
	limited, cancel := db.limited(ctx, db.config.StatementTimeout+spareTime)
	defer cancel()
	stopped, stop := context.WithCancel(limited)
	defer stop()
	db.wire.conn.restart()
	db.wire.longest = db.config.MaxValueBytes
	result := db.conn.ExecParams(stopped, db.statement, nil, nil, nil, nil)
	scan := reader{db: db, id: db.idColumn()}
	err := scan.rows(stopped, result, fn)
	if err != nil {
		stop() // asks the server to end the statement; what is under way is read and dropped
	}
	_, closeErr := result.Close()
	db.wire.longest = 0
	switch {
	case limited.Err() != nil:
		return db.failure(limited, "read rows", "", reading, limited.Err())
	case err != nil:
		return err
	case closeErr != nil:
		return scan.failure(ctx, closeErr)
	}
	return nil
}

// reader is a Scan under way.
type reader struct {
	db    *DB
	count int64  // of rows
	id    int    // the column
	last  []byte // the id of the last row, or as much of it as an error shows
}

// shownID is how many bytes of an id an error shows.
const shownID = 128

// rows hands every row to fn until one of them fails or the context ends.
func (r *reader) rows(ctx context.Context, result *pgconn.ResultReader, fn func(row [][]byte) error) error {
	if err := r.db.sameColumns(result.FieldDescriptions()); err != nil {
		return err
	}
	done := ctx.Done()
	for result.NextRow() {
		select {
		case <-done:
			return ctx.Err()
		default:
		}
		r.count++
		row := result.Values()
		id := row[r.id]
		r.last = append(r.last[:0], id[:min(len(id), shownID)]...)
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}

// sameColumns notices a table or a type that was altered since Columns. No description at all means that the statement
// failed, which the end of the result reports.
func (db *DB) sameColumns(fields []pgconn.FieldDescription) error {
	if fields == nil {
		return nil
	}
	named := slices.EqualFunc(fields, db.columns, func(f pgconn.FieldDescription, c column.Column) bool { return f.Name == c.Name })
	if !named || !slices.EqualFunc(fields, db.types, func(f pgconn.FieldDescription, oid uint32) bool { return f.DataTypeOID == oid }) {
		return &Error{Op: "read rows", Reason: "the query's columns changed while the run began", Remedy: readAgain}
	}
	return nil
}

// failure explains why the server stopped in the middle. Its rows come in the order in which it computes them, so the row
// at fault is most often the one after the last.
func (r *reader) failure(ctx context.Context, err error) error {
	db, query := r.db, r.db.query
	if db.statement != query {
		query = "" // positions are those of the wrapping statement
	}
	op := "read rows"
	if r.count > 0 {
		op = fmt.Sprintf("read rows (after %d, the last with id %q)", r.count, r.last)
	}
	e := db.failure(ctx, op, query, reading, err)
	if stalled := db.wire.conn.unread.Round(time.Second); stalled >= patience && e.Err == io.ErrUnexpectedEOF {
		e.Reason += fmt.Sprintf(", as nothing was read for %v", stalled)
		e.Remedy = "storage took the documents too slowly; " + readAgain
	}
	return db.elaborate(ctx, e)
}
