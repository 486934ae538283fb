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
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"vertexmetadata/job/internal/pgurl"
)

// attempt is one try to connect. It remembers what was dialled, to name the peer that answered.
type attempt struct {
	config Config
	pg     *pgconn.Config
	names  map[string]string    // of the addresses that were looked up
	last   atomic.Pointer[peer] // dialled; pgconn asks it to cancel statements from goroutines of its own
}

type peer struct{ network, address string }

// connect opens the session. A password that the server does not take is tried once more in the form that SASLprep gives
// it: libpq and the server normalise by NFKC, pgconn by NFC only.
func (a *attempt) connect(ctx context.Context) (*pgconn.PgConn, error) {
	conn, err := pgconn.ConnectConfig(ctx, a.pg)
	server, refused := asServerError(err)
	if !refused || server.Code != codeInvalidPassword {
		return conn, err
	}
	prepared, ok := saslPrep(a.pg.Password)
	if !ok || prepared == a.pg.Password {
		return nil, err
	}
	again := a.pg.Copy()
	again.Password = prepared
	return pgconn.ConnectConfig(ctx, again)
}

// watch makes pg remember the peer.
func (a *attempt) watch() {
	a.names = map[string]string{}
	lookup, dial := a.pg.LookupFunc, a.pg.DialFunc
	a.pg.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		found, err := lookup(ctx, host)
		for _, address := range found {
			a.names[address] = host
		}
		return found, err
	}
	a.pg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		a.last.Store(&peer{network, address})
		return dial(ctx, network, address)
	}
}

// where names what was dialled last: once connect has returned, the peer that answered.
func (a *attempt) where() string {
	last := a.last.Load()
	if last == nil || a.config.connector() {
		return a.describe()
	}
	where := "socket " + last.address
	if last.network != "unix" {
		host, port, _ := net.SplitHostPort(last.address)
		if name := a.names[host]; name != "" {
			host = name
		}
		where = "host " + net.JoinHostPort(host, port)
	}
	return described(a.pg, where)
}

// describe names what the connection is to, without the password.
func (a *attempt) describe() string {
	if a.config.connector() {
		return described(a.pg, fmt.Sprintf("instance %s (%s)", a.config.Instance, a.config.IPType))
	}
	var peers []string
	for _, f := range pgurl.Addresses(a.pg) {
		if peer := pgurl.Address(f); !slices.Contains(peers, peer) {
			peers = append(peers, peer)
		}
	}
	return described(a.pg, strings.Join(peers, " or "))
}

func described(pg *pgconn.Config, peer string) string {
	return fmt.Sprintf("database %q as user %q at %s", pg.Database, pg.User, peer)
}

