package source

import (
	"context"
	"fmt"
)

// rowSecurityQuery returns the relations of which policies hide rows from the role that they are read as, with those
// policies. One that shows every row hides none, unless a restrictive one does. A partition's own policies do not count
// where it is read by its parent. https://www.postgresql.org/docs/current/ddl-rowsecurity.html
const rowSecurityQuery = `SELECT c.oid::regclass, u.rolname, u.oid = me.oid, coalesce(p.names, ''), coalesce(p.shown, false)
FROM reads r CROSS JOIN me JOIN pg_class c ON c.oid = r.oid JOIN pg_roles u ON u.oid = r.role CROSS JOIN LATERAL (
  SELECT string_agg(quote_ident(p.polname), ', ' ORDER BY p.polname) AS names, bool_or(p.polpermissive) AS shown,
    bool_or(p.polpermissive AND p.everything) AND bool_and(p.polpermissive OR p.everything) AS everything
  FROM (SELECT *, pg_get_expr(polqual, polrelid) = 'true' AS everything FROM pg_policy) AS p
  WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*') AND EXISTS (SELECT FROM unnest(p.polroles) AS to_role(oid) WHERE to_role.oid = 0 OR pg_has_role(u.oid, to_role.oid, 'USAGE'))) AS p
WHERE c.relrowsecurity AND NOT r.child AND NOT u.rolsuper AND NOT u.rolbypassrls AND (c.relforcerowsecurity OR NOT pg_has_role(u.oid, c.relowner, 'USAGE'))
  AND p.everything IS NOT TRUE ORDER BY c.oid, u.rolname`

// RowSecurity names the tables behind the query of which PostgreSQL hides rows from the role that reads them: what is hidden
// looks as if it were deleted.
func (db *DB) RowSecurity(ctx context.Context) ([]Finding, error) {
	if _, err := db.Columns(ctx); err != nil {
		return nil, err
	}
	rows, err := db.reads(ctx, "look up row-level security", true, names(db.query), rowSecurityQuery)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, row := range rows {
		table, role, policies := row[0], fmt.Sprintf("role %q", row[1]), row[3]
		if string(row[2]) != "t" {
			role += ", the owner of a view"
		}
		f := Finding{
			Name: "row security", Warning: true,
			Text:   fmt.Sprintf("table %s has row-level security: only the rows are synced that its policies (%s) show to %s", table, policies, role),
			Remedy: fmt.Sprintf("run ALTER ROLE %s BYPASSRLS, or make a policy that shows it all rows; leave it if the others are not to be searched", quoteName(string(row[1]))),
		}
		if string(row[4]) != "t" {
			f.Text = fmt.Sprintf("table %s has row-level security, and no policy shows a row to %s", table, role)
			f.Remedy = fmt.Sprintf("run CREATE POLICY … ON %s FOR SELECT TO %s USING (…), or ALTER ROLE %[2]s BYPASSRLS", table, quoteName(string(row[1])))
		}
		found = append(found, f)
	}
	return found, nil
}
