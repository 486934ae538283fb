package source

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vertexmetadata/job/internal/pgurl"
)

// Finding is one thing that a person should know before a run trips over it.
type Finding struct {
	Name    string // what was looked at, in a word or two
	Text    string // what was found
	Remedy  string // what to do; empty where nothing needs doing
	Failure bool   // a run would fail
	Warning bool   // a run would succeed, and yet somebody should look
}

// Examine looks at what the query reads and at the session's role, and reads a few rows: all that a run would only find out
// in the middle. Its findings are in the order in which a person reads them.
func (db *DB) Examine(ctx context.Context) ([]Finding, error) {
	columns, err := db.Columns(ctx)
	if err != nil {
		return nil, err
	}
	relations, err := db.relations(ctx)
	if err != nil {
		return nil, err
	}
	rights, err := db.rights(ctx)
	if err != nil {
		return nil, err
	}
	found := []Finding{db.encryption(), rights}
	found = append(found, tableFindings(relations)...)
	security, err := db.RowSecurity(ctx)
	if err != nil {
		return nil, err
	}
	found = append(found, security...)
	found = append(found, db.foreignTables(ctx, relations)...)
	found = append(found, columnFindings(columns)...)
	return append(found, db.sample(ctx)...), nil
}

// encryption says whether somebody in between could read along.
func (db *DB) encryption() Finding {
	f := Finding{Name: "encryption"}
	switch conn, encrypted := db.conn.Conn().(*tls.Conn); {
	case db.config.connector():
		f.Text = "encrypted, both sides proved by certificates (Cloud SQL connector)"
	case encrypted && conn.ConnectionState().VerifiedChains == nil:
		f.Text = fmt.Sprintf("encrypted (%s), but the server's certificate is not verified", tls.VersionName(conn.ConnectionState().Version))
		f.Remedy, f.Warning = "set sslmode=verify-full and sslrootcert in DATABASE_URL, or channel_binding=require", true
	case encrypted:
		f.Text = fmt.Sprintf("encrypted (%s), the server's certificate is verified", tls.VersionName(conn.ConnectionState().Version))
	case db.conn.Conn().RemoteAddr().Network() == "unix":
		f.Text = "over a Unix socket, which does not leave this machine"
	case pgurl.Local(hostOf(db.conn.Conn().RemoteAddr().String())):
		f.Text = "over a loopback address, which does not leave this machine"
	default:
		f.Text, f.Remedy, f.Warning = "not encrypted", "set sslmode=verify-full in DATABASE_URL", true
	}
	return f
}

func hostOf(address string) string {
	host := address[:max(0, strings.LastIndexByte(address, ':'))]
	return strings.Trim(host, "[]")
}

// relation is a table or view behind the query.
type relation struct {
	oid, name string
	kind      string // pg_class.relkind
	populated bool
}

// relationsQuery returns the relations of the plan ($1), and those that the query names ($2) and views are made of.
const relationsQuery = `WITH RECURSIVE part(oid) AS (
  SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace 
    WHERE format('"%s"."%s"', replace(n.nspname, '"', '""'), replace(c.relname, '"', '""')) = ANY($1::text[])
  UNION SELECT c.oid FROM pg_class c WHERE c.relname = ANY($2::name[]) AND c.relkind IN ('v', 'm') AND c.oid >= 16384
  UNION SELECT d.refobjid FROM part JOIN pg_rewrite w ON w.ev_class = part.oid JOIN pg_depend d ON d.classid = 2618 AND d.objid = w.oid AND d.refclassid = 1259 AND d.refobjid >= 16384)
SELECT c.oid, c.oid::regclass, c.relkind, c.relispopulated FROM part JOIN pg_class c ON c.oid = part.oid ORDER BY c.oid`

func (db *DB) relations(ctx context.Context) ([]relation, error) {
	const op = "look up the tables of the query"
	explained, err := db.theirs(ctx, op, "", explainQuery(db.query))
	if err != nil {
		return nil, err
	}
	var p plan
	if err := p.read(explained[0][0]); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	rows, err := db.ownRows(ctx, op, relationsQuery, textArray(slices.Sorted(maps.Keys(p.relations))), textArray(names(db.query)))
	if err != nil {
		return nil, err
	}
	relations := make([]relation, len(rows))
	for i, row := range rows {
		relations[i] = relation{string(row[0]), string(row[1]), string(row[2]), string(row[3]) == "t"}
	}
	return relations, nil
}

func tableFindings(relations []relation) (found []Finding) {
	for _, r := range relations {
		if r.kind == "m" && !r.populated {
			found = append(found, Finding{
				Name: "table", Text: fmt.Sprintf("materialized view %s has not been populated", r.name), Failure: true,
				Remedy: "REFRESH MATERIALIZED VIEW " + r.name,
			})
		}
	}
	return found
}

// foreignTables reads a row of each foreign table: whether its server answers shows in no other way.
func (db *DB) foreignTables(ctx context.Context, relations []relation) (found []Finding) {
	for _, r := range relations {
		if r.kind != "f" {
			continue
		}
		f := Finding{Name: "foreign", Text: fmt.Sprintf("foreign table %s answers", r.name)}
		if _, err := db.ownRows(ctx, "read foreign table "+r.name, "SELECT 1 FROM "+r.name+" LIMIT 1"); err != nil {
			f.Text, f.Failure = oneLine(err.Error()), true
			if e, ok := err.(*Error); ok {
				f.Text, f.Remedy = e.Message(), e.Hint()
			}
		}
		found = append(found, f)
	}
	return found
}

// Vertex AI Search takes at most two fields of vectors, of at most 768 numbers.
// https://cloud.google.com/generative-ai-app-builder/docs/bring-embeddings
const (
	mostDimensions = 768
	mostVectors    = 2
)

// columnFindings are about what the data store makes of a column.
func columnFindings(columns []Column) (found []Finding) {
	var wide, vectors []string
	for _, c := range columns {
		if c.Wide {
			wide = append(wide, fmt.Sprintf("%q (%s)", c.Name, c.Type))
		}
		if c.Vector {
			vectors = append(vectors, fmt.Sprintf("%q", c.Name))
		}
		if c.Dimensions > mostDimensions {
			found = append(found, Finding{
				Name: "vectors", Warning: true,
				Text:   fmt.Sprintf("column %q has %d dimensions, and Vertex AI Search takes at most %d", c.Name, c.Dimensions, mostDimensions),
				Remedy: fmt.Sprintf("shorten them, as in subvector(%s, 1, %d)", quoteName(c.Name), mostDimensions),
			})
		}
	}
	if len(vectors) > mostVectors {
		found = append(found, Finding{
			Name: "vectors", Warning: true, Remedy: "leave one out of the query",
			Text: fmt.Sprintf("columns %s are vectors, and Vertex AI Search takes at most %d fields of them", strings.Join(vectors, ", "), mostVectors),
		})
	}
	if len(wide) > 0 {
		found = append(found, Finding{
			Name: "numbers", Warning: true, Remedy: "select such a column ::text where its last digits matter",
			Text: fmt.Sprintf("columns that can hold numbers beyond 2^53, whose last digits the data store rounds: %s", strings.Join(wide, ", ")),
		})
	}
	return found
}
