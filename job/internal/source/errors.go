package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Error is what this package returns when the database is at fault or out of reach: one line that names the place, the
// cause and the remedy, and never a password.
type Error struct {
	Op     string // what was tried, with the names of what it was tried on
	Reason string // what went wrong
	Remedy string // what a person can do; may be empty
	Config bool   // the configuration is wrong: a further run cannot succeed before somebody changes it
	Err    error  // the cause, for errors.Is and errors.As; it is not printed
}

func (e *Error) Error() string {
	s := e.Op + ": " + e.Reason
	if e.Remedy != "" {
		s += ": " + e.Remedy
	}
	return strings.Join(strings.Fields(s), " ") // one line, whatever the server said
}

// Unwrap returns the cause. It is a *pgconn.PgError, an error of package net, or a context's error, none of which holds
// the connection's settings (pgconn.ConnectError would, password included).
func (e *Error) Unwrap() error { return e.Err }

// SQLSTATE codes that have a remedy of their own. https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeInvalidPassword   = "28P01"
	codeInvalidAuth       = "28000"
	codeNoDatabase        = "3D000"
	codeTooMany           = "53300"
	codeStarting          = "57P03"
	codeShutdown          = "57P01"
	codeCrash             = "57P02"
	codeIdleTimeout       = "57P05"
	codeCanceled          = "57014"
	codePrivilege         = "42501"
	codeUndefinedTable    = "42P01"
	codeUndefinedColumn   = "42703"
	codeUndefinedFunction = "42883"
	codeSyntax            = "42601"
	codeNotSupported      = "0A000"
	codeUnknownParameter  = "42P02"
	codeParameterType     = "42P18"
	codeReadOnly          = "25006"
	codeStandbyConflict   = "40001"
	codeUntranslatable    = "22P05"
	codeInvalidEncoding   = "22021"
)

// connectError explains why Open failed. byURL says that pg comes from DATABASE_URL alone.
func connectError(ctx context.Context, pg *pgconn.Config, byURL bool, err error) error {
	e := &Error{Op: "connect to " + describe(pg), Err: ctx.Err()}
	var server *pgconn.PgError
	var dns *net.DNSError
	var netErr net.Error
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch socket := strings.HasPrefix(pg.Host, "/"); {
	case errors.As(err, &server):
		e.Err, e.Reason, e.Remedy = server, server.Message, connectRemedy(server.Code)
	case errors.Is(err, context.Canceled):
		e.Err, e.Reason = context.Canceled, "it was interrupted"
	case socket && errors.Is(err, fs.ErrNotExist):
		e.Err, e.Reason = fs.ErrNotExist, "there is no such socket"
		e.Remedy = "the instance is not mounted: check CLOUD_SQL_INSTANCE (project:region:instance) and the job's Cloud SQL volume"
		if byURL {
			e.Remedy = "start the database, or correct host and port in DATABASE_URL"
		}
	case socket && errors.Is(err, syscall.ECONNREFUSED):
		e.Err, e.Reason, e.Remedy = syscall.ECONNREFUSED, "nobody listens there", "the database or its proxy is down: the next run tries again"
	case errors.Is(err, fs.ErrPermission):
		e.Err, e.Reason, e.Remedy = fs.ErrPermission, "this process may not open it", "check the folder's permissions"
	case errors.As(err, &dns):
		e.Err, e.Reason, e.Remedy = dns, "the host name cannot be resolved", "check the host in DATABASE_URL and the network's DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Err, e.Reason, e.Remedy = syscall.ECONNREFUSED, "connection refused", "check host and port, and that the database is up"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		e.Err, e.Reason, e.Remedy = syscall.EHOSTUNREACH, "no route to the host", "check the host in DATABASE_URL, VPC egress and firewall"
	case errors.As(err, &certificate):
		e.Err, e.Reason = certificate, "the server's TLS certificate is not trusted"
		e.Remedy = "set sslrootcert in DATABASE_URL to its authority, and check the host name"
	case errors.As(err, &record), strings.Contains(err.Error(), "refused TLS"):
		e.Reason, e.Remedy = "the server does not speak TLS", "set sslmode in DATABASE_URL to what the server offers"
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		e.Err, e.Reason = os.ErrDeadlineExceeded, "no answer in time"
		e.Remedy = "check the host, VPC egress and firewall, and that the database is up"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Err, e.Reason = io.ErrUnexpectedEOF, "the connection was closed before the login was done"
		e.Remedy = "check that the instance exists and that the job's service account has roles/cloudsql.client"
	default:
		// What is left comes from pgconn, which names addresses and settings but not the password; ours is taken out all
		// the same.
		e.Reason = withoutSecret(err.Error(), pg.Password)
	}
	return e
}

func withoutSecret(text, secret string) string {
	if secret == "" {
		return text
	}
	return strings.ReplaceAll(text, secret, "***")
}

func connectRemedy(code string) string {
	switch code {
	case codeInvalidPassword:
		return "check the user (DB_USER) and the password (SECRET_ID and VERSION_ID), or DATABASE_URL"
	case codeInvalidAuth:
		return "check the user (DB_USER, or DATABASE_URL) and the server's pg_hba.conf"
	case codeNoDatabase:
		return "check the database name (DB_NAME, or DATABASE_URL)"
	case codePrivilege:
		return "grant the user CONNECT on the database"
	case codeTooMany:
		return "the server has no connection to spare: the next run tries again; raise max_connections if this stays"
	case codeStarting, codeShutdown, codeCrash:
		return "the server is starting, stopping or recovering: the next run tries again"
	}
	return ""
}

// queryError explains why a statement over the user's query failed. where is for failures of the connection.
func queryError(op, where, query string, err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		e := &Error{Op: op, Reason: server.Message, Err: server}
		if server.Position > 0 && query != "" {
			e.Reason += position(query, int(server.Position))
		}
		e.Remedy, e.Config = queryRemedy(server)
		return e
	}
	cause := io.ErrUnexpectedEOF
	reason := "the connection was lost"
	switch {
	case errors.Is(err, context.Canceled):
		cause, reason = context.Canceled, "it was interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		cause, reason = context.DeadlineExceeded, "it took too long"
	}
	if !strings.Contains(op, where) {
		reason += " (" + where + ")"
	}
	return &Error{Op: op, Reason: reason, Err: cause}
}

// queryRemedy returns what to do, and whether it is the configuration that must change.
func queryRemedy(e *pgconn.PgError) (string, bool) {
	switch e.Code {
	case codeUndefinedTable, codeUndefinedColumn, codeUndefinedFunction:
		return "check the names in the query (SYNC_QUERY or SYNC_QUERY_FILE), the database and the search_path", true
	case codeUnknownParameter, codeParameterType:
		return "the query cannot have parameters", true
	case codePrivilege:
		return "grant the user SELECT on it (and USAGE on its schema)", true
	case codeReadOnly:
		return "the query may only read", true
	case codeCanceled:
		return "raise STATEMENT_TIMEOUT or make the query cheaper", false
	case codeShutdown, codeCrash, codeIdleTimeout, codeStarting, codeStandbyConflict:
		return "the next run reads again", false
	case codeUntranslatable, codeInvalidEncoding:
		return "the text cannot be converted to UTF-8: repair it or leave it out of the query", false
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "42": // syntax error or access rule violation
		return "correct the query (SYNC_QUERY or SYNC_QUERY_FILE)", true
	case "22": // data exception
		return "a row holds what the query cannot work with: correct that row or the query (SYNC_QUERY or SYNC_QUERY_FILE), or leave the row out", false
	}
	return "", false
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
