package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"vertexmetadata/job/internal/column"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Columns describes the result of the query and thereby checks it: the server parses it, so a syntax error, a missing
// table or a missing permission on a schema comes out here. The answer is kept.
func (db *DB) Columns(ctx context.Context) ([]column.Column, error) {
	if db.columns != nil {
		return db.columns, nil
	}
	query, err := trimQuery(db.config.Query)
	if err != nil {
		return nil, err
	}
	const op = "prepare the query"
	fields, err := db.describe(ctx, op, query)
	if err != nil {
		return nil, err
	}
	// What is not a SELECT, or is one with INTO, cannot stand in brackets; neither can an unbalanced bracket that would
	// change the meaning of the wrapping. Planning it with its select list, moreover, checks the permissions, which parsing
	// does not.
	plan, err := db.theirs(ctx, db.answerTime(), op, preparing, explainQuery(query))
	if err != nil {
		if e, ok := asServerError(err); ok && (e.Code == codeSyntax || e.Code == codeNotSupported) {
			return nil, badQuery("it is not a single SELECT", "leave a single SELECT, VALUES or WITH … SELECT in SYNC_QUERY or SYNC_QUERY_FILE")
		}
		return nil, err
	}
	if err := checkNames(fields, query); err != nil {
		return nil, err
	}
	types, err := db.lookUpTypes(ctx, fields)
	if err != nil {
		return nil, err
	}
	db.query, db.plan = query, plan[0][0]
	db.setColumns(fields, types)
	return db.columns, nil
}

// explainQuery asks for the plan of the query: what it reads and calls.
func explainQuery(query string) string {
	return "EXPLAIN (FORMAT JSON, VERBOSE, COSTS OFF) SELECT * FROM (\n" + query + "\n) AS q"
}

// describe returns the columns of the query's result.
func (db *DB) describe(ctx context.Context, op, query string) ([]pgconn.FieldDescription, error) {
	ctx, cancel := db.limited(ctx, db.answerTime())
	defer cancel()
	described, err := db.conn.Prepare(ctx, "", query, nil)
	if err != nil {
		return nil, db.elaborate(ctx, db.failure(ctx, op, query, preparing, err))
	}
	if len(described.ParamOIDs) > 0 {
		return nil, badQuery("it has parameters ($1)", "write the values into the query")
	}
	return described.Fields, nil
}

func badQuery(reason, remedy string) error {
	return &Error{Op: "check the query", Reason: reason, Remedy: remedy, Config: true}
}

// maxName is as much of a name as PostgreSQL keeps, in bytes.
const maxName = 63

// checkNames applies the rules of the contract to the names of the columns.
func checkNames(fields []pgconn.FieldDescription, query string) error {
	for _, name := range names(query) {
		if len(name) > maxName {
			return badQuery(fmt.Sprintf("PostgreSQL cuts the name %.80q, which has %d bytes, to %d", name, len(name), maxName), "write a shorter name")
		}
	}
	seen := make(map[string]bool, len(fields))
	for i, f := range fields {
		if f.Name == "?column?" { // PostgreSQL's word for none
			return badQuery(fmt.Sprintf("column %d has no name", i+1), "name it with AS")
		}
		if !utf8.ValidString(f.Name) { // of a database without an encoding
			return badQuery(fmt.Sprintf("the name of column %d is not valid UTF-8", i+1), "name it with AS")
		}
		if seen[f.Name] {
			return badQuery(fmt.Sprintf("column %q appears twice", f.Name), "give one of them another name with AS")
		}
		seen[f.Name] = true
	}
	if !seen["id"] {
		return badQuery("it has no column id", "name the document's id with AS id")
	}
	if seen["content_uri"] != seen["content_mime_type"] {
		return badQuery("it has only one of content_uri and content_mime_type", "select both or neither")
	}
	return nil
}

// Types whose values, cast to text, are what PostgreSQL sends for them anyway. An id of any other type is cast, so that
// true becomes the document's id and not t, and char(n) comes without its padding.
var plainIDTypes = []uint32{pgtype.Int8OID, pgtype.Int2OID, pgtype.Int4OID, pgtype.TextOID, pgtype.VarcharOID, pgtype.UUIDOID}

// setColumns decides about every column, and whether the query must be wrapped for it. Simple columns stay untouched.
func (db *DB) setColumns(fields []pgconn.FieldDescription, types catalog) {
	var exprs []string
	wrap := false
	for _, t := range types {
		if slices.Contains(objectTypes, t.Name) && t.OID < firstUserOID {
			db.doubt = objectDoubt(t.Name)
		}
	}
	for _, f := range fields {
		described, jsonType := types.column(f)
		name, oid := quoteName(f.Name), f.DataTypeOID
		expr := "q." + name
		switch {
		case f.Name == "id", oid == pgtype.BPCharOID && (f.Name == "content_uri" || f.Name == "content_mime_type"): // no address and no MIME type ends with padding
			described = column.Column{Name: f.Name, Kind: column.Text, Type: described.Type}
			if !slices.Contains(plainIDTypes, oid) {
				expr, oid, wrap = expr+"::pg_catalog.text AS "+name, pgtype.TextOID, true
			}
		case jsonType:
			expr, oid, wrap = "pg_catalog.to_json("+expr+") AS "+name, pgtype.JSONOID, true
		}
		exprs, db.columns = append(exprs, expr), append(db.columns, described)
		db.types, db.queried = append(db.types, oid), append(db.queried, f.DataTypeOID)
	}
	// The planner pulls a simple query up, and a parallel plan stays parallel.
	if db.statement = db.query; wrap {
		db.statement = "SELECT " + strings.Join(exprs, ", ") + " FROM (\n" + db.query + "\n) AS q"
	}
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
