package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/testkit"
)

// example is the SQL that stands in a document under a mark.
func example(t *testing.T, document, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "<!-- example: "+name+" -->\n```sql\n")
	sql, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed || sql == "" {
		t.Fatalf("docs/%s has no example %q", document, name)
	}
	return sql
}

// The example that people copy works: its documents are as the text says, and each kind of change reaches the data store.
func TestAdaptingExample(t *testing.T) {
	w := newWorldFrom(t, database, database.NewDatabase)
	w.exec(example(t, "ADAPTING.md", "schema"))
	w.exec(example(t, "ADAPTING.md", "rows"))
	w.env["SYNC_QUERY"] = example(t, "ADAPTING.md", "query")
	w.sync("imported")
	want := []string{
		`{"id": "1-de"`, `{"id": "1-en", "structData": {"language": "en", "name": "Red kettle", "description": "Boils water.", "sku": "K-1", "price": 24.90, ` +
			`"price_text": "24.90", "in_stock": true, "attributes": {"colour": "red"}, "updated_at": "2026-01-02T03:04:05+00:00", "tags": ["gift", "kitchen"], "rating": 4.3}, ` +
			`"content": {"mimeType": "image/png", "uri": "gs://shop-photos/a.png"}}`, `{"id": "2-en"`,
	}
	snapshot, err := objects.Read(w.name, "metadata/metadata.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(snapshot), "\n"); n != len(want) {
		t.Errorf("%d documents, want %d", n, len(want))
	}
	for _, line := range want {
		if !strings.Contains(string(snapshot), line) {
			t.Errorf("no %s in\n%s", line, snapshot)
		}
	}
	w.exec(`UPDATE products SET price = 29.90 WHERE product_id = 1; UPDATE products SET deleted_at = now() WHERE product_id = 2`)
	if last := w.sync("imported").last(t); last["upserted"] != 2.0 || last["deleted"] != 1.0 {
		t.Errorf("the changes: %v", last)
	}
	w.sync("unchanged")
	if r := w.run([]string{"check"}); r.code != 0 || !strings.Contains(r.stdout, "read twice are the same") {
		t.Errorf("check: exit %d\n%s", r.code, r.stdout)
	}
}

// The role that people are told to make can do what a run needs, and nothing that check would warn of.
func TestFirstDeploymentRole(t *testing.T) {
	w := newWorld(t)
	role := "reader_of_" + w.name
	password := newSecret("")
	sql := strings.NewReplacer("vertex_metadata", role, "'choose one'", "'"+password+"'", "DATABASE app", "DATABASE "+w.name).Replace(example(t, "FIRST-DEPLOYMENT.md", "role"))
	admin, err := pgx.Connect(t.Context(), w.server.AdminURL(w.name))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	testkit.Exec(t, admin, sql)
	testkit.Exec(t, admin, strings.NewReplacer("DATABASE app", "DATABASE "+w.name, "vertex-metadata-sa@my-project.iam", role).Replace(example(t, "FIRST-DEPLOYMENT.md", "IAM role")))
	defer testkit.Exec(t, admin, "DROP OWNED BY "+role+"; DROP ROLE "+role)
	w.env["DATABASE_URL"] = "postgres://" + role + ":" + password + "@" + w.server.Proxy().Addr() + "/" + w.name + "?sslmode=disable"
	r := w.run([]string{"check"})
	if r.code != 0 || strings.Contains(r.stdout, "WARN  role") {
		t.Errorf("exit %d\n%s", r.code, r.stdout)
	}
	w.sync("imported")
}
