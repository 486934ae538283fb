// Package source reads the rows behind the documents from PostgreSQL: one connection, which also holds the run's
// advisory locks, one statement, streamed in one snapshot, with values as the bytes that PostgreSQL sent.
//
// A DB is for one goroutine at a time.
package source

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"cloud.google.com/go/cloudsqlconn"
	"github.com/jackc/pgx/v5/pgconn"

	"vertexmetadata/job/internal/pgurl"
	"vertexmetadata/job/internal/refusal"
)

// connectTimeout bounds the attempt at one address unless the URL has a connect_timeout.
const connectTimeout = 10 * time.Second

// Defaults of Config.
const (
	DefaultApplicationName  = "vertex-metadata"
	DefaultStatementTimeout = 10 * time.Minute
	DefaultLockTimeout      = 30 * time.Second
)

// maxConnectTime bounds Open as a whole, however many addresses a host name has.
const maxConnectTime = 25 * time.Second

// maxSocketPath is what fits into a Unix socket address on Linux, less the closing zero byte.
const maxSocketPath = 107

// Config says which database to read, and what. It prints without its password.
type Config struct {
	// URL is a libpq URL and wins over Instance, Database, User and Password.
	URL string
	// Instance is a Cloud SQL connection name, project:region:instance; its socket is SocketDir/Instance/.s.PGSQL.5432.
	Instance, Database, User string
	// Password never appears in errors or logs.
	Password string
	// Token, if set, returns what takes the password's place: an access token of the job's account.
	Token func(context.Context) (string, error)
	// SocketDir is where Cloud Run mounts the sockets.
	SocketDir string
	// IPType is private, psc or public to connect by Google's connector in place of the socket. Empty: the socket.
	IPType string
	// IAM says that the connector logs in as the job's account.
	IAM bool
	// Query is the SELECT whose rows become documents.
	Query string
	// ApplicationName is what pg_stat_activity shows. Default: DefaultApplicationName, with which every other begins: it is
	// how the lock of one run knows that of another.
	ApplicationName string
	// StatementTimeout bounds each statement, a whole Scan included. Default: DefaultStatementTimeout.
	StatementTimeout time.Duration
	// LockTimeout bounds the wait for a lock that somebody else holds on a table. Default: DefaultLockTimeout.
	LockTimeout time.Duration
	// MaxValueBytes is the longest value that Scan passes on whole; 0: any. A longer one is cut to one byte more, before it
	// takes any memory, and an enormous row's values to even less.
	MaxValueBytes int

	connectorExtra []cloudsqlconn.Option // of a stand-in for the Admin API
}

// Format implements fmt.Formatter for every verb, so that no careless %+v prints the password.
func (c Config) Format(f fmt.State, _ rune) { fmt.Fprint(f, "source.Config") }

// LogValue implements slog.LogValuer.
func (c Config) LogValue() slog.Value { return slog.StringValue("source.Config") }

// connector reports that Google's connector dials.
func (c Config) connector() bool { return c.URL == "" && c.IPType != "" }

func (c Config) withDefaults() Config {
	c.StatementTimeout = cmp.Or(c.StatementTimeout, DefaultStatementTimeout)
	c.LockTimeout = cmp.Or(c.LockTimeout, DefaultLockTimeout)
	c.ApplicationName = cmp.Or(c.ApplicationName, DefaultApplicationName)
	return c
}

// parse makes pgconn's settings of c. Its errors never quote the URL.
func (c Config) parse() (*pgconn.Config, error) {
	c = c.withDefaults()
	pg, err := c.address()
	if err != nil {
		return nil, err
	}
	if _, address := pgconn.NetworkAddress(pg.Host, pg.Port); strings.HasPrefix(pg.Host, "/") && len(address) > maxSocketPath {
		return nil, &Error{
			Op: "connect to " + (&attempt{config: c, pg: pg}).describe(), Reason: fmt.Sprintf("the socket's path is longer than %d characters", maxSocketPath), Config: true,
			Remedy: "mount the instances in a shorter folder",
		}
	}
	if pg.Database == "" {
		pg.Database = pg.User // libpq's rule, made visible to our errors
	}
	// What the URL says beyond the address (connect_timeout, options, search_path) is kept.
	pg.ConnectTimeout = cmp.Or(pg.ConnectTimeout, connectTimeout)
	pg.RuntimeParams["application_name"] = c.ApplicationName
	pg.RuntimeParams["client_encoding"] = "UTF8"
	pg.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {} // a notice is the database's business
	// A server that vanishes in the middle of a read must be noticed too: after 15 + 3·5 seconds.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	pg.DialFunc = dialer.DialContext
	return pg, nil
}

// address returns where to connect to, and as whom.
func (c Config) address() (*pgconn.Config, error) {
	if c.URL != "" {
		pg, err := pgurl.Parse(c.URL)
		if err != nil {
			text, remedy := refusal.Split(err)
			return nil, &Error{Op: "connect to the database", Reason: text, Remedy: remedy, Config: true}
		}
		return pg, nil
	}
	pg, err := pgurl.Plain()
	if err != nil {
		return nil, err
	}
	pg.Host, pg.Port = filepath.Join(c.SocketDir, c.Instance), 5432
	if c.connector() {
		pg.Host = "localhost" // the connector dials, and encrypts
	}
	pg.User, pg.Password, pg.Database = c.User, c.Password, c.Database
	return pg, nil
}
