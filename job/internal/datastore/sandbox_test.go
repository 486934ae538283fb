package datastore

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

// TestAgainstSandbox is one data store's life against the sandbox, which
// validates as the service does and reads and writes real objects.
func TestAgainstSandbox(t *testing.T) {
	objects, err := storage.Start(storage.Options{Buckets: []string{"b"}})
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	engine, err := discoveryengine.Start(discoveryengine.Options{Storage: objects})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	held := engine.CreateDataStore(discoveryengine.StoreConfig{Project: "p1", Location: "global", ID: "posts"})
	s, err := Open(t.Context(), Config{Project: "p1", DataStore: "posts", Endpoint: engine.Addr(), Budget: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	write := func(name, content string) string {
		if _, err := objects.Write("b", name, []byte(content)); err != nil {
			t.Fatal(err)
		}
		return "gs://b/" + name
	}
	await := func(operation string, err error) Progress {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Await(t.Context(), operation, 20*time.Second)
		if err != nil || p.Err != nil || !p.Done {
			t.Fatalf("operation %s: %+v, error %v", operation, p, err)
		}
		return p
	}
	want := func(ids ...string) {
		t.Helper()
		if diff := cmp.Diff(ids, slices.Sorted(maps.Keys(held.Documents()))); diff != "" {
			t.Error(diff)
		}
	}
	line := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"structData":{"answer":"鳥 %s"},"content":{"mimeType":"image/png","uri":"gs://i/%s"}}`+"\n", id, id, id)
	}

	if _, err := s.Describe(t.Context()); err != nil {
		t.Error(err)
	}
	p := await(s.ImportObjects(t.Context(), []string{write("1.jsonl", line("a")+line("b")), write("2.jsonl", line("c")+line("bad"))}, Full, "gs://b/errors/0/", 0))
	if p.Succeeded != 4 || p.Failed != 0 {
		t.Errorf("full import: %+v", p)
	}
	want("a", "b", "bad", "c")
	p = await(s.ImportInline(t.Context(), [][]byte{[]byte(line("d")), []byte(line("a"))}, 0))
	if p.Succeeded != 2 {
		t.Errorf("inline import: %+v", p)
	}

	// Half of it fails, and the error files say what.
	engine.FailDocuments(func(id string) bool { return strings.HasPrefix(id, "x") })
	var lines strings.Builder
	for i := range 300 {
		lines.WriteString(line(fmt.Sprint("x-", i)) + line(fmt.Sprint("y-", i)))
	}
	p = await(s.ImportObjects(t.Context(), []string{write("3.jsonl", lines.String())}, Incremental, "gs://b/errors/1/", 0))
	if p.Succeeded != 300 || p.Failed != 300 || len(p.Samples) == 0 || p.Samples[0].ID == "" {
		t.Errorf("half failed: %+v", p)
	}
	failures := rejectedOf(maxKept, "m.jsonl")
	files := 0
	for _, o := range objects.List("b", "errors/1/") {
		data, err := objects.Read("b", o.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := failures.parse(strings.NewReader(string(data))); err != nil {
			t.Fatal(err)
		}
		files++
	}
	failed := failures.ByID
	for i := range 300 {
		if failed[fmt.Sprint("x-", i)] == "" {
			t.Fatalf("x-%d is not among the %d failures of %d error files", i, len(failed), files)
		}
	}
	if len(failed) != 300 {
		t.Errorf("%d failures named, want 300", len(failed))
	}

	found, err := s.FindImport(t.Context(), time.Now().Add(-time.Hour))
	if err != nil || len(found) != 0 {
		t.Errorf("all imports are done, found %v, error %v", found, err)
	}

	// Deletion of what is there and what is not.
	gone := []string{"bad", "absent"}
	for i := range 300 {
		gone = append(gone, fmt.Sprint("y-", i))
	}
	if deleted, failed, err := s.Delete(t.Context(), gone); err != nil || failed != nil || len(deleted) != len(gone) {
		t.Errorf("deleted %d, failed %v, error %v", len(deleted), failed, err)
	}
	want("a", "b", "c", "d")
	var ids []string
	for id, err := range s.IDs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, ids); diff != "" {
		t.Error(diff)
	}
	hits, err := s.Search(t.Context(), "鳥", 10)
	if err != nil || len(hits) == 0 || hits[0].URI == "" || !strings.Contains(string(hits[0].StructData), "鳥") {
		t.Errorf("hits %v, error %v", hits, err)
	}
}
