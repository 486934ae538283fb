package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// EnsureRole makes a role that may log in, once it has a password, and has no privilege; or keeps the one of that name.
func (s *Server) EnsureRole(ctx context.Context, name string) error {
	if err := s.adminExec(ctx, "CREATE ROLE "+quoteName(name)+" LOGIN"); err != nil && !isCode(err, "42710") {
		return fmt.Errorf("create role %s: %w", name, err)
	}
	return nil
}

// SetRolePassword gives a role a password; without one it cannot log in.
func (s *Server) SetRolePassword(ctx context.Context, name, password string) error {
	value := "NULL"
	if password != "" {
		value = quoteText(password)
	}
	if err := s.adminExec(ctx, "ALTER ROLE "+quoteName(name)+" PASSWORD "+value); err != nil {
		return fmt.Errorf("set password of role %s: %w", name, err)
	}
	return nil
}

// DropRole removes a role. PostgreSQL refuses it while something in a database belongs to it.
func (s *Server) DropRole(ctx context.Context, name string) error {
	if err := s.adminExec(ctx, "DROP ROLE IF EXISTS "+quoteName(name)); err != nil {
		return fmt.Errorf("drop role %s: %w", name, err)
	}
	return nil
}

// EnsureDatabase makes an empty database owned by the application role, or keeps the one of that name.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	if _, err := s.NewDatabase(ctx, name); err != nil && !isCode(err, "42P04") {
		return err
	}
	return nil
}

func isCode(err error, code string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == code
}
