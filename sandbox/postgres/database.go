package postgres

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// setUp gives the superuser and the application role their passwords, closes the access without a password, and
// makes the first database.
func (s *Server) setUp(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.adminURL("template1"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	statements := []string{
		"ALTER ROLE " + quoteName(adminUser) + " PASSWORD " + quoteText(s.adminPassword),
		"CREATE ROLE " + quoteName(s.options.User) + " LOGIN PASSWORD " + quoteText(s.options.Password),
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := s.writeDataFile("pg_hba.conf", closedHBA); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+quoteName(s.options.Database)+" OWNER "+quoteName(s.options.User))
	return err
}

// NewDatabase creates an empty database owned by the application role and returns its URL. An empty name is
// replaced by an unused one.
func (s *Server) NewDatabase(ctx context.Context, name string) (string, error) {
	return s.NewDatabaseFrom(ctx, name, "template1")
}

// NewDatabaseFrom creates a database as a copy of template, which no session may be connected to meanwhile.
// It is the cheap way to give every test the same loaded tables.
func (s *Server) NewDatabaseFrom(ctx context.Context, name, template string) (string, error) {
	if name == "" {
		name = fmt.Sprintf("db%d", s.databases.Add(1))
	}
	err := s.adminExec(ctx, "CREATE DATABASE "+quoteName(name)+" TEMPLATE "+quoteName(template)+" OWNER "+quoteName(s.options.User))
	if err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return s.URL(name), nil
}

// DropDatabase removes a database and ends the sessions that use it.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	if err := s.adminExec(ctx, "DROP DATABASE "+quoteName(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// SetPassword changes the application role's password, as a rotation does. Sessions that are open stay so;
// URL and TCPURL give the new one from now on.
func (s *Server) SetPassword(ctx context.Context, password string) error {
	err := s.adminExec(ctx, "ALTER ROLE "+quoteName(s.options.User)+" PASSWORD "+quoteText(password))
	if err != nil {
		return fmt.Errorf("set password of %s: %w", s.options.User, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Password = password
	return nil
}

func (s *Server) adminExec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.adminURL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// URL is the libpq URL of a database over the Unix socket as the application role; an empty name is
// Options.Database.
func (s *Server) URL(database string) string {
	user, password := s.credentials()
	return s.socketURL(user, password, s.databaseOrDefault(database))
}

// URLAs is URL with other credentials, for tests of wrong ones.
func (s *Server) URLAs(user, password, database string) string {
	return s.socketURL(user, password, s.databaseOrDefault(database))
}

// AdminURL is URL as the superuser.
func (s *Server) AdminURL(database string) string {
	return s.adminURL(s.databaseOrDefault(database))
}

// TCPURL is URL over the address on 127.0.0.1; empty without Options.TCP.
func (s *Server) TCPURL(database string) string {
	if s.proxy == nil {
		return ""
	}
	user, password := s.credentials()
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password), Host: s.proxy.Addr(),
		Path: "/" + s.databaseOrDefault(database), RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Proxy is the address on 127.0.0.1 and its fault switches; nil without Options.TCP.
func (s *Server) Proxy() *Proxy { return s.proxy }

// User is the application role, Password its password and Database the first database.
func (s *Server) User() string { user, _ := s.credentials(); return user }

// Password is the application role's current password.
func (s *Server) Password() string { _, password := s.credentials(); return password }

// Database is the name of the database that exists from the start.
func (s *Server) Database() string { return s.options.Database }

// SocketDir is the folder of the Unix socket .s.PGSQL.5432.
func (s *Server) SocketDir() string { return filepath.Join(s.dir, "s") }

// InstanceSocketDir returns a folder that can stand in for /cloudsql: it has
// <connectionName>/.s.PGSQL.5432. Further connection names of the same server join the same folder.
func (s *Server) InstanceSocketDir(connectionName string) (string, error) {
	root := filepath.Join(s.dir, "c")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("make Cloud SQL folder: %w", err)
	}
	link := filepath.Join(root, connectionName)
	if err := os.Symlink(s.SocketDir(), link); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("make Cloud SQL folder of %s: %w", connectionName, err)
	}
	return root, nil
}

func (s *Server) credentials() (user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options.User, s.options.Password
}

func (s *Server) databaseOrDefault(name string) string {
	if name == "" {
		return s.options.Database
	}
	return name
}

func (s *Server) adminURL(database string) string {
	return s.socketURL(adminUser, s.adminPassword, database)
}

func (s *Server) socketURL(user, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + database,
		RawQuery: url.Values{"host": {s.SocketDir()}, "port": {"5432"}}.Encode(),
	}
	return u.String()
}

func (s *Server) socketPath() string { return filepath.Join(s.SocketDir(), ".s.PGSQL.5432") }

func quoteName(name string) string { return pgx.Identifier{name}.Sanitize() }
