package source

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const secret = "s3cr3t-p%ss"

func TestOpenErrors(t *testing.T) {
	silent, hangUp := listen(t, false), listen(t, true)
	missing := filepath.Join(t.TempDir(), "none")
	user := server.User()
	run(t, server.AdminURL(""), `CREATE ROLE crowded LOGIN PASSWORD 's3cr3t-p%ss' CONNECTION LIMIT 0`, `CREATE DATABASE closed`, `REVOKE CONNECT ON DATABASE closed FROM public`)
	socket := server.SocketDir() + "/.s.PGSQL.5432"
	tests := []struct {
		name   string
		config Config
		want   string
		isConf bool
	}{
		{
			"wrong password",
			Config{URL: server.URLAs(user, secret, "app")},
			fmt.Sprintf(`connect to database "app" as user %q at socket %s: password authentication failed for user %q: check the user (DB_USER) and the password (SECRET_ID and VERSION_ID), or DATABASE_URL`, user, socket, user), false,
		},
		{
			"no such user",
			Config{URL: server.URLAs("nobody", secret, "app")},
			fmt.Sprintf(`connect to database "app" as user "nobody" at socket %s: password authentication failed for user "nobody": check the user (DB_USER) and the password (SECRET_ID and VERSION_ID), or DATABASE_URL`, socket), false,
		},
		{
			"no such database",
			Config{URL: server.URLAs(user, server.Password(), "nowhere")},
			fmt.Sprintf(`connect to database "nowhere" as user %q at socket %s: database "nowhere" does not exist: check the database name (DB_NAME, or DATABASE_URL)`, user, socket), false,
		},
		{
			"not allowed in",
			Config{URL: server.URLAs(user, server.Password(), "closed")},
			fmt.Sprintf(`connect to database "closed" as user %q at socket %s: permission denied for database "closed": grant the user CONNECT on the database`, user, socket), false,
		},
		{
			"too many",
			Config{URL: server.URLAs("crowded", secret, "app")},
			fmt.Sprintf(`connect to database "app" as user "crowded" at socket %s: too many connections for role "crowded": the server has no free connection: the next run tries again; raise max_connections if this stays`, socket), false,
		},
		{
			"refused",
			Config{URL: "postgres://u:" + "s3cr3t-p%25ss" + "@127.0.0.1:1/d"},
			`connect to database "d" as user "u" at host 127.0.0.1:1: connection refused: check host and port, and that the database is up`, false,
		},
		{
			"silent",
			Config{URL: "postgres://u:s3cr3t-p%25ss@" + silent + "/d?connect_timeout=1"},
			`connect to database "d" as user "u" at host ` + silent + `: no answer in time: check the host, VPC egress and firewall, and that the database is up`, false,
		},
		{
			"hangs up",
			Config{URL: "postgres://u:s3cr3t-p%25ss@" + hangUp + "/d?sslmode=disable"},
			`connect to database "d" as user "u" at host ` + hangUp + `: the connection was closed before the login was done: check that host and port in DATABASE_URL are those of the database, and look into its log`, false,
		},
		{
			"unresolvable",
			Config{URL: "postgres://u:s3cr3t-p%25ss@host.invalid/d"},
			`connect to database "d" as user "u" at host host.invalid:5432: the host name cannot be resolved: check the host in DATABASE_URL and the network's DNS`, false,
		},
		{
			"no TLS",
			Config{URL: strings.Replace(server.TCPURL("app"), "sslmode=disable", "sslmode=require", 1)},
			fmt.Sprintf(`connect to database "app" as user %q at host %s: the server does not speak TLS: switch TLS on at the server (ssl = on)`, user, server.Proxy().Addr()), false,
		},
		{
			"not mounted",
			Config{Instance: "p:r:i", Database: "d", User: "u", Password: secret, SocketDir: missing},
			`connect to database "d" as user "u" at socket ` + missing + `/p:r:i/.s.PGSQL.5432: there is no such socket: the instance is not mounted: check CLOUD_SQL_INSTANCE (project:region:instance) and the job's Cloud SQL volume`, false,
		},
		{
			"no such socket",
			Config{URL: "postgres://u:s3cr3t-p%25ss@/d?host=" + missing},
			`connect to database "d" as user "u" at socket ` + missing + `/.s.PGSQL.5432: there is no such socket: start the database, or correct host and port in DATABASE_URL`, false,
		},
		{
			"path too long",
			Config{Instance: "p:r:i", Database: "d", User: "u", Password: secret, SocketDir: "/" + strings.Repeat("x", 90)},
			`connect to database "d" as user "u" at socket /` + strings.Repeat("x", 90) + `/p:r:i/.s.PGSQL.5432: the socket's path is longer than 107 characters: mount the instances in a shorter folder`, true,
		},
		{
			"malformed",
			Config{URL: "postgres://u:s3cr3t-p%ss@host:port/d"},
			`connect to the database: DATABASE_URL is not a libpq URL: percent-encode the user and the password: / as %2F, @ as %40, # as %23, ? as %3F, % as %25`, true,
		},
		{
			"another scheme",
			Config{URL: "mysql://u:s3cr3t-p%25ss@host/d"},
			`connect to the database: DATABASE_URL is not a libpq URL: write it as postgres://user:password@host:5432/database, special characters in the password percent-encoded`, true,
		},
		{
			"bad parameter",
			Config{URL: "postgres://u:s3cr3t-p%25ss@host/d?sslmode=maybe"},
			`connect to the database: DATABASE_URL has a value of sslmode that is not supported: set sslmode to one of disable, allow, prefer, require, verify-ca, verify-full`, true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			_, err := Open(t.Context(), tt.config)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			var e *Error
			if errors.As(err, &e) && e.Config != tt.isConf {
				t.Errorf("Config = %v", e.Config)
			}
			for _, text := range []string{fmt.Sprintf("%v %+v %#v", err, errors.Unwrap(err), errors.Unwrap(err)), fmt.Sprintf("%v %+v %#v %s", tt.config, tt.config, tt.config, tt.config), slog.AnyValue(tt.config).Resolve().String()} {
				if strings.Contains(text, "s3cr3t") || strings.Contains(text, server.Password()) {
					t.Errorf("the password is in %s", text)
				}
			}
		})
	}
}

