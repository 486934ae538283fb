package source

import "context"

// Rows returns the rows of the query with this id, at most two: more than one is a mistake of the query, and two prove it.
// The values are what Scan would pass on.
func (db *DB) Rows(ctx context.Context, id string) ([][][]byte, error) {
	if _, err := db.Columns(ctx); err != nil {
		return nil, err
	}
	statement := "SELECT * FROM (\n" + db.statement + "\n) AS q WHERE q.id::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text LIMIT 2"
	db.wire.longest = db.config.MaxValueBytes
	defer func() { db.wire.longest = 0 }()
	return db.theirs(ctx, db.config.StatementTimeout+spareTime, "read the row of the document", reading, statement, []byte(id))
}
