package source

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Kind says what the text form of a column's values is. The zero Kind is Text.
type Kind uint8

// The kinds of columns. Their order is the one of package document, so that a conversion carries a Kind across.
const (
	Text      Kind = iota // any type, in PostgreSQL's text form
	Number                // integers, floats and numeric, NaN and infinities included
	Bool                  // t or f
	JSON                  // json, jsonb, and arrays and composites turned into json
	Numbers               // JSON made of an array of numbers: a string in it is NaN or an infinity
	Timestamp             // timestamp with or without time zone, 2025-09-18 01:02:03.5+00, always UTC
)

// Column is one column of the query's result, in the query's order.
type Column struct {
	Name string
	Kind Kind
}

// Types that are known beforehand, by the object ids that PostgreSQL fixed for ever (pg_type.dat). Any other costs a look
// into pg_type.
var knownKinds = map[uint32]Kind{
	16: Bool,
	20: Number, 21: Number, 23: Number, 700: Number, 701: Number, 1700: Number, // int8, int2, int4, float4, float8, numeric
	114: JSON, 3802: JSON, // json, jsonb
	1114: Timestamp, 1184: Timestamp, // timestamp, timestamptz
	25: Text, 1043: Text, 1042: Text, 18: Text, 19: Text, 2950: Text, // text, varchar, bpchar, "char", name, uuid
	1082: Text, 1083: Text, 1266: Text, 1186: Text, // date, time, timetz, interval
	17: Text, 869: Text, 650: Text, 829: Text, 142: Text, 790: Text, // bytea, inet, cidr, macaddr, xml, money
}

// Types whose values, cast to text, are what PostgreSQL sends for them anyway. An id of any other type is cast, so that
// what is hashed for a share is what becomes the document's id: true not t, and char(n) without its padding.
var plainIDTypes = map[uint32]bool{20: true, 21: true, 23: true, 25: true, 1043: true, 2950: true}

// Columns describes the result of the query and thereby checks it: the server parses it, so a syntax error, a missing
// table or a missing permission on a schema comes out here. The answer is kept.
func (db *DB) Columns(ctx context.Context) ([]Column, error) {
	if db.columns != nil {
		return db.columns, nil
	}
	query, err := trimQuery(db.config.Query)
	if err != nil {
		return nil, err
	}
	const op = "prepare the query"
	described, err := db.conn.Prepare(ctx, "", query, nil)
	if err != nil {
		return nil, queryError(op, db.where, query, err)
	}
	if len(described.ParamOIDs) > 0 {
		return nil, badQuery("it has parameters ($1)", "write the values into the query")
	}
	// What is not a SELECT, or is one with INTO, cannot stand in brackets; neither can an unbalanced bracket that would
	// change the meaning of the wrapping. Planning it, moreover, checks the permissions, which parsing does not.
	if err := db.conn.ExecParams(ctx, "EXPLAIN SELECT FROM (\n"+query+"\n) AS q", nil, nil, nil, nil).Read().Err; err != nil {
		if e, ok := asServerError(err); ok && (e.Code == codeSyntax || e.Code == codeNotSupported) {
			return nil, badQuery("it is not a single SELECT", "leave a single SELECT, VALUES or WITH … SELECT in SYNC_QUERY or SYNC_QUERY_FILE")
		}
		return nil, queryError(op, db.where, "", err)
	}
	if err := checkNames(described.Fields); err != nil {
		return nil, err
	}
	kinds, err := db.kinds(ctx, described.Fields)
	if err != nil {
		return nil, queryError("look up the types of the query", db.where, "", err)
	}
	db.query = query
	db.setColumns(described.Fields, kinds)
	return db.columns, nil
}

func badQuery(reason, remedy string) error {
	return &Error{Op: "check the query", Reason: reason, Remedy: remedy, Config: true}
}

// checkNames applies the rules of the contract to the names of the columns.
func checkNames(fields []pgconn.FieldDescription) error {
	seen := make(map[string]bool, len(fields))
	for i, f := range fields {
		if f.Name == "?column?" { // PostgreSQL's word for none
			return badQuery(fmt.Sprintf("column %d has no name", i+1), "name it with AS")
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

// typeInfo is what decides about a type that is not known beforehand.
const typeInfo = `SELECT t.oid, CASE
  WHEN t.typtype = 'c' OR t.oid IN (2249, 2287) THEN 'json' -- record and record[] count as pseudo-types
  WHEN t.typcategory <> 'A' OR t.typlen <> -1 OR t.typelem = 0 THEN 'text'
  WHEN coalesce(nullif(e.typbasetype, 0), e.oid) IN (20, 21, 23, 700, 701, 1700) THEN 'numbers'
  ELSE 'json' END
FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem WHERE t.oid = ANY($1::oid[])`

// kinds returns the kind of each type in use, and json for those that to_json must convert.
func (db *DB) kinds(ctx context.Context, fields []pgconn.FieldDescription) (map[uint32]string, error) {
	var unknown []string
	for _, f := range fields {
		if _, ok := knownKinds[f.DataTypeOID]; !ok {
			unknown = append(unknown, strconv.FormatUint(uint64(f.DataTypeOID), 10))
		}
	}
	if len(unknown) == 0 {
		return nil, nil
	}
	result := db.conn.ExecParams(ctx, typeInfo, [][]byte{[]byte("{" + strings.Join(unknown, ",") + "}")}, nil, nil, nil).Read()
	kinds := make(map[uint32]string, len(result.Rows))
	for _, row := range result.Rows {
		oid, err := strconv.ParseUint(string(row[0]), 10, 32)
		if err != nil {
			return nil, err
		}
		kinds[uint32(oid)] = string(row[1])
	}
	return kinds, result.Err
}

// setColumns decides about every column, and whether the query must be wrapped for it. Simple columns stay untouched.
func (db *DB) setColumns(fields []pgconn.FieldDescription, kinds map[uint32]string) {
	db.columns = make([]Column, len(fields))
	db.exprs = make([]string, len(fields))
	for i, f := range fields {
		column, name := Column{f.Name, knownKinds[f.DataTypeOID]}, quoteName(f.Name)
		expr := "q." + name
		switch kind := kinds[f.DataTypeOID]; {
		case f.Name == "id":
			column.Kind = Text
			if !plainIDTypes[f.DataTypeOID] {
				expr, db.wrap = expr+"::text AS "+name, true
			}
		case kind == "json", kind == "numbers":
			column.Kind = JSON
			if kind == "numbers" {
				column.Kind = Numbers
			}
			expr, db.wrap = "to_json("+expr+") AS "+name, true
		}
		db.columns[i], db.exprs[i] = column, expr
	}
}

// statement returns what Scan executes. The user's query runs as it is unless something must be computed from it; the
// planner pulls a simple one up, and a parallel plan stays parallel.
func (db *DB) statement() string {
	if !db.wrap {
		return db.query
	}
	return "SELECT " + strings.Join(db.exprs, ", ") + " FROM (\n" + db.query + "\n) AS q"
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
