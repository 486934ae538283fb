package datastore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

// However the service behaves where its documentation is silent: an import is done when it ended without an error, what it
// rejected is found out or at least suspected, a second one waits for its turn, and one whose reply was lost is found.
func TestWorlds(t *testing.T) {
	for _, world := range discoveryengine.Worlds() {
		t.Run(world.Name, func(t *testing.T) {
			t.Parallel()
			objects, err := storage.Start(storage.Options{Buckets: []string{"b"}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = objects.Close() })
			engine, err := discoveryengine.Start(discoveryengine.Options{Storage: objects})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = engine.Close() })
			engine.CreateDataStore(discoveryengine.StoreConfig{Project: "p1", ProjectNumber: "123456789012", ID: "posts"})
			engine.Behave(world.Behaviour)
			s, err := Open(t.Context(), Config{Project: "p1", DataStore: "posts", Endpoint: engine.Addr(), Budget: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })

			var text strings.Builder
			for i := range 5 {
				fmt.Fprintf(&text, `{"id":"d%d","structData":{"n":%d},"content":{"mimeType":"image/png","uri":"gs://i/%d"}}`+"\n", i, i, i)
			}
			if _, err := objects.Write("b", "m.jsonl", []byte(text.String())); err != nil {
				t.Fatal(err)
			}
			engine.FailDocuments(func(id string) bool { return id == "d0" })
			engine.Hold()
			operation, err := s.ImportObjects(t.Context(), []string{"gs://b/m.jsonl"}, Full, "gs://b/errors/", 0)
			if err != nil {
				t.Fatal(err)
			}
			running, err := s.FindImport(t.Context(), time.Now().Add(-time.Hour))
			if err != nil || len(running) != 1 || running[0] != operation {
				t.Errorf("running %v, error %v, want %s", running, err, operation)
			}
			second, err := s.ImportObjects(t.Context(), []string{"gs://b/m.jsonl"}, Incremental, "", 0)
			if refused := world.SecondImport != codes.OK; errors.Is(err, ErrBusy) != refused || !refused && err != nil {
				t.Errorf("second import: %v", err)
			}
			engine.Release()
			if second != "" { // which would bring back what is deleted below
				if progress, err := s.Await(t.Context(), second, 5*time.Second); err != nil || !progress.Done {
					t.Fatalf("second import: %+v, error %v", progress, err)
				}
			}
			progress, err := s.Await(t.Context(), operation, 5*time.Second)
			if err != nil || !progress.Done || progress.Err != nil {
				t.Fatalf("%+v, error %v", progress, err)
			}
			if second != "" {
				if _, err := s.Await(t.Context(), second, 5*time.Second); err != nil {
					t.Fatal(err)
				}
			}
			failures := rejectedOf(maxKept, "m.jsonl")
			for _, o := range objects.List("b", "errors/") {
				content, err := objects.Read("b", o.Name)
				if err != nil {
					t.Fatal(err)
				}
				if err := failures.parse(strings.NewReader(string(content))); err != nil {
					t.Fatal(err)
				}
			}
			failures.add(progress.Samples...)
			suspected := failures.Kept() > 0 || failures.unnamed > 0 || progress.Failed > 0 || len(progress.Samples) > 0
			if blind := world.Metadata == discoveryengine.MetadataAbsent && world.ErrorFolder == discoveryengine.NoFolder; suspected == blind {
				t.Errorf("suspected %v: %+v, %+v", suspected, failures, progress)
			}
			if deleted, failed, err := s.Delete(t.Context(), []string{"d1", "absent"}); len(deleted) != 2 || failed != nil || err != nil {
				t.Errorf("deleted %v, failed %v, error %v", deleted, failed, err)
			}
			found, err := s.Get(t.Context(), "d1", "d2")
			if err != nil || len(found) != 1 || string(found["d2"].StructData) != `{"n":2}` {
				t.Errorf("found %v, error %v", found, err)
			}
			var ids []string
			for id, err := range s.IDs(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, id)
			}
			if diff := cmp.Diff([]string{"d2", "d3", "d4"}, ids); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
		})
	}
}