// failure explains why Open failed.
func (a *attempt) failure(ctx context.Context, err error) error {
	e := &Error{Op: "connect to " + a.describe(), Err: ctx.Err()}
	byURL := a.config.URL != ""
	var server *pgconn.PgError
	var dns *net.DNSError
	var netErr net.Error
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch socket := strings.HasPrefix(a.pg.Host, "/"); {
	case errors.As(err, &server) && byURL && len(a.settings()) > 0 && (class(server.Code) == "22" || class(server.Code) == "42" && server.Code != codeInsufficientRight || server.Code == "08P01"):
		// The server quotes the parameter, which may be a part of a password that was not encoded.
		e.Err, e.Config = server, true
		e.Reason = fmt.Sprintf("the server refuses %s (SQLSTATE %s)", strings.Join(a.settings(), " or "), server.Code)
		e.Remedy = "leave out what is neither libpq's nor a setting of PostgreSQL; behind a pooler, leave out settings"
	case errors.As(err, &server):
		e.Op = "connect to " + a.where()
		e.Err, e.Reason, e.Remedy = server, serverReason(server, ""), find(loginRemedies, server, "").advice
		if class(server.Code) == "28" && (a.config.IAM || a.config.Token != nil) {
			e.Remedy = "set DB_USER to the account's address without .gserviceaccount.com, make it a user of the instance (type CLOUD_IAM_SERVICE_ACCOUNT), switch on its flag " +
				"cloudsql.iam_authentication, and grant the account roles/cloudsql.instanceUser"
		}
	case errors.Is(err, context.Canceled):
		e.Err, e.Reason = context.Canceled, "it was interrupted"
	case strings.Contains(err.Error(), "require_auth check failed"), strings.Contains(err.Error(), "channel binding "):
		e.Reason, e.Remedy = "the server asks for the password in a form that others on the network can read", "set password_encryption = 'scram-sha-256' on the server, set the password again and use scram-sha-256 in pg_hba.conf, "+
			"or let the certificate be verified: sslmode=verify-full and sslrootcert in DATABASE_URL"
		if strings.Contains(err.Error(), "require_auth") {
			a.unlike(e, "require_auth", "PGREQUIREAUTH")
		}
	case strings.Contains(err.Error(), "ValidateConnect failed"):
		a.unlike(e, "target_session_attrs", "PGTARGETSESSIONATTRS")
	case a.config.connector():
		e.Reason = withoutSecret(err.Error(), a.pg.Password)
		e.Remedy = "check CLOUD_SQL_INSTANCE (project:region:instance), that the instance has such an address (CLOUD_SQL_IP_TYPE) and the job's network reaches it, and that the job's account has roles/cloudsql.client"
	case socket && errors.Is(err, fs.ErrNotExist):
		e.Err, e.Reason = fs.ErrNotExist, "there is no such socket"
		e.Remedy = "the instance is not mounted: check CLOUD_SQL_INSTANCE (project:region:instance) and the job's Cloud SQL volume"
		if byURL {
			e.Remedy = "start the database, or correct host and port in DATABASE_URL"
		}
	case socket && errors.Is(err, syscall.ECONNREFUSED):
		e.Err, e.Reason, e.Remedy = syscall.ECONNREFUSED, "nothing is listening on it", "the database or its proxy is down: the next run tries again"
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
		e.Reason, e.Remedy = "the server does not speak TLS", "switch TLS on at the server (ssl = on)"
		if byURL && pgurl.Defaulted(a.config.URL) {
			e.Reason = "the server does not speak TLS, which is required over the network unless DATABASE_URL says sslmode=disable"
		}
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		e.Err, e.Reason = os.ErrDeadlineExceeded, "no answer in time"
		e.Remedy = "check the host, VPC egress and firewall, and that the database is up"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Err, e.Reason = io.ErrUnexpectedEOF, "the connection was closed before the login was done"
		e.Remedy = "check that the instance exists and that the job's service account has roles/cloudsql.client"
	default:
		// What is left comes from pgconn or the connector, which name addresses and settings but not the password; ours is
		// taken out all the same.
		e.Reason, e.Remedy = withoutSecret(err.Error(), a.pg.Password), "look into the server's log; "+nextRun
	}
	set := slices.DeleteFunc(pgurl.Variables(), func(name string) bool { return strings.Contains(e.Reason+e.Remedy, name) })
	if byURL && len(set) > 0 {
		e.Remedy = strings.TrimPrefix(e.Remedy+"; beside DATABASE_URL counts what the environment says: "+strings.Join(set, ", "), "; ")
	}
	return e
}

// unlike explains a server that is not what a parameter asks for, wherever its value comes from.
func (a *attempt) unlike(e *Error, parameter, variable string) {
	if origin := pgurl.Origin(a.config.URL, parameter, variable); origin != "" {
		e.Reason, e.Remedy = "the server does not offer what "+origin+" asks for", "let the server offer it, or correct "+origin
	}
}

// settings says where what the server is sent comes from, beyond what the job sends by itself.
func (a *attempt) settings() (from []string) {
	custom := 0
	for name := range a.pg.RuntimeParams {
		if name != "application_name" && name != "client_encoding" {
			custom++
		}
	}
	for _, s := range [][2]string{{"options", "PGOPTIONS"}, {"timezone", "PGTZ"}} {
		if origin := pgurl.Origin(a.config.URL, s[0], s[1]); strings.HasPrefix(origin, s[1]) {
			from = append(from, origin)
		}
	}
	if custom > len(from) {
		from = append([]string{"a parameter of DATABASE_URL"}, from...)
	}
	return from
}

func withoutSecret(text, secret string) string {
	if secret == "" {
		return text
	}
	return strings.ReplaceAll(text, secret, "***")
}