// listen accepts connections and then says nothing, or hangs up at once.
func listen(t *testing.T, hangUp bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if hangUp {
				_ = conn.Close()
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return l.Addr().String()
}

func TestOpenByInstance(t *testing.T) {
	dir, err := server.InstanceSocketDir("p:r:i")
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, Config{SocketDir: dir, Instance: "p:r:i", Database: server.Database(), User: server.User(), Password: server.Password(), Query: "SELECT 1 AS id"})
	if got := scan(t, db); len(got) != 1 || got[0][0] != "1" {
		t.Errorf("got %v", got)
	}
}

func databaseOf(t *testing.T, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return config.Database
}

// TestURLParameters: what a libpq URL says beyond the address counts.
func TestURLParameters(t *testing.T) {
	url := server.TCPURL("") + "&application_name=from-url&search_path=elsewhere&options=-cwork_mem%3D5MB"
	for _, tt := range []struct{ name, config, want string }{
		{"application_name", "", "vertex-metadata"}, {"application_name", "ours", "ours"}, {"search_path", "", "elsewhere"}, {"work_mem", "", "5MB"},
	} {
		row, err := open(t, Config{URL: url, ApplicationName: tt.config}).queryRow(t.Context(), "SELECT current_setting($1)", []byte(tt.name))
		if err != nil || string(row[0]) != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.name, row, err, tt.want)
		}
	}
}

func TestConnectTimeout(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
		want   time.Duration
	}{
		{"nobody says", Config{URL: "postgres://u@h/d"}, connectTimeout},
		{"the URL says", Config{URL: "postgres://u@h/d?connect_timeout=3"}, 3 * time.Second},
		{"the URL says for ever", Config{URL: "postgres://u@h/d?connect_timeout=0"}, connectTimeout},
		{"instance", Config{Instance: "p:r:i"}, connectTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pg, err := tt.config.parse()
			if err != nil || pg.ConnectTimeout != tt.want {
				t.Errorf("got %v, %v, want %v", pg.ConnectTimeout, err, tt.want)
			}
		})
	}
}
