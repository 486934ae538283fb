package source

import (
	"context"
	"fmt"
)

// rightsQuery lists what the session's role may do beyond reading. The read-only session does not hold back all of it.
const rightsQuery = `SELECT string_agg(r.right, ', ' ORDER BY r.nr, r.right) FROM (
  SELECT 1, 'it is a superuser' FROM pg_roles u WHERE u.rolname = current_user AND u.rolsuper
  UNION ALL SELECT 2, 'it may make roles' FROM pg_roles u WHERE u.rolname = current_user AND u.rolcreaterole AND NOT u.rolsuper
  UNION ALL SELECT 3, 'it passes row-level security (BYPASSRLS)' FROM pg_roles u WHERE u.rolname = current_user AND u.rolbypassrls AND NOT u.rolsuper
  UNION ALL SELECT 4, 'it is a member of ' || g.rolname FROM pg_roles g JOIN pg_roles u ON u.rolname = current_user
    WHERE g.rolname IN ('pg_write_server_files', 'pg_read_server_files', 'pg_execute_server_program', 'pg_write_all_data', 'cloudsqlsuperuser') AND NOT u.rolsuper AND pg_has_role(g.oid, 'MEMBER')
  UNION ALL SELECT 5, format('it may CREATE in schema %I', n.nspname) FROM pg_namespace n
    WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'CREATE')
  UNION ALL SELECT 6, format('it may write to %s table%s, such as %s', count(*), CASE WHEN count(*) > 1 THEN 's' ELSE '' END, min(c.oid::regclass::text))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND c.oid >= 16384 AND c.relpersistence <> 't' AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') HAVING count(*) > 0
  UNION ALL SELECT DISTINCT 7, format('it may connect elsewhere by %s', p.proname) FROM pg_proc p WHERE p.proname IN ('dblink', 'dblink_exec') AND has_function_privilege(p.oid, 'EXECUTE')
) AS r(nr, "right")`

// rights says what the role may do that reading does not need.
func (db *DB) rights(ctx context.Context) ([]Finding, error) {
	rows, err := db.own(ctx, "look up the rights of the role", rightsQuery)
	if err != nil {
		return nil, err
	}
	rights := rows[0][0]
	if rights == nil {
		return []Finding{{Name: "role", Text: "it may read and nothing else"}}, nil
	}
	return []Finding{{
		Name: "role", Text: fmt.Sprintf("it may do more than read: %.2000s", rights), Warning: true,
		Remedy: "use a role that has SELECT on what the query reads, and nothing else; REVOKE CREATE ON SCHEMA public FROM PUBLIC",
	}}, nil
}
