package source

import "testing"

// One document's rows are found by the id as the document has it, with the values that a scan would pass on.
func TestRows(t *testing.T) {
	url := database(t, "CREATE TABLE docs (id text, n int)", "INSERT INTO docs VALUES ('one', 1), ('two', 2), ('two', 3), ('two', 4), ('a''b', 5)")
	for _, tt := range []struct {
		query, id string
		rows      int
	}{
		{"SELECT id, n FROM docs", "one", 1},
		{"SELECT id, n FROM docs", "two", 2}, // and no more
		{"SELECT id, n FROM docs", "three", 0},
		{"SELECT id, n FROM docs", "a'b", 1},
		{"SELECT id, n FROM docs", "one' OR true --", 0},
		{"SELECT n AS id FROM docs; -- all", "5", 1},
		{"SELECT n > 4 AS id, ARRAY[n] AS list FROM docs", "true", 1},
	} {
		db := open(t, Config{URL: url, Query: tt.query})
		rows, err := db.Rows(t.Context(), tt.id)
		if err != nil || len(rows) != tt.rows {
			t.Errorf("%s, id %s: %d rows, %v; want %d", tt.query, tt.id, len(rows), err, tt.rows)
			continue
		}
		for _, row := range rows {
			if string(row[0]) != tt.id {
				t.Errorf("%s, id %s: row %q", tt.query, tt.id, row)
			}
		}
	}
	// What is wrong with one row is not the query's fault.
	_, err := open(t, Config{URL: url, Query: "SELECT id, 1 / (n - n) AS n FROM docs"}).Rows(t.Context(), "one")
	const want = "read the row of the document: division by zero: a row holds what the query cannot work with: correct that row or the query (SYNC_QUERY or SYNC_QUERY_FILE), or leave the row out"
	if e, ok := err.(*Error); !ok || err.Error() != want || e.Config {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
