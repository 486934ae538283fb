package source

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExamineRowSecurity(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int, hidden bool)", "INSERT INTO t SELECT g, g % 3 = 0 FROM generate_series(1, 9) g", "CREATE VIEW v WITH (security_barrier) AS SELECT * FROM t", "ALTER TABLE t ENABLE ROW LEVEL SECURITY")
	reader := readerURL(t, url, "rls_reader", "t", "v")
	config := Config{URL: reader, Query: "SELECT id FROM t"}
	want := []string{`WARN table public.t has row-level security, and no policy shows a row to role "rls_reader" | run CREATE POLICY … ON public.t FOR SELECT TO "rls_reader" USING (…), or ALTER ROLE "rls_reader" BYPASSRLS`}
	if diff := cmp.Diff(want, found(t, config, "row security")); diff != "" {
		t.Errorf("no policy (-want +got):\n%s", diff)
	}
	run(t, url, "CREATE POLICY visible ON t FOR SELECT TO rls_reader USING (NOT hidden)")
	want = []string{`WARN table public.t has row-level security: only the rows are synced that its policies (visible) show to role "rls_reader" | run ALTER ROLE "rls_reader" BYPASSRLS, or make a policy that shows it all rows; leave it if the others are not to be searched`}
	if diff := cmp.Diff(want, found(t, config, "row security")); diff != "" {
		t.Errorf("a policy (-want +got):\n%s", diff)
	}
	if got := found(t, Config{URL: url, Query: "SELECT id FROM t"}, "row security"); got != nil {
		t.Errorf("the owner sees all rows: %v", got)
	}
	run(t, server.AdminURL(databaseOf(t, url)), "ALTER ROLE rls_reader SET row_security = off")
	_, err := open(t, config).Columns(t.Context())
	const refused = `prepare the query: query would be affected by row-level security policy for table "t": set row_security = on for the user (ALTER ROLE … RESET row_security), or give it BYPASSRLS`
	if err == nil || err.Error() != refused {
		t.Errorf("got  %v\nwant %s", err, refused)
	}
}

// TestRowSecurityOfWhoReads: the policies that count are those of the role as which a relation is read.
func TestRowSecurityOfWhoReads(t *testing.T) {
	url := database(t,
		"CREATE TABLE t (id int)", "INSERT INTO t SELECT generate_series(1, 9)", "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "CREATE POLICY low ON t USING (id < 5)",
		"CREATE TABLE mine (id int)", "INSERT INTO mine SELECT generate_series(1, 9)", "ALTER TABLE mine ENABLE ROW LEVEL SECURITY",
		"CREATE VIEW of_mine AS SELECT * FROM mine", "CREATE VIEW of_t AS SELECT * FROM t", "CREATE VIEW outer_view AS SELECT * FROM of_t",
		"CREATE MATERIALIZED VIEW kept AS SELECT * FROM mine",
		"CREATE TABLE parted (id int) PARTITION BY RANGE (id)", "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (100)", "INSERT INTO parted SELECT generate_series(1, 9)",
		"ALTER TABLE part ENABLE ROW LEVEL SECURITY", "CREATE VIEW of_parted AS SELECT * FROM parted",
		"CREATE TABLE parent (id int)", "CREATE TABLE child () INHERITS (parent)", "INSERT INTO child SELECT generate_series(1, 9)", "ALTER TABLE parent ENABLE ROW LEVEL SECURITY", "CREATE POLICY every ON parent USING (true)",
		"CREATE TABLE gate (id int)", "INSERT INTO gate SELECT generate_series(1, 5)", "ALTER TABLE gate ENABLE ROW LEVEL SECURITY", "CREATE POLICY few ON gate USING (id > 2)",
		"CREATE TABLE gated (id int)", "INSERT INTO gated SELECT generate_series(1, 9)", "ALTER TABLE gated ENABLE ROW LEVEL SECURITY", "CREATE POLICY by_gate ON gated USING (id IN (SELECT id FROM gate))",
		"CREATE FUNCTION rows_of_gate() RETURNS SETOF gate LANGUAGE sql STABLE AS 'SELECT * FROM gate'",
		"CREATE TABLE strict (id int)", "INSERT INTO strict SELECT generate_series(1, 9)", "ALTER TABLE strict ENABLE ROW LEVEL SECURITY", "CREATE POLICY every ON strict USING (true)", "CREATE POLICY odd ON strict AS RESTRICTIVE USING (id % 2 = 1)",
		"CREATE SCHEMA elsewhere", "CREATE TABLE elsewhere.parent (id int)", "ALTER TABLE elsewhere.parent ENABLE ROW LEVEL SECURITY")
	reader := readerURL(t, url, "who_reads", "t", "mine", "of_mine", "of_t", "outer_view", "kept", "parted", "part", "of_parted", "parent", "child", "gate", "gated", "strict")
	if major := open(t, Config{URL: url}).version(); major >= 15 {
		run(t, url, "CREATE VIEW invoker WITH (security_invoker) AS SELECT * FROM mine", "CREATE VIEW around AS SELECT * FROM invoker", "GRANT SELECT ON invoker, around TO who_reads")
	}
	hides := func(table, policies, role string) string {
		return fmt.Sprintf("table public.%s has row-level security: only the rows are synced that its policies (%s) show to role %s", table, policies, role)
	}
	none := func(table string) string {
		return fmt.Sprintf(`table public.%s has row-level security, and no policy shows a row to role "who_reads"`, table)
	}
	owner := fmt.Sprintf("%q, the owner of a view", server.User())
	for _, tt := range []struct {
		url, query string
		want       []string
	}{
		{reader, "SELECT id FROM mine", []string{none("mine")}},
		{reader, "SELECT id FROM of_mine", nil},
		{reader, "SELECT id FROM kept", nil},
		{reader, "SELECT o.id FROM of_mine o LEFT JOIN mine USING (id)", []string{none("mine")}},
		{reader, "SELECT id FROM of_t", []string{hides("t", "low", owner)}},
		{reader, "SELECT id FROM outer_view", []string{hides("t", "low", owner)}},
		{url, "SELECT id FROM t", []string{hides("t", "low", fmt.Sprintf("%q", server.User()))}},
		{url, "SELECT id FROM mine", nil},
		{reader, "SELECT id FROM parted", nil},
		{reader, "SELECT id FROM of_parted", nil},
		{reader, "SELECT id FROM part", []string{none("part")}},
		{reader, "SELECT id FROM parent", nil},
		{reader, "SELECT id FROM gated", []string{hides("gate", "few", `"who_reads"`), hides("gated", "by_gate", `"who_reads"`)}},
		{reader, "SELECT id FROM rows_of_gate()", []string{hides("gate", "few", `"who_reads"`)}},
		{reader, "SELECT id FROM strict", []string{hides("strict", "every, odd", `"who_reads"`)}},
		{reader, "SELECT id FROM invoker", []string{none("mine")}},
		{reader, "SELECT id FROM around", []string{none("mine")}},
		{reader, "SELECT id, 1 AS mine FROM parent", nil}, // a column of a table's name
		{server.AdminURL(databaseOf(t, url)), "SELECT id FROM t", nil},
	} {
		db := open(t, Config{URL: tt.url, Query: tt.query})
		found, err := db.RowSecurity(t.Context())
		if e, ok := asServerError(err); ok && e.Code == "42P01" && db.version() < 15 {
			continue // no security_invoker
		}
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.Text)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.query, diff)
		}
	}
}
