package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/manifest"
)

// older writes what the program of the format before left behind: one state object, the manifest of two tasks, a snapshot of
// two parts, and, if there is an operation, an import and a purge that were begun.
func (w *world) older(operation string) {
	w.t.Helper()
	const root = "metadata/.sync/v1/"
	segment := func(name string, write func(*manifest.Writer)) {
		var out bytes.Buffer
		m := manifest.NewWriter(&out)
		write(m)
		if err := m.Close(); err != nil {
			w.t.Fatal(err)
		}
		w.object(root+name, out.String())
	}
	held := w.store.Documents()
	for task := range 2 {
		segment(fmt.Sprintf("rounds/first/%d/upserted", task), func(m *manifest.Writer) {
			for id, line := range held {
				if int(id[len(id)-1])%2 == task {
					_ = m.Put([]byte(id), document.Hash([]byte(line)))
				}
			}
		})
	}
	segment("rounds/second/0/upserted", func(m *manifest.Writer) { _ = m.Put([]byte("doc-00001"), 1) })
	segment("rounds/second/0/removed", func(m *manifest.Writer) { _ = m.Remove([]byte("doc-00002")) })
	segment("rounds/second/0/purge", func(m *manifest.Writer) { _ = m.Remove([]byte("doc-00003")) })
	for _, name := range []string{"metadata/metadata-00001-of-00002.jsonl", "metadata/metadata-00002-of-00002.jsonl", root + "rounds/second/0/data-00000.jsonl", root + "rounds/second/0/purge.jsonl", root + "rounds/second/errors/"} {
		w.object(name, "")
	}
	state := map[string]any{
		"format": 1, "revision": 17, "data_store": w.set.DataStore, "configuration": "0123456789abcdef", "documents": len(held), "failed": 1,
		"last_full": "2026-11-23T01:02:03Z", "last_scan": "2026-11-23T04:05:06Z", "statistics": "fingerprint", "round": "first",
		"shards": []any{
			map[string]any{"documents": len(held) / 2, "segments": []any{map[string]any{"name": root + "rounds/first/0/upserted", "entries": len(held) / 2}}},
			map[string]any{"documents": len(held) / 2, "segments": []any{map[string]any{"name": root + "rounds/first/1/upserted", "entries": len(held) / 2, "unconfirmed": true}}},
		},
		"snapshot": []string{"metadata/metadata-00001-of-00002.jsonl", "metadata/metadata-00002-of-00002.jsonl"},
	}
	if operation != "" {
		state["pending"] = map[string]any{
			"round": "second", "full": false, "operation": operation, "started": "2026-11-23T07:08:09Z", "errors": root + "rounds/second/errors/",
			"objects": []string{root + "rounds/second/0/data-00000.jsonl"}, "upserts": 1, "tasks": 2, "whole": true,
			"offers":     []any{map[string]any{"task": 0, "upserted": map[string]any{"name": root + "rounds/second/0/upserted", "entries": 1}}},
			"scanned_at": "2026-11-23T07:08:00Z", "statistics": "", "configuration": "0123456789abcdef",
		}
		state["purges"] = []any{map[string]any{
			"operation": strings.Replace(operation, "import-documents", "purge-documents", 1), "object": root + "rounds/second/0/purge.jsonl", "started": "2026-11-23T07:08:09Z",
			"removed": map[string]any{"name": root + "rounds/second/0/purge", "entries": 1},
		}}
	}
	data, err := json.Marshal(state)
	if err != nil {
		w.t.Fatal(err)
	}
	w.object(root+"state.json", string(data))
}

func (w *world) object(name, content string) {
	w.t.Helper()
	if _, err := objects.Write(w.bucket, name, []byte(content)); err != nil {
		w.t.Fatal(err)
	}
}

// begun starts an import as the older program did, which runs until the service is released.
func (w *world) begun(line string) (operation string) {
	w.t.Helper()
	store, err := datastore.Open(w.t.Context(), w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	defer store.Close()
	if operation, err = store.ImportInline(w.t.Context(), [][]byte{[]byte(line)}, 0); err != nil {
		w.t.Fatal(err)
	}
	return operation
}

// The state of the format before is met by one full sync: nothing is lost, nothing is deleted that has a row, an import that
// still runs is waited for, and the older objects stay until the full sync is confirmed.
func TestUpgradeFromTheOlderFormat(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	for id := range w.truth() {
		w.store.Put(id, fmt.Sprintf(`{"id": %q, "structData": {"body": "older"}}`, id))
	}
	w.store.Put("gone-row", `{"id": "gone-row", "structData": {"body": "older"}}`)
	w.engine.Hold()
	defer w.engine.Release()
	w.older(w.begun(`{"id": "doc-00001", "structData": {"body": "late"}, "content": {"mimeType": "image/png", "uri": "gs://images/doc-00001"}}`))
	before := len(objects.List(w.bucket, ""))

	if r := w.want(w.run(), Pending); !strings.Contains(r.log, "an import is running that the ledger does not know, waiting for it") {
		t.Errorf("log: %s", r.log)
	}
	if n := len(objects.List(w.bucket, "")); n != before {
		t.Errorf("%d objects while the older import runs, want %d as before", n, before)
	}
	w.engine.Release()
	w.awaitOperations()

	// The first full sync fails: an operator may still go back to the older program.
	undo := operation(0)(w)
	w.want(w.run(), Failed)
	undo()
	if n := len(objects.List(w.bucket, "metadata/.sync/v1/")); n != before-2 {
		t.Errorf("%d older objects after a full sync that failed, want %d", n, before-2)
	}
	if r := w.want(w.run(), Imported); r.Upserted != 100 || r.Deleted != 1 {
		t.Errorf("%+v", r.Summary)
	}
	w.wantInSync()
	w.wantTidy() // the older objects and the older snapshot are gone
	w.want(w.run(), Unchanged)
}

// The guard holds for the first sync of the newer program too.
func TestUpgradeOverAWrongSourceIsStopped(t *testing.T) {
	w := newWorld(t)
	w.fill(10)
	for i := range 90 {
		id := fmt.Sprintf("other-%03d", i)
		w.store.Put(id, fmt.Sprintf(`{"id": %q, "structData": {"body": "older"}}`, id))
	}
	w.older("")
	if r := w.want(w.run(), Failed); !stopped(r.err) || r.err.Error() != "the sync would delete 90 of 90 documents, more than MAX_DELETE_RATIO=0.5 allows" {
		t.Errorf("error %v", r.err)
	}
	if n := w.store.Len(); n != 90 {
		t.Errorf("%d documents", n)
	}
}
