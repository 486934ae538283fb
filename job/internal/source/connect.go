package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
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
	if server, ok := asServerError(err); ok {
		a.refused(e, server)
	} else {
		e.Reason, e.Remedy = a.unreached(err)
	}
	set := slices.DeleteFunc(pgurl.Variables(), func(name string) bool { return strings.Contains(e.Reason+e.Remedy, name) })
	if a.config.URL != "" && len(set) > 0 {
		e.Remedy = strings.TrimPrefix(e.Remedy+"; beside DATABASE_URL counts what the environment says: "+strings.Join(set, ", "), "; ")
	}
	return e
}

// refused explains what the server says before the session is open.
func (a *attempt) refused(e *Error, server *pgconn.PgError) {
	e.Err = server
	settings, code := a.settings(), server.Code
	isAboutSettings := class(code) == "22" || class(code) == "42" && code != codeInsufficientRight || code == "08P01"
	if isAboutSettings && len(settings) > 0 {
		// The server quotes the parameter, which may be a part of a password that was not encoded.
		e.Config = true
		e.Reason = fmt.Sprintf("the server refuses %s (SQLSTATE %s)", strings.Join(settings, " or "), code)
		e.Remedy = "leave out what is neither libpq's nor a setting of PostgreSQL; behind a pooler, leave out settings"
		return
	}
	e.Op, e.Reason, e.Remedy = "connect to "+a.where(), serverReason(server, ""), find(loginRemedies, server, "").advice
	if class(code) == "28" && (a.config.IAM || a.config.Token != nil) {
		e.Remedy = "set DB_USER to the account's address without .gserviceaccount.com, make it a user of the instance (type CLOUD_IAM_SERVICE_ACCOUNT), switch on its flag " +
			"cloudsql.iam_authentication, and grant the account roles/cloudsql.instanceUser"
	}
}

// unreached says what kept the server from answering.
func (a *attempt) unreached(err error) (reason, remedy string) {
	// This comes from pgconn or the connector, which name addresses and settings but not the password; ours is taken out
	// all the same.
	text := err.Error()
	if a.pg.Password != "" {
		text = strings.ReplaceAll(text, a.pg.Password, "***")
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "it was interrupted", ""
	case strings.Contains(text, "require_auth check failed"):
		return a.unlike("require_auth", "PGREQUIREAUTH", readablePassword, hashPassword)
	case strings.Contains(text, "channel binding "):
		return readablePassword, hashPassword
	case strings.Contains(text, "ValidateConnect failed"):
		return a.unlike("target_session_attrs", "PGTARGETSESSIONATTRS", text, "")
	case a.config.connector():
		return text, "check CLOUD_SQL_INSTANCE (project:region:instance), that the instance has such an address (CLOUD_SQL_IP_TYPE) and the job's network reaches it, and that the job's account has roles/cloudsql.client"
	}
	if reason, remedy = a.atSocket(err); reason == "" {
		reason, remedy = a.onNetwork(err)
	}
	if reason == "" {
		return text, "look into the server's log; " + nextRun
	}
	return reason, remedy
}

const (
	readablePassword = "the server asks for the password in a form that others on the network can read"
	hashPassword     = "set password_encryption = 'scram-sha-256' on the server, set the password again and use scram-sha-256 in pg_hba.conf, " +
		"or let the certificate be verified: sslmode=verify-full and sslrootcert in DATABASE_URL"
)

// atSocket explains what happens at a Unix socket: that of Cloud SQL, unless a URL names it.
func (a *attempt) atSocket(err error) (reason, remedy string) {
	switch {
	case !strings.HasPrefix(a.pg.Host, "/"):
	case errors.Is(err, fs.ErrNotExist) && a.config.URL != "":
		return "there is no such socket", "start the database, or correct host and port in DATABASE_URL"
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such socket", "the instance is not mounted: check CLOUD_SQL_INSTANCE (project:region:instance) and the job's Cloud SQL volume"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing is listening on it", "the database or its proxy is down: " + nextRun
	case errors.Is(err, fs.ErrPermission):
		return "this process may not open it", "check the folder's permissions"
	}
	return "", ""
}

// onNetwork explains what happens between the job and a server.
func (a *attempt) onNetwork(err error) (reason, remedy string) {
	var netErr net.Error
	switch {
	case is[*net.DNSError](err):
		return "the host name cannot be resolved", "check the host in DATABASE_URL and the network's DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", "check host and port, and that the database is up"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the host", "check the host in DATABASE_URL, VPC egress and firewall"
	case is[*tls.CertificateVerificationError](err), is[x509.UnknownAuthorityError](err), is[x509.CertificateInvalidError](err):
		// For verify-ca pgconn verifies by itself: its errors are those of x509.
		return "the server's TLS certificate is not trusted", "set sslrootcert in DATABASE_URL to its authority, and check the host name"
	case is[tls.RecordHeaderError](err), strings.Contains(err.Error(), "refused TLS"):
		if reason = "the server does not speak TLS"; pgurl.Defaulted(a.config.URL) {
			reason += ", which is required over the network unless DATABASE_URL says sslmode=disable"
		}
		return reason, "switch TLS on at the server (ssl = on)"
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time", "check the host, VPC egress and firewall, and that the database is up"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		remedy = "check that the instance exists and that the job's service account has roles/cloudsql.client"
		if a.config.URL != "" {
			remedy = "check that host and port in DATABASE_URL are those of the database, and look into its log"
		}
		return "the connection was closed before the login was done", remedy
	}
	return "", ""
}

// is reports that an error of type E is in the chain.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// unlike explains a server that is not what a parameter asks for by where its value comes from, if it has one.
func (a *attempt) unlike(parameter, variable, reason, remedy string) (string, string) {
	if origin := pgurl.Origin(a.config.URL, parameter, variable); origin != "" {
		return "the server does not offer what " + origin + " asks for", "let the server offer it, or correct " + origin
	}
	return reason, remedy
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
