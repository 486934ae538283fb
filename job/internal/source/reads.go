package source

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// readsQuery returns what the query reads, and as which role: each relation that it names ($1) and that is in its
// search_path, or whose schema it names; what views read, as their owner unless they have security_invoker; what policies
// read; and partitions and children, which are read with their parent's rights. If the query was planned in the same
// transaction ($2), the locks of its planning say exactly which relations these are: any other is left out, and one that no
// name leads to (from a function that was inlined) is added.
// https://www.postgresql.org/docs/current/rules-privileges.html
const readsQuery = `WITH RECURSIVE me AS (SELECT u.oid FROM pg_roles u WHERE u.rolname = current_user), named(oid, role, child) AS (
  SELECT c.oid, me.oid, false FROM me, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = ANY($1::name[]) AND n.nspname = ANY($1::name[] || current_setting('vertex_metadata.schemas')::name[]) AND c.relkind = ANY('{r,p,v,m,f,S}')
  UNION SELECT next.* FROM named r JOIN pg_class c ON c.oid = r.oid CROSS JOIN me CROSS JOIN LATERAL (
    SELECT d.refobjid, CASE WHEN EXISTS (SELECT FROM pg_options_to_table(c.reloptions) WHERE option_name = 'security_invoker' AND option_value::bool) THEN me.oid ELSE c.relowner END, false
      FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
      WHERE c.relkind = 'v' AND c.oid >= 16384 AND w.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
    UNION ALL SELECT d.refobjid, r.role, false FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
      WHERE c.relrowsecurity AND p.polrelid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
    UNION ALL SELECT i.inhrelid, r.role, true FROM pg_inherits i WHERE i.inhparent = c.oid
  ) AS next(oid, role, child)),
locked AS (SELECT DISTINCT l.relation AS oid FROM pg_locks l WHERE $2::bool AND l.locktype = 'relation' AND l.pid = pg_backend_pid() AND l.relation >= 16384
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())),
reads AS (
  SELECT * FROM named WHERE NOT $2::bool OR oid IN (SELECT oid FROM locked)
  UNION SELECT l.oid, me.oid, false FROM me, locked l JOIN pg_class c ON c.oid = l.oid WHERE c.relkind = ANY('{r,p,v,m,f}') AND l.oid NOT IN (SELECT oid FROM named))
`

// schemasFirst keeps the query's search_path for statements of ours that ask for it, and run without it.
const schemasFirst = "SELECT pg_catalog.set_config('vertex_metadata.schemas', pg_catalog.current_schemas(true)::pg_catalog.text, true)"

// reads runs a statement over reads, the relation that readsQuery makes. words are what names them: those of the query, and
// of the server's error. Only a query that can be planned can be planned first.
func (db *DB) reads(ctx context.Context, op string, planned bool, words []string, query string) ([][][]byte, error) {
	statements := []statement{{text: schemasFirst}, {text: ownPath}, {readsQuery + query, [][]byte{textArray(words), fmt.Append(nil, planned)}}}
	if planned {
		statements = slices.Insert(statements, 0, statement{text: explainQuery(db.query)})
	}
	return lastRows(db.batch(ctx, op, statements...))
}

// elaborate adds to an error about the query what the server does not say: which grant is missing, who locks a table, and
// which foreign tables there are.
func (db *DB) elaborate(ctx context.Context, e *Error) error {
	server, ok := asServerError(e)
	if !ok {
		return e
	}
	query := db.config.Query
	words := names(query)
	list := func(statement string) (found []string) {
		// What a function reads is named by the error alone.
		for _, more := range [][]string{nil, names(server.Message)} {
			rows, err := db.reads(ctx, "explain the error", false, append(words, more...), statement)
			for _, row := range rows {
				found = append(found, string(row[0]))
			}
			if len(found) > 0 || err != nil {
				break // without an answer the error stands as it is
			}
		}
		return found
	}
	switch class := class(server.Code); {
	case server.Code == codeLockNotAvailable:
		e.Reason += bracketed(list(lockersQuery))
	case server.Code == codeInsufficientRight:
		hasStar := strconv.FormatBool(strings.Contains(query, "*"))
		if grants := list(strings.ReplaceAll(grantsQuery, "$3", hasStar)); len(grants) > 0 {
			e.Remedy = "run " + strings.Join(grants, "; ")
			return e
		}
		e.Reason += bracketed(list(foreignQuery))
	case server.Code == codeNoTable:
		words = names(server.Message)
		e.Reason += bracketed(list(elsewhereQuery))
	case class != "42", strings.Contains(server.Message, "user mapping"), strings.HasPrefix(server.Where, "remote SQL command"):
		e.Reason += bracketed(list(foreignQuery))
	}
	return e
}

