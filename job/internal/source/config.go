// Package source reads the rows behind the documents from PostgreSQL: one connection, which also holds the run's
// advisory locks, one statement, streamed in one snapshot, with values as the bytes that PostgreSQL sent.
//
// A DB is for one goroutine at a time.
package source

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Defaults of Config.
const (
	DefaultSocketDir        = "/cloudsql"
	DefaultApplicationName  = "vertex-metadata"
	DefaultConnectTimeout   = 10 * time.Second
	DefaultStatementTimeout = 10 * time.Minute
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
	// SocketDir is where Cloud Run mounts the sockets. Default: DefaultSocketDir.
	SocketDir string
	// Query is the SELECT whose rows become documents.
	Query string
	// ApplicationName is what pg_stat_activity shows. Default: the URL's, or else DefaultApplicationName.
	ApplicationName string
	// StatementTimeout bounds each statement, a whole Scan included. Default: DefaultStatementTimeout.
	StatementTimeout time.Duration
	// ConnectTimeout bounds the attempt at one address. Default: the URL's connect_timeout, or else DefaultConnectTimeout.
	ConnectTimeout time.Duration
}

// Format implements fmt.Formatter for every verb, so that no careless %+v prints the password.
func (c Config) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.where()) }

// LogValue implements slog.LogValuer.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.where()) }

func (c Config) where() string {
	pg, err := c.parse()
	if err != nil {
		return "source with an unreadable address"
	}
	return describe(pg)
}

// describe names what a connection is to, without the password.
func describe(pg *pgconn.Config) string {
	network, address := pgconn.NetworkAddress(pg.Host, pg.Port)
	if network == "unix" {
		return fmt.Sprintf("database %q as user %q at socket %s", pg.Database, pg.User, address)
	}
	return fmt.Sprintf("database %q as user %q at host %s", pg.Database, pg.User, address)
}

func (c Config) withDefaults() Config {
	if c.SocketDir == "" {
		c.SocketDir = DefaultSocketDir
	}
	if c.StatementTimeout == 0 {
		c.StatementTimeout = DefaultStatementTimeout
	}
	return c
}

// parse makes pgconn's settings of c. Its errors never quote the URL.
func (c Config) parse() (*pgconn.Config, error) {
	c = c.withDefaults()
	conn := c.URL
	if conn == "" {
		conn = "sslmode=disable" // the socket is encrypted by whoever mounts it
	}
	pg, err := pgconn.ParseConfig(conn)
	if err != nil {
		return nil, &Error{
			Op: "read DATABASE_URL", Reason: "it is not a libpq URL" + urlReason(c.URL), Config: true,
			Remedy: "it has the form postgres://user:password@host:5432/database?sslmode=require, special characters in the password percent-encoded",
		}
	}
	if c.URL == "" {
		pg.Host, pg.Port = filepath.Join(c.SocketDir, c.Instance), 5432
		pg.User, pg.Password, pg.Database = c.User, c.Password, c.Database
		pg.Fallbacks = nil
	}
	if _, address := pgconn.NetworkAddress(pg.Host, pg.Port); strings.HasPrefix(pg.Host, "/") && len(address) > maxSocketPath {
		return nil, &Error{
			Op: "connect to " + describe(pg), Reason: fmt.Sprintf("the socket's path is longer than %d characters", maxSocketPath), Config: true,
			Remedy: "mount the instances in a shorter folder",
		}
	}
	if pg.Database == "" {
		pg.Database = pg.User // libpq's rule, made visible to our errors
	}
	// What the URL says beyond the address (connect_timeout, options, search_path) is kept.
	if c.ConnectTimeout > 0 {
		pg.ConnectTimeout = c.ConnectTimeout
	} else if pg.ConnectTimeout == 0 {
		pg.ConnectTimeout = DefaultConnectTimeout
	}
	if c.ApplicationName != "" {
		pg.RuntimeParams["application_name"] = c.ApplicationName
	} else if pg.RuntimeParams["application_name"] == "" {
		pg.RuntimeParams["application_name"] = DefaultApplicationName
	}
	pg.RuntimeParams["client_encoding"] = "UTF8"
	pg.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {} // a notice is the database's business
	// A server that vanishes in the middle of a read must be noticed too: after 15 + 3·5 seconds.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	pg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}
	return pg, nil
}

// urlReason adds what is wrong with the URL where that can be said without quoting it.
func urlReason(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return ""
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		return " (it does not begin with postgres://)"
	}
	return " (one of its parameters is wrong)"
}
