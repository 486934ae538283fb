package source

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"vertexmetadata/job/internal/column"

	"github.com/jackc/pgx/v5/pgconn"
)

// Object ids of types that PostgreSQL fixed for ever (pg_type.dat).
const (
	oidBool, oidInt8, oidInt2, oidInt4, oidText, oidJSON = 16, 20, 21, 23, 25, 114
	oidFloat4, oidFloat8, oidNumeric                     = 700, 701, 1700
	oidVarchar, oidUUID, oidJSONB, oidBPChar             = 1043, 2950, 3802, 1042
	oidRecord, oidRecords                                = 2249, 2287 // record and record[] count as pseudo-types
)

// Types that are known beforehand. Any other costs a look into pg_type.
var knownKinds = map[uint32]column.Kind{
	oidBool: column.Bool,
	oidInt8: column.Number, oidInt2: column.Number, oidInt4: column.Number, oidFloat4: column.Number, oidFloat8: column.Number, oidNumeric: column.Number,
	oidJSON: column.JSON, oidJSONB: column.JSON,
	1114: column.Timestamp, 1184: column.Timestamp, // timestamp, timestamptz
	oidText: column.Text, oidVarchar: column.Text, oidBPChar: column.Text, 18: column.Text, 19: column.Text, oidUUID: column.Text, // text, varchar, bpchar, "char", name, uuid
	1082: column.Text, 1083: column.Text, 1266: column.Text, 1186: column.Text, // date, time, timetz, interval
	17: column.Text, 869: column.Text, 650: column.Text, 829: column.Text, 142: column.Text, 790: column.Text, // bytea, inet, cidr, macaddr, xml, money
}

// The numbers that can have more digits than a double, by their names.
var wideTypes = map[uint32]string{oidInt8: "bigint", oidNumeric: "numeric"}

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
	case t.Kind == "c", t.Elem != 0, t.JSONCast, t.OID == oidRecord, t.OID == oidRecords:
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
