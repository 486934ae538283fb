package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Stats are PostgreSQL's own evidence of whether anything behind the query changed. Two equal fingerprints
// mean that a read between them would find nothing new, but for changes that were committed in the last seconds before
// the second one: their counters come later, and the next look sees them.
//
// Take them before the read whose result they are kept with, never after: a change in between is then read twice rather
// than missed.
type Stats struct {
	Fingerprint string // hex; empty if it cannot be trusted
	Reason      string // why not, for the log
}

// TableStats gathers the evidence without reading a table of the query: its plan, which names the relations (partitions
// and what is behind views included) and changes with the definition of views; their counters of inserted, updated and
// deleted rows, and the numbers of their files, which TRUNCATE and rewrites change; the definitions that a plan does not
// show; and the facts about the server that say whether the counters continue the earlier ones.
//
// What cannot be trusted has no fingerprint: it must not match once it can be trusted again.
func (db *DB) TableStats(ctx context.Context) (Stats, error) {
	if _, err := db.Columns(ctx); err != nil {
		return Stats{}, err
	}
	const op = "read table statistics"
	explained := db.plan
	if db.plan = nil; explained == nil {
		rows, err := db.theirs(ctx, db.answerTime(), op, preparing, explainQuery(db.query))
		if err != nil {
			return Stats{}, err
		}
		explained = rows[0][0]
	}
	var p plan
	if err := p.read(explained); err != nil {
		return Stats{}, fmt.Errorf("%s: %w", op, err)
	}
	evidence, doubt, err := db.evidence(ctx, op, &p)
	if err != nil || doubt != "" {
		return Stats{Reason: doubt}, err
	}
	hash := sha256.New()
	for _, part := range append(evidence, db.query, p.text) {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return Stats{Fingerprint: hex.EncodeToString(hash.Sum(nil))}, nil
}

// evidence returns what the catalogue says, or why it cannot be trusted. It asks for all in one round trip, or in two where
// the query has parts of its own.
func (db *DB) evidence(ctx context.Context, op string, p *plan) (all []string, doubt string, err error) {
	functions := slices.Sorted(maps.Keys(p.functions))
	sorted := func(names map[string]bool) []byte { return textArray(slices.Sorted(maps.Keys(names))) }
	results, err := db.batch(ctx, op, statement{text: schemasFirst}, statement{text: ownPath},
		statement{serverFactsQuery, [][]byte{textArray(functions)}}, statement{countersQuery, [][]byte{sorted(p.relations)}}, statement{text: clocksQuery})
	if err != nil {
		return nil, "", err
	}
	server := results[2].Rows[0]
	tables, tableDoubt, ownTypes := counters(results[3].Rows)
	all = []string{string(server[0]), tables, string(results[4].Rows[0][0])}
	types := make([]string, len(db.queried))
	for i, oid := range db.queried {
		types[i] = strconv.FormatUint(uint64(oid), 10)
		ownTypes = ownTypes || oid >= firstUserOID
	}
	hidden := ""
	if ownTypes || p.parts || len(functions)+len(p.operators) > 0 {
		words := slices.Concat(functions, names(db.query), slices.Sorted(maps.Keys(p.types)))
		parts, err := db.batch(ctx, op, statement{text: ownPath}, statement{partsQuery, [][]byte{textArray(words), textArray(types)}},
			statement{hiddenCallsQuery, [][]byte{textArray(functions), sorted(p.operators), sorted(p.types)}})
		if err != nil {
			return nil, "", err
		}
		all, hidden = append(all, string(parts[1].Rows[0][0])), string(parts[2].Rows[0][0])
	}
	return all, cmp.Or(string(server[1]), hidden, p.doubt, db.doubt, tableDoubt), nil
}

// serverFactsQuery: the first column identifies the run of the counters, the second says why not to trust them.
// A function may read what no plan shows. Those that are immutable cannot, by their own promise, and those that come with
// PostgreSQL do not, but for the volatile ones, and those about time, about the connection or about the catalogue.
//
// Reading the configuration again may have switched track_counts off and on in between. The settings are those that change
// what a value's text is and that belong to the query rather than to the session; where the bodies of functions look for
// names is among them, as schemasFirst kept it.
const serverFactsQuery = `SELECT
  concat_ws(' ', pg_postmaster_start_time(), pg_conf_load_time(), current_setting('server_version'), d.oid, pg_stat_get_db_stat_reset_time(d.oid), current_user,
    (SELECT string_agg(s.name || '=' || coalesce(current_setting(s.name, true), ''), ' ' ORDER BY s.name) FROM unnest(ARRAY['vertex_metadata.schemas', 'DateStyle', 'default_text_search_config',
      'lc_collate', 'lc_ctype', 'lc_monetary', 'lc_numeric', 'lc_time', 'timezone_abbreviations', 'xmloption', 'array_nulls', 'transform_null_equals', 'row_security', 'server_encoding']) AS s(name))),
  coalesce(CASE WHEN pg_is_in_recovery() THEN 'the server is a standby, which counts nothing'
    WHEN current_setting('track_counts') <> 'on' THEN 'track_counts is off'
    WHEN EXISTS (SELECT FROM pg_db_role_setting s WHERE 'track_counts=off' = ANY(s.setconfig)) THEN 'track_counts is off for some role or database' END,
  (SELECT format('the query calls %s, whose result can change by itself', string_agg(DISTINCT p.proname, ', ')) FROM pg_proc p
   WHERE p.proname = ANY($1::name[]) AND p.provolatile <> 'i' AND (p.oid >= 16384 OR p.provolatile = 'v'
     OR regexp_match(p.proname::text, '^(pg|has|inet|txid)_|^to_reg|^reg|_to_xml|_description$|^(now|transaction_timestamp|statement_timestamp|age|mxid_age|current_setting|format_type|oidvectortypes|row_security_active)$') IS NOT NULL) HAVING count(*) > 0))
FROM pg_database d WHERE d.datname = current_database()`

// countersQuery takes the counters by object id: the views pg_stat_… would compute two dozen more columns. The number of
// columns ever made notices one that was dropped and made again, which rewrites nothing. The relations are looked up in the
// catalogue because to_regclass demands USAGE on their schema, which who may read a view need not have. The numbers are those
// of objectTypes and their arrays.
const countersQuery = `SELECT
  r.name || '=' || concat_ws(' ', c.oid, c.relfilenode, c.relnatts, pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid)),
  CASE WHEN c.oid IS NULL THEN format('table %s was dropped just now', r.name)
    WHEN c.relkind NOT IN ('r', 'm') THEN format('%s is not an ordinary table', r.name)
    WHEN c.relpersistence = 't' THEN format('%s is a temporary table', r.name)
    WHEN c.relpersistence = 'u' THEN format('%s is an unlogged table, which a crash empties', r.name)
    WHEN c.oid < 16384 THEN format('%s is a system catalogue', r.name)
    WHEN a.named THEN format('%s has a column whose text changes with an object''s name', r.name) END,
  coalesce(a.own, false)
FROM (SELECT name, parse_ident(name)::name[] AS parts FROM unnest($1::text[]) AS given(name)) AS r
LEFT JOIN pg_namespace n ON n.nspname = r.parts[1]
LEFT JOIN pg_class c ON c.relname = r.parts[2] AND c.relnamespace = n.oid
LEFT JOIN LATERAL (SELECT bool_or(a.atttypid >= 16384) AS own, bool_or(a.atttypid = ANY ('{24,1008,2202,2207,2203,2208,2204,2209,2205,2210,2206,2211,4089,4090,4096,4097,4191,4192}'::oid[])) AS named
  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS a ON true ORDER BY r.name`

func counters(rows [][][]byte) (counters, doubt string, ownTypes bool) {
	if len(rows) == 0 {
		return "", "the query reads no table", false
	}
	var all strings.Builder // a partitioned table may have thousands
	for _, row := range rows {
		fmt.Fprintf(&all, "%s\n", row[0])
		doubt = cmp.Or(string(row[1]), doubt)
		ownTypes = ownTypes || string(row[2]) == "t"
	}
	return all.String(), doubt, ownTypes
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
