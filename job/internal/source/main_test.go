package source

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/postgres"
)

// server is one PostgreSQL for all tests of the package; each test that writes has a database of its own.
var server *postgres.Server

func TestMain(m *testing.M) {
	var err error
	server, err = postgres.Start(context.Background(), postgres.Options{TCP: true, InMemory: true, Settings: map[string]string{"max_connections": "30", "max_prepared_transactions": "2"}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = server.Close()
	os.Exit(code)
}

// database makes a database with the given statements run in it and returns its URL.
func database(t testing.TB, statements ...string) string {
	t.Helper()
	url, err := server.NewDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	run(t, url, statements...)
	return url
}

// changesRows recognises statements that tables' statistics count.
var changesRows = regexp.MustCompile(`(?i)\b(?:INSERT|UPDATE|DELETE|TRUNCATE|REFRESH)\b`)

// run executes statements in a session of its own and has its statistics counted at once.
func run(t testing.TB, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%.100s: %v", s, err)
		}
	}
	if !changesRows.MatchString(strings.Join(statements, ";")) {
		return
	}
	if err := postgres.FlushStatistics(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
}

// queryRow runs any statement with the session's own search_path and returns its only row.
func (db *DB) queryRow(ctx context.Context, statement string, params ...[]byte) ([][]byte, error) {
	result := db.conn.ExecParams(ctx, statement, params, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	return result.Rows[0], nil
}

func open(t testing.TB, config Config) *DB {
	t.Helper()
	db, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close(context.Background()) })
	return db
}

// scan reads a whole query and returns its rows as texts; NULL is "<null>".
func scan(t testing.TB, db *DB) [][]string {
	t.Helper()
	var rows [][]string
	if err := db.Scan(t.Context(), func(row [][]byte) error {
		texts := make([]string, len(row))
		for i, v := range row {
			if texts[i] = string(v); v == nil {
				texts[i] = "<null>"
			}
		}
		rows = append(rows, texts)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}
