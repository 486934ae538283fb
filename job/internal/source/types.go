package source

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"vertexmetadata/job/internal/column"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Types that are known beforehand. Any other costs a look into pg_type.
var knownKinds = map[uint32]column.Kind{
	pgtype.BoolOID: column.Bool,
	pgtype.Int8OID: column.Number, pgtype.Int2OID: column.Number, pgtype.Int4OID: column.Number,
	pgtype.Float4OID: column.Number, pgtype.Float8OID: column.Number, pgtype.NumericOID: column.Number,
	pgtype.JSONOID: column.JSON, pgtype.JSONBOID: column.JSON,
	pgtype.TimestampOID: column.Timestamp, pgtype.TimestamptzOID: column.Timestamp,
	pgtype.TextOID: column.Text, pgtype.VarcharOID: column.Text, pgtype.BPCharOID: column.Text, pgtype.QCharOID: column.Text, pgtype.NameOID: column.Text,
	pgtype.UUIDOID: column.Text, pgtype.DateOID: column.Text, pgtype.TimeOID: column.Text, pgtype.TimetzOID: column.Text, pgtype.IntervalOID: column.Text,
	pgtype.ByteaOID: column.Text, pgtype.InetOID: column.Text, pgtype.CIDROID: column.Text, pgtype.MacaddrOID: column.Text, pgtype.XMLOID: column.Text,
}

// The numbers that can have more digits than a double, by their names.
var wideTypes = map[uint32]string{pgtype.Int8OID: "bigint", pgtype.NumericOID: "numeric"}

// catalog is what is known of the types that are not known beforehand.
type catalog map[uint32]typeRow

// typeRow is a row of pg_type, and what belongs to it.
type typeRow struct {
	OID       uint32 `json:"oid"`
	Name      string `json:"name"`
	Spelt     string `json:"spelt"` // as SQL does
	Kind      string `json:"kind"`  // pg_type.typtype
	Elem      uint32 `json:"elem"`  // of an array
	Base      uint32 `json:"base"`  // of a domain
	JSONCast  bool   `json:"cast"`  // to_json uses a function of the type's own
	Attribute []struct {
		Name string `json:"name"`
		Type uint32 `json:"type"`
	} `json:"attributes"` // of a composite type
}

// typesQuery returns the given types and all that they consist of, as JSON.
const typesQuery = `WITH RECURSIVE reached(oid) AS (
  SELECT unnest($1::oid[])
  UNION
  SELECT part.oid FROM reached r JOIN pg_type t ON t.oid = r.oid CROSS JOIN LATERAL (
    SELECT t.typelem UNION ALL SELECT t.typbasetype UNION ALL
    SELECT a.atttypid FROM pg_attribute a WHERE t.typrelid <> 0 AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS part(oid) WHERE part.oid <> 0)
SELECT json_build_object('oid', t.oid::int8, 'name', t.typname, 'spelt', format_type(t.oid, NULL), 'kind', t.typtype,
  'elem', CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN t.typelem ELSE 0 END::int8, 'base', t.typbasetype::int8,
  'cast', t.oid >= 16384 AND EXISTS (SELECT FROM pg_cast c WHERE c.castsource = t.oid AND c.casttarget = 114 AND c.castmethod = 'f'),
  'attributes', (SELECT json_agg(json_build_object('name', a.attname, 'type', a.atttypid::int8) ORDER BY a.attnum)
    FROM pg_attribute a WHERE t.typrelid <> 0 AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
FROM reached r JOIN pg_type t ON t.oid = r.oid`

// lookUpTypes returns what is to be known of the types in use.
func (db *DB) lookUpTypes(ctx context.Context, fields []pgconn.FieldDescription) (catalog, error) {
	var unknown []string
	for _, f := range fields {
		if _, known := knownKinds[f.DataTypeOID]; !known {
			unknown = append(unknown, strconv.FormatUint(uint64(f.DataTypeOID), 10))
		}
	}
	if len(unknown) == 0 {
		return nil, nil
	}
	const op = "look up the types of the query"
	rows, err := db.own(ctx, op, typesQuery, []byte("{"+strings.Join(unknown, ",")+"}"))
	if err != nil {
		return nil, err
	}
	types := make(catalog, len(rows))
	for _, row := range rows {
		var t typeRow
		if err := json.Unmarshal(row[0], &t); err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		types[t.OID] = t
	}
	return types, nil
}

// column describes a column, and reports whether its values must pass through to_json.
func (c catalog) column(f pgconn.FieldDescription) (described column.Column, jsonType bool) {
	described = column.Column{Name: f.Name, Type: wideTypes[f.DataTypeOID]}
	kind, known := knownKinds[f.DataTypeOID]
	if known {
		described.Kind, described.Wide = kind, described.Type != ""
		return described, false
	}
	t := c[f.DataTypeOID]
	described.Type = t.Spelt
	switch {
	case t.isVector():
		described.Kind, described.Vector = column.Numbers, true // its text is an array of numbers already
		described.Dimensions = max(0, int(f.TypeModifier))
		return described, false
	case t.Kind == "c", t.Elem != 0, t.JSONCast, t.OID == pgtype.RecordOID, t.OID == pgtype.RecordArrayOID: // record counts as a pseudo-type
		described.Kind, described.Shape, described.Wide = column.JSON, c.shape(f.DataTypeOID), c.isWide(f.DataTypeOID)
		if s := described.Shape; s != nil && s.Elem != nil && s.Elem.Number {
			described.Kind, described.Shape = column.Numbers, nil
		}
		return described, true
	}
	return described, false // text
}

// isVector recognises pgvector's dense types by their names: extensions get other ids in every database. Their text is
// [1,2.5], and to_json, which does not know them, makes a string of it.
func (t typeRow) isVector() bool { return t.Kind == "b" && (t.Name == "vector" || t.Name == "halfvec") }

// shape says where to_json writes a string for a number or for a vector.
func (c catalog) shape(oid uint32) *column.Shape {
	switch t := c[oid]; {
	case knownKinds[oid] == column.Number:
		return &column.Shape{Number: true}
	case t.isVector():
		return &column.Shape{Vector: true}
	case t.JSONCast:
		return nil
	case t.Base != 0:
		return c.shape(t.Base)
	case t.Elem != 0:
		if elem := c.shape(t.Elem); elem != nil {
			return &column.Shape{Elem: elem}
		}
	case t.Kind == "c":
		members := map[string]*column.Shape{}
		for _, a := range t.Attribute {
			if shape := c.shape(a.Type); shape != nil {
				members[a.Name] = shape
			}
		}
		if len(members) > 0 {
			return &column.Shape{Members: members}
		}
	}
	return nil
}

// isWide reports that somewhere in a type there are numbers that a double may not hold.
func (c catalog) isWide(oid uint32) bool {
	t := c[oid]
	wide := wideTypes[oid] != "" || t.Base != 0 && c.isWide(t.Base) || t.Elem != 0 && c.isWide(t.Elem)
	for _, a := range t.Attribute {
		wide = wide || c.isWide(a.Type)
	}
	return wide
}
