package source

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/words"
)

// sampleRows are compared, or as many as have sampleBytes: they are kept in memory.
const (
	sampleRows  = 100
	sampleBytes = 16 << 20
)

// sampleTime bounds each of the two reads of a sample, in PostgreSQL's spelling.
const sampleTime = "3s"

// sample reads the query as a run does, as far as it comes in sampleTime, so that a row that cannot be read shows. Then it
// reads the first rows once more and names the columns that differ: such a column makes every document differ on every run.
// The second time the planner is made to choose another plan, so that an order that nobody asked for shows.
func (db *DB) sample(ctx context.Context) Finding {
	first, all, err := db.firstRows(ctx)
	switch {
	case err != nil:
		return failing("sample", err)
	case len(first) == 0 && !all:
		return Finding{Name: "sample", Warning: true, Text: "no row came within " + sampleTime, Remedy: "make the query cheaper, or raise STATEMENT_TIMEOUT if a run needs longer"}
	case len(first) == 0:
		return failing("sample", &Error{Op: "read rows", Reason: "the query returned no row", Remedy: "check the query and the database, or allow it once with --allow-mass-delete"})
	}
	before, _ := byID(first, db.idColumn())
	second, err := db.sampleAgain(ctx, slices.Collect(maps.Keys(before)))
	if err != nil {
		return Finding{Name: "sample", Warning: true, Text: failing("sample", err).Text}
	}
	after, repeated := byID(second, db.idColumn())
	if repeated != nil { // its rows' columns differ for that reason alone
		return Finding{
			Name: "sample", Warning: true,
			Text:   fmt.Sprintf("the query returns the id %q more than once; only the first of the rows is used", words.Line(*repeated)),
			Remedy: "make the id unique: add the column that distinguishes the rows to it, such as the language, or select one row of each with DISTINCT ON (id) … ORDER BY id",
		}
	}
	differing := db.differing(before, after)
	if len(differing) == 0 {
		verb := "are"
		if len(first) == 1 {
			verb = "is"
		}
		return Finding{Name: "sample", Text: fmt.Sprintf("%s read twice %s the same", words.Plural(int64(len(first)), "row"), verb)}
	}
	return Finding{
		Name: "sample", Warning: true,
		Text:   fmt.Sprintf("columns that differ when the same rows are read again: %s; every run would import every such document", strings.Join(differing, ", ")),
		Remedy: "leave out what depends on the time or on chance (now(), random()), and give aggregates an ORDER BY, as in array_agg(tag ORDER BY tag)",
	}
}

// differing returns the columns of which rows with the same id have several values.
func (db *DB) differing(before, after map[string][][]byte) (names []string) {
	for i, c := range db.columns {
		for id, row := range after {
			if old, known := before[id]; known && (old[i] == nil) != (row[i] == nil) || known && !bytes.Equal(old[i], row[i]) {
				names = append(names, fmt.Sprintf("%q", c.Name))
				break
			}
		}
	}
	return names
}

// byID returns rows by their ids, and one that several have; without an id a row is no document.
func byID(rows [][][]byte, id int) (found map[string][][]byte, repeated *string) {
	found = make(map[string][][]byte, len(rows))
	for _, row := range rows {
		if row[id] == nil {
			continue
		}
		key := string(row[id])
		if _, twice := found[key]; twice {
			repeated = &key
		}
		found[key] = row
	}
	return found, repeated
}

// firstRows reads the query for a while and returns the first of its rows, and whether it read all. That the time is over
// is no error.
func (db *DB) firstRows(ctx context.Context) (rows [][][]byte, all bool, err error) {
	limit := func(value string) {
		_, _ = db.own(ctx, "limit the sample", "SELECT set_config('statement_timeout', $1, false)", []byte(value))
	}
	limit(sampleTime)
	defer limit(strconv.FormatInt(db.config.StatementTimeout.Milliseconds(), 10))
	size := 0
	err = db.Scan(ctx, func(row [][]byte) error {
		if len(rows) < sampleRows && size < sampleBytes {
			kept := make([][]byte, len(row))
			for i, value := range row {
				kept[i], size = bytes.Clone(value), size+len(value)
			}
			rows = append(rows, kept)
		}
		return nil
	})
	if server, ok := asServerError(err); ok && server.Code == codeCanceled {
		return rows, false, nil
	}
	return rows, err == nil, err
}

// sampleAgain reads the rows with the given ids by another plan. Where ids are repeated there may be millions of them: one
// more than there are ids proves it.
func (db *DB) sampleAgain(ctx context.Context, ids []string) ([][][]byte, error) {
	var statements []statement
	for _, set := range [][2]string{{"statement_timeout", sampleTime}, {"enable_seqscan", "off"}, {"enable_hashjoin", "off"}, {"enable_hashagg", "off"}} {
		statements = append(statements, statement{"SELECT pg_catalog.set_config($1::pg_catalog.text, $2::pg_catalog.text, true)", [][]byte{[]byte(set[0]), []byte(set[1])}})
	}
	again := "SELECT * FROM (\n" + db.statement + "\n) AS q WHERE q.id::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[]) LIMIT " + strconv.Itoa(len(ids)+1)
	db.wire.longest = db.config.MaxValueBytes
	defer func() { db.wire.longest = 0 }()
	return lastRows(db.batch(ctx, "read the rows a second time", append(statements, statement{again, [][]byte{textArray(ids)}})...))
}

// idColumn is where the id is; Columns demands one.
func (db *DB) idColumn() int {
	return slices.IndexFunc(db.columns, func(c column.Column) bool { return c.Name == "id" })
}
