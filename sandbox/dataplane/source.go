package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/sample"
)

// Source is the database that the job reads: the sandbox's own, or the tester's.
type Source struct {
	URL                      string
	Database, User, Password string
	// Socket is the path of a Unix socket at which it answers without TLS, as a Cloud SQL instance does for a Cloud Run job.
	Socket string
	// SocketDir stands in for /cloudsql: it has INSTANCE/.s.PGSQL.5432.
	SocketDir string
}

// startPostgres starts the sandbox's own PostgreSQL and fills it.
func (p *Plane) startPostgres(ctx context.Context, options Options) (err error) {
	p.Postgres, err = postgres.Start(ctx, postgres.Options{User: Role, Password: options.Password, Database: Database, TCP: true})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, p.Postgres)
	p.Source = Source{
		URL: p.Postgres.URL(""), Database: p.Postgres.Database(), User: p.Postgres.User(), Password: p.Postgres.Password(),
		Socket: filepath.Join(p.Postgres.SocketDir(), ".s.PGSQL.5432"),
	}
	if p.Source.SocketDir, err = p.Postgres.InstanceSocketDir(Instance); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, p.Source.URL)
	if err != nil {
		return fmt.Errorf("load posts: %w", err)
	}
	defer conn.Close(ctx)
	switch {
	case options.Empty:
		return sample.CreateTables(ctx, conn)
	case options.Posts > 0:
		return sample.Generate(ctx, conn, options.Posts, options.Seed, sample.Options{})
	default:
		return sample.Load(ctx, conn)
	}
}

// useDatabase takes the tester's own database. Nothing in it is changed.
func (p *Plane) useDatabase(ctx context.Context, options Options) error {
	const remedy = "set DATABASE_URL to a PostgreSQL that answers, or unset it to use the sandbox's own"
	config, err := pgx.ParseConfig(options.DatabaseURL)
	scheme, _, isURL := strings.Cut(options.DatabaseURL, "://")
	if err != nil || isURL && scheme != "postgres" && scheme != "postgresql" {
		// The parser's words may quote the URL, and with it the password.
		return errors.New("read DATABASE_URL: it is not a PostgreSQL URL: " + remedy)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to database %q as user %q at %s, which DATABASE_URL names: %w: %s",
			config.Database, config.User, net.JoinHostPort(config.Host, fmt.Sprint(config.Port)), cause(err), remedy)
	}
	if err := conn.Close(ctx); err != nil {
		return fmt.Errorf("close connection to database %q: %w", config.Database, err)
	}
	p.Source = Source{URL: options.DatabaseURL, Database: config.Database, User: config.User, Password: config.Password}
	// A folder under /tmp: the path of a socket has at most 104 bytes.
	dir, err := os.MkdirTemp("/tmp", "sandbox-")
	if err != nil {
		return fmt.Errorf("make Cloud SQL folder: %w", err)
	}
	p.closers = append(p.closers, closer(func() error { return os.RemoveAll(dir) }))
	p.Source.SocketDir = dir
	p.Source.Socket = filepath.Join(dir, Instance, ".s.PGSQL.5432")
	if err := os.Mkdir(filepath.Dir(p.Source.Socket), 0o755); err != nil {
		return fmt.Errorf("make Cloud SQL folder: %w", err)
	}
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	listener, err := forward(p.Source.Socket, network, address)
	if err != nil {
		return fmt.Errorf("make Cloud SQL socket: %w", err)
	}
	p.closers = append(p.closers, listener)
	return nil
}

// cause is what the server, or else the system, said: the words of the client repeat every address that it tried.
func cause(err error) error {
	var refused *pgconn.PgError
	var system syscall.Errno
	switch {
	case errors.As(err, &refused):
		return errors.New(refused.Message)
	case errors.As(err, &system):
		return system
	}
	return err
}

// forward makes a Unix socket a proxy of another address until it is closed.
func forward(socket, network, address string) (io.Closer, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, 0o777); err != nil {
		_ = listener.Close()
		return nil, err
	}
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer from.Close()
				to, err := net.Dial(network, address)
				if err != nil {
					return // the client sees its connection end
				}
				go func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
				}()
				_, _ = io.Copy(from, to)
			}()
		}
	}()
	return listener, nil
}

// closer is a function that ends something.
type closer func() error

func (c closer) Close() error { return c() }
