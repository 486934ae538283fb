package testkit

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/postgres"
)

// Exec changes the source. PostgreSQL counts the change at once, so that the next idle tick sees it.
func Exec(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if err := postgres.FlushStatistics(context.Background(), conn); err != nil {
		t.Fatalf("count %s: %v", sql, err)
	}
}

// Source is what the data store should hold: the rows of a query of two columns of text, id and body.
func Source(t testing.TB, conn *pgx.Conn, query string) map[string]string {
	t.Helper()
	rows, err := conn.Query(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	source := map[string]string{}
	var id, body string
	if _, err := pgx.ForEachRow(rows, []any{&id, &body}, func() error { source[id] = body; return nil }); err != nil {
		t.Fatal(err)
	}
	return source
}

// Stored is what the data store holds: the ids of its documents and the field body of their structData.
func Stored(t testing.TB, store *discoveryengine.DataStore) map[string]string {
	t.Helper()
	stored := map[string]string{}
	for id, line := range store.Documents() {
		var document struct {
			StructData struct{ Body string }
		}
		if err := json.Unmarshal([]byte(line), &document); err != nil {
			t.Fatal(err)
		}
		stored[id] = document.StructData.Body
	}
	return stored
}

// Eventually waits for something to become true.
func Eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen within %s", what, within)
		}
	}
}
