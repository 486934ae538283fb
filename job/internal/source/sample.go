package source

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	sampleRows = 100
	// sampleBytes bounds what a sample keeps of one value.
	sampleBytes = 1 << 20
)

// sampleTime bounds each of the two reads of a sample, in PostgreSQL's spelling.
const sampleTime = "3s"

// sample reads some rows twice and names the columns that differ: such a column makes every document differ on every run.
// The second time the planner is made to choose another plan, so that an order that nobody asked for shows.
func (db *DB) sample(ctx context.Context) []Finding {
	query := db.statement()
	first, err := db.sampleRead(ctx, "SELECT * FROM (\n"+query+"\n) AS q LIMIT "+fmt.Sprint(sampleRows), nil)
	if err != nil {
		return []Finding{notSampled(err)}
	}
	id := db.idColumn()
	ids := make([]string, 0, len(first))
	before := make(map[string][][]byte, len(first))
	for _, row := range first {
		if row[id] == nil {
			continue // no document, and not found again by its id
		}
		if _, twice := before[string(row[id])]; twice {
			return []Finding{repeated(string(row[id]))}
		}
		ids = append(ids, string(row[id]))
		before[string(row[id])] = row
	}
	second, err := db.sampleRead(ctx, "SELECT * FROM (\n"+query+"\n) AS q WHERE q.id::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])", ids)
	if err != nil {
		return []Finding{notSampled(err)}
	}
	again := make(map[string]bool, len(second))
	for _, row := range second {
		if again[string(row[id])] {
			return []Finding{repeated(string(row[id]))}
		}
		again[string(row[id])] = true
	}
	var differing []string
	for i, c := range db.columns {
		for _, row := range second {
			if old, known := before[string(row[id])]; known && (old[i] == nil) != (row[i] == nil) || known && !bytes.Equal(old[i], row[i]) {
				differing = append(differing, fmt.Sprintf("%q", c.Name))
				break
			}
		}
	}
	if len(differing) == 0 {
		return []Finding{{Name: "sample", Text: fmt.Sprintf("%d rows read twice are the same", len(first))}}
	}
	return []Finding{{
		Name: "sample", Warning: true,
		Text:   fmt.Sprintf("columns that differ when the same rows are read again: %s; every run would import every such document", strings.Join(differing, ", ")),
		Remedy: "leave out what depends on the time or on chance (now(), random()), and give aggregates an ORDER BY, as in array_agg(tag ORDER BY tag)",
	}}
}

// repeated reports an id of several rows. Their columns differ for that reason alone, so they are not compared.
func repeated(id string) Finding {
	return Finding{
		Name: "sample", Warning: true,
		Text:   fmt.Sprintf("the query returns the id %q more than once; only the first of the rows is used", oneLine(id)),
		Remedy: "make the id unique: add the column that distinguishes the rows to it, such as the language, or select one row of each with DISTINCT ON (id) … ORDER BY id",
	}
}

func notSampled(err error) Finding {
	f := Finding{Name: "sample", Warning: true, Text: "no sample was read: " + oneLine(err.Error())}
	if server, ok := asServerError(err); ok {
		f.Text = "no sample was read: " + serverReason(server)
	}
	return f
}

// sampleRead runs a statement around the user's query, with another plan if ids are given.
func (db *DB) sampleRead(ctx context.Context, statement string, ids []string) ([][][]byte, error) {
	limited, cancel := limited(ctx, db.config.LockTimeout+ownTime)
	defer cancel()
	batch := &pgconn.Batch{}
	set := func(name, value string) {
		batch.ExecParams("SELECT pg_catalog.set_config($1::pg_catalog.text, $2::pg_catalog.text, true)", [][]byte{[]byte(name), []byte(value)}, nil, nil, nil)
	}
	set("statement_timeout", sampleTime)
	var params [][]byte
	if ids != nil {
		for _, name := range []string{"enable_seqscan", "enable_hashjoin", "enable_hashagg"} {
			set(name, "off")
		}
		params = [][]byte{textArray(ids)}
	}
	batch.ExecParams(statement, params, nil, nil, nil)
	db.wire.longest = sampleBytes
	defer func() { db.wire.longest = 0 }()
	results, err := db.conn.ExecBatch(limited, batch).ReadAll()
	if err != nil {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}

func (db *DB) idColumn() int {
	for i, c := range db.columns {
		if c.Name == "id" {
			return i
		}
	}
	return -1 // Columns demands one
}