func bracketed(texts []string) (all string) {
	for _, text := range texts {
		all += " (" + text + ")"
	}
	return all
}

// lockersQuery lists who keeps readers away from what the query reads, or from an index of it. A prepared transaction holds
// locks without a process.
const lockersQuery = `SELECT format('table %s, locked by %s', c.oid::regclass, coalesce('process ' || l.pid, (SELECT format('the prepared transaction %L: end it with COMMIT PREPARED or ROLLBACK PREPARED', p.gid)
    FROM pg_locks own JOIN pg_prepared_xacts p ON p.transaction = own.transactionid WHERE own.virtualtransaction = l.virtualtransaction AND own.pid IS NULL LIMIT 1), 'a prepared transaction'))
FROM pg_locks l LEFT JOIN pg_index i ON i.indexrelid = l.relation JOIN pg_class c ON c.oid = coalesce(i.indrelid, l.relation)
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid() AND c.oid IN (SELECT oid FROM reads)
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) GROUP BY c.oid, l.pid, l.virtualtransaction ORDER BY c.oid LIMIT 3`

// elsewhereQuery lists where a table is that is not in the search_path, or whose schema is closed to the role.
const elsewhereQuery = `SELECT format('%s is in schema %I, which %s', c.relname, n.nspname, CASE WHEN has_schema_privilege(n.oid, 'USAGE') THEN 'is not in the search_path' ELSE 'the role has no USAGE on' END)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = ANY($1::name[]) AND c.oid >= 16384 AND c.relkind = ANY('{r,p,v,m,f}') AND c.relpersistence <> 't'
  AND n.nspname <> ALL(current_setting('vertex_metadata.schemas')::name[]) ORDER BY n.nspname LIMIT 3`

const foreignQuery = `SELECT format('foreign table %s of server %I', c.oid::regclass, s.srvname)
FROM pg_class c JOIN pg_foreign_table f ON f.ftrelid = c.oid JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE c.oid IN (SELECT oid FROM reads) ORDER BY c.oid LIMIT 3`

// grantsQuery lists what is not granted to the roles that the query's relations are read as, and what is not granted of the
// functions and schemas that it names. Where some columns are granted, those count that the query names, or all if it has a
// star ($3).
const grantsQuery = `, missing(nr, command) AS (
  SELECT 1, format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, current_user) FROM pg_namespace n WHERE n.nspname = ANY($1::name[]) AND NOT has_schema_privilege(n.oid, 'USAGE')
  UNION SELECT 2, format('GRANT SELECT%s ON %s TO %I', CASE WHEN has_any_column_privilege(u.oid, c.oid, 'SELECT') THEN ' (' || a.columns || ')' ELSE '' END, c.oid::regclass, u.rolname)
    FROM reads r JOIN pg_class c ON c.oid = r.oid JOIN pg_roles u ON u.oid = r.role CROSS JOIN LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attname = ANY($1::name[]) OR $3) AND NOT has_column_privilege(u.oid, c.oid, a.attnum, 'SELECT')) AS a
    WHERE NOT r.child AND NOT has_table_privilege(u.oid, c.oid, 'SELECT') AND (a.columns IS NOT NULL OR NOT has_any_column_privilege(u.oid, c.oid, 'SELECT'))
  UNION SELECT 3, format('GRANT EXECUTE ON %s %s TO %I', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure, current_user)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proname = ANY($1::name[]) AND n.nspname = ANY($1::name[] || current_setting('vertex_metadata.schemas')::name[]) AND NOT has_function_privilege(p.oid, 'EXECUTE'))
SELECT command FROM missing WHERE command IS NOT NULL ORDER BY nr, command LIMIT 10`
