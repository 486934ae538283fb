package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Stats are PostgreSQL's own evidence of whether anything behind the query changed. Two equal fingerprints, both trusted,
// mean that a read between them would find nothing new, but for changes that were committed in the last seconds before
// the second one: their counters come later, and the next look sees them.
//
// Take them before the read whose result they are kept with, never after: a change in between is then read twice rather
// than missed.
type Stats struct {
	Fingerprint string // hex
	Trusted     bool
	Reason      string // why not trusted, for the log
}

// TableStats gathers the evidence in three short statements, none of which reads a table of the query: its plan, which
// names the relations (partitions and what is behind views included) and changes with the definition of views; their
// counters of inserted, updated and deleted rows, and the numbers of their files, which TRUNCATE and rewrites change; and
// the facts about the server that say whether the counters continue the earlier ones.
func (db *DB) TableStats(ctx context.Context) (Stats, error) {
	if _, err := db.Columns(ctx); err != nil {
		return Stats{}, err
	}
	const op = "read table statistics"
	row, err := db.queryRow(ctx, "EXPLAIN (FORMAT JSON, VERBOSE, COSTS OFF) "+db.query)
	if err != nil {
		return Stats{}, queryError(op, db.where, "", err)
	}
	var p plan
	if err := p.read(row[0]); err != nil {
		return Stats{}, fmt.Errorf("%s: %w", op, err)
	}
	server, doubt, err := db.serverFacts(ctx, slices.Sorted(maps.Keys(p.functions)))
	if err != nil {
		return Stats{}, queryError(op, db.where, "", err)
	}
	counters, tableDoubt, err := db.counters(ctx, slices.Sorted(maps.Keys(p.relations)))
	if err != nil {
		return Stats{}, queryError(op, db.where, "", err)
	}
	hash := sha256.New()
	for _, part := range []string{db.query, p.text, server, counters} {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	stats := Stats{Fingerprint: hex.EncodeToString(hash.Sum(nil)), Trusted: true}
	for _, reason := range []string{doubt, p.doubt, tableDoubt} {
		if reason != "" && stats.Trusted {
			stats.Trusted, stats.Reason = false, reason
		}
	}
	return stats, nil
}

// serverFactsQuery: the first column identifies the run of the counters, the others are reasons not to trust them.
// A function may read what no plan shows. Those that are immutable cannot, by their own promise, and those that come with
// PostgreSQL do not, but for the volatile ones, those about time, and those named pg_….
const serverFactsQuery = `SELECT
  concat_ws(' ', pg_postmaster_start_time(), current_setting('server_version'), d.oid, pg_stat_get_db_stat_reset_time(d.oid), current_user),
  pg_is_in_recovery(), current_setting('track_counts'),
  (SELECT string_agg(DISTINCT p.proname, ', ') FROM pg_catalog.pg_proc p
   WHERE p.proname = ANY($1::text[]) AND p.provolatile <> 'i' AND (p.oid >= 16384 OR p.provolatile = 'v' OR p.proname LIKE 'pg\_%'
     OR p.proname IN ('now', 'transaction_timestamp', 'statement_timestamp', 'age', 'current_setting')))
FROM pg_catalog.pg_database d WHERE d.datname = current_database()`

func (db *DB) serverFacts(ctx context.Context, functions []string) (facts, doubt string, err error) {
	row, err := db.queryRow(ctx, serverFactsQuery, textArray(functions))
	if err != nil {
		return "", "", err
	}
	switch {
	case string(row[1]) == "t":
		doubt = "the server is a standby, which counts nothing"
	case string(row[2]) != "on":
		doubt = "track_counts is off"
	case row[3] != nil:
		doubt = fmt.Sprintf("the query calls %s, whose result can change by itself", row[3])
	}
	return string(row[0]), doubt, nil
}

// countersQuery takes the counters by object id: the views pg_stat_… would compute two dozen more columns. The number of
// columns ever made notices one that was dropped and made again, which rewrites nothing. The relations are looked up in the
// catalogue because to_regclass demands USAGE on their schema, which who may read a view need not have.
const countersQuery = `SELECT c.relkind, c.relpersistence, c.oid < 16384, r.name,
  concat_ws(' ', c.oid, c.relfilenode, c.relnatts, pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid))
FROM (SELECT name, parse_ident(name)::name[] AS parts FROM unnest($1::text[]) AS given(name)) AS r
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = r.parts[1]
LEFT JOIN pg_catalog.pg_class c ON c.relname = r.parts[2] AND c.relnamespace = n.oid ORDER BY r.name`

func (db *DB) counters(ctx context.Context, relations []string) (counters, doubt string, err error) {
	if len(relations) == 0 {
		return "", "the query reads no table", nil
	}
	result := db.conn.ExecParams(ctx, countersQuery, [][]byte{textArray(relations)}, nil, nil, nil).Read()
	if result.Err != nil {
		return "", "", result.Err
	}
	var all strings.Builder
	for _, row := range result.Rows {
		kind, persistence, catalog, name := string(row[0]), string(row[1]), string(row[2]), row[3]
		switch {
		case kind == "":
			doubt = fmt.Sprintf("table %s was dropped just now", name)
		case kind != "r" && kind != "m":
			doubt = fmt.Sprintf("%s is not an ordinary table", name)
		case persistence == "t":
			doubt = fmt.Sprintf("%s is a temporary table", name)
		case persistence == "u":
			doubt = fmt.Sprintf("%s is an unlogged table, which a crash empties", name)
		case catalog == "t":
			doubt = fmt.Sprintf("%s is a system catalogue", name)
		}
		fmt.Fprintf(&all, "%s=%s\n", name, row[4])
	}
	return all.String(), doubt, nil
}

// textArray writes a text[] in PostgreSQL's array syntax.
func textArray(elements []string) []byte {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(elements))
	for i, e := range elements {
		quoted[i] = `"` + escape.Replace(e) + `"`
	}
	return []byte("{" + strings.Join(quoted, ",") + "}")
}
