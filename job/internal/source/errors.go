package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"vertexmetadata/job/internal/words"

	"github.com/jackc/pgx/v5/pgconn"
)

// Error is what this package returns when the database is at fault or out of reach: one line that names the place, the
// cause and the remedy, and never a password.
type Error struct {
	Op     string // what was tried, with the names of what it was tried on
	Reason string // what went wrong, the server's own hint included
	Remedy string // what a person can do; may be empty
	Config bool   // the configuration is wrong: a further run cannot succeed before somebody changes it
	Err    error  // the cause, for errors.Is and errors.As; it is not printed
}

func (e *Error) Error() string {
	s := words.Line(fmt.Sprintf("%s: %.2000s", e.Op, e.Reason)) // what a server says may be long
	if e.Remedy != "" {
		s += ": " + e.Remedy
	}
	return s
}

// Hint is the remedy, empty if there is none.
func (e *Error) Hint() string { return e.Remedy }

// Unwrap returns the cause. It is a *pgconn.PgError, io.ErrUnexpectedEOF or a context's error, none of which holds the
// connection's settings (pgconn.ConnectError would, password included).
func (e *Error) Unwrap() error { return e.Err }

// serverReason is what the server says: its message and its hint always; its detail and context only where they cannot
// hold a row's values: failures of connections, foreign servers, resources, limits and states.
func serverReason(e *pgconn.PgError, at string) string {
	reason := e.Message + at
	switch class(e.Code) {
	case "08", "HV", "53", "54", "55":
		reason += labelled("DETAIL", e.Detail) + labelled("CONTEXT", e.Where)
	}
	return reason + labelled("HINT", e.Hint)
}

func labelled(label, text string) string {
	if text == "" {
		return ""
	}
	return "; " + label + ": " + strings.TrimSuffix(strings.TrimSpace(text), ".")
}

// class is the first two characters of an SQLSTATE.
func class(code string) string { return code[:min(2, len(code))] }

// phase says when a statement failed. What fails before the first row was computed is the query's fault, what fails later
// may be a row's.
type phase string

const (
	opening   phase = "at the start"
	preparing phase = "before"
	reading   phase = "during"
)

// failure turns the error of a statement into an *Error. query, if not empty, is what the error's position counts in.
func (db *DB) failure(ctx context.Context, op, query string, when phase, err error) *Error {
	if server, ok := asServerError(err); ok && ctx.Err() == nil {
		at := ""
		if server.Position > 0 && query != "" {
			at = position(query, int(server.Position))
		}
		e := &Error{Op: op, Reason: serverReason(server, at), Err: server}
		e.Remedy, e.Config = queryRemedy(server, when)
		return e
	}
	e := &Error{Op: op, Reason: "the connection was lost", Remedy: nextRun, Err: io.ErrUnexpectedEOF}
	var late *Error
	switch {
	case errors.As(context.Cause(ctx), &late):
		e.Err, e.Reason, e.Remedy = context.DeadlineExceeded, late.Reason, late.Remedy
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, context.Canceled):
		e.Err, e.Reason, e.Remedy = context.Canceled, "it was interrupted", ""
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		e.Err, e.Reason = context.DeadlineExceeded, "it took too long"
	}
	if !strings.Contains(op, db.where) {
		e.Reason += " (" + db.where + ")"
	}
	return e
}

func asServerError(err error) (*pgconn.PgError, bool) {
	var e *pgconn.PgError
	return e, errors.As(err, &e)
}

// position turns PostgreSQL's position, in characters from 1, into a line and a column.
func position(query string, at int) string {
	line, column := 1, 1
	for _, r := range query {
		if at--; at == 0 {
			break
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return fmt.Sprintf(" (line %d, column %d)", line, column)
}
