package reconcile

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/sandbox/discoveryengine"
)

// What lies outside a run changes between two runs: the next two must bring everything in sync again.
func TestTampering(t *testing.T) {
	for name, tt := range map[string]struct {
		many   bool // the manifest has several segments
		tamper func(w *world)
		says   string // in the log of the next run
		full   bool   // only a full sync can notice
	}{
		"ledger damaged": {
			tamper: func(w *world) { w.rewrite(w.newest(), func(b []byte) []byte { return b[:len(b)/2] }) },
			says:   "the ledger cannot be used, a full sync replaces it",
		},
		"ledger of a newer version": {
			tamper: func(w *world) {
				w.rewrite(w.newest(), func([]byte) []byte { return []byte(`{"format": 3, "shards": {"new": true}}`) })
			},
			says: "a full sync replaces it",
		},
		"ledger deleted": {
			tamper: func(w *world) { w.deleteLedger() },
			says:   "no full sync has succeeded yet",
		},
		"bucket emptied": {
			tamper: func(w *world) { objects.Empty(w.bucket) },
			says:   "no full sync has succeeded yet",
		},
		"manifest truncated": {
			tamper: func(w *world) { w.rewrite(w.segment(), func(b []byte) []byte { return b[:len(b)-9] }) },
			says:   "the manifest cannot be read, a full sync replaces it",
		},
		"manifest of an unknown format": {
			tamper: func(w *world) {
				w.rewrite(w.segment(), func(b []byte) []byte { return append([]byte("VXMANIF9"), b[8:]...) })
			},
			says: "the manifest cannot be read, a full sync replaces it",
		},
		"manifest deleted": {
			tamper: func(w *world) { objects.Delete(w.bucket, w.segment()) },
			says:   "the manifest cannot be read, a full sync replaces it",
		},
		"older state put back": {
			tamper: func(w *world) {
				old, err := objects.Read(w.bucket, w.newest())
				if err != nil {
					w.t.Fatal(err)
				}
				w.exec(`UPDATE docs SET body = 'newer' WHERE id <= 'doc-00020'`)
				w.want(w.run(), Imported)
				w.rewrite(w.newest(), func([]byte) []byte { return old })
			},
			says: "reading the source",
		},
		"document removed from the data store by hand": {
			full: true, tamper: func(w *world) { w.store.Remove("doc-00001") }, says: "import done",
		},
		"document changed in the data store by hand": {
			full: true, tamper: func(w *world) { w.store.Put("doc-00001", `{"id": "doc-00001", "structData": {"body": "by hand"}}`) }, says: "import done",
		},
		"document added to the data store by hand": {
			full: true, tamper: func(w *world) { w.store.Put("by-hand", `{"id": "by-hand", "structData": {"body": "by hand"}}`) }, says: "import done",
		},
		"source restored from an old backup": {
			tamper: func(w *world) {
				w.exec(`CREATE TABLE backup AS SELECT * FROM docs`)
				w.exec(`UPDATE docs SET body = 'newer'`)
				w.exec(`DELETE FROM docs WHERE id > 'doc-00390'`)
				w.want(w.run(), Imported)
				w.exec(`DROP TABLE docs`)
				w.exec(`ALTER TABLE backup RENAME TO docs`)
			},
			says: "import done",
		},
		"columns of the query changed": {
			tamper: func(w *world) { w.set.Query = strings.Replace(query, "score,", "", 1) },
			says:   `"documents":400`,
		},
		"clock moved back": {
			tamper: func(w *world) { w.now = func() time.Time { return time.Now().Add(-time.Hour) } },
			says:   "FULL_SYNC_INTERVAL",
		},
		"clock moved forward": {
			tamper: func(w *world) { w.now = func() time.Time { return time.Now().Add(48 * time.Hour) } },
			says:   "FULL_SYNC_INTERVAL",
		},
		"table truncated and filled again": {
			tamper: func(w *world) {
				w.set.RescanInterval = time.Hour
				w.want(w.run(), Unchanged)
				w.exec(`CREATE TEMP TABLE kept AS SELECT * FROM docs`)
				w.exec(`TRUNCATE docs`)
				w.exec(`INSERT INTO docs SELECT id, body || ' again' FROM kept`)
			},
			says: "table statistics or definitions changed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(400)
			w.want(w.run(), Imported)
			tt.tamper(w)
			first := w.run(func(s *Settings) { s.Full = tt.full })
			if !strings.Contains(first.log, tt.says) {
				t.Errorf("the log does not say %q:\n%s", tt.says, first.log)
			}
			if r := w.run(); r.err != nil {
				t.Errorf("second run: %v", r.err)
			}
			w.wantInSync()
		})
	}
}

// rewrite changes an object by hand.
func (w *world) rewrite(name string, change func([]byte) []byte) {
	w.t.Helper()
	data, err := objects.Read(w.bucket, name)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := objects.Write(w.bucket, name, change(bytes.Clone(data))); err != nil {
		w.t.Fatal(err)
	}
}

// segment names the manifest's first segment.
func (w *world) segment() string {
	w.t.Helper()
	return w.state().Segments[0].Name
}

// A run that died while it started an import leaves an import of which nobody knows whether it runs. While one runs,
// nothing else is imported.
func TestLostFullImportIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.fill(300)
	w.engine.Hold()
	defer w.engine.Release()
	w.engine.SetHooks(nil, nil)
	ctx, cancel := contextWithCancel(t)
	w.engine.SetHooks(nil, func(c discoveryengine.Call) {
		if c.Method == "ImportDocuments" {
			cancel()
		}
	})
	w.runContext(ctx)
	w.engine.SetHooks(nil, nil)
	w.exec(`DELETE FROM docs WHERE id > 'doc-00290'`)
	r := w.want(w.run(), Pending)
	if !strings.Contains(r.log, "an import is running that the ledger does not know") {
		t.Errorf("log:\n%s", r.log)
	}
	if s := w.store.Stats(); s.ImportsFull != 1 {
		t.Errorf("%+v", s)
	}
	w.engine.Release()
	w.awaitOperations()
	w.want(w.run(), Imported)
	w.wantInSync()
	w.wantTidy()
}

// A document of an import that failed may be in the data store. If its row is gone by the next run, it must go too.
func TestDocumentOfAFailedImportIsRemovedWithItsRow(t *testing.T) {
	w := newWorld(t)
	w.fill(300)
	w.want(w.run(), Imported)
	w.exec(`INSERT INTO docs (id, body) VALUES ('short-lived', 'x')`)
	w.engine.FailOperations(discoveryengine.OperationFault{Applied: 1})
	w.want(w.run(), Failed)
	if w.held()["short-lived"] != "x" {
		t.Fatal("the failed import was not applied")
	}
	w.exec(`DELETE FROM docs WHERE id = 'short-lived'`)
	w.run()
	w.wantInSync()
}

// Traffic of a small change follows the change, not the table: folding included, a bounded number of bytes for each
// changed document.
func TestManifestTrafficIsBounded(t *testing.T) {
	t.Parallel()
	const documents, changes, rounds = 4000, 20, 60
	w := newWorld(t)
	w.fill(documents)
	w.want(w.run(), Imported)
	w.resetLog()
	for range rounds {
		w.exec(`UPDATE docs SET body = body || '.' WHERE id IN (SELECT id FROM docs ORDER BY random() LIMIT $1)`, changes)
		w.want(w.run(), Imported)
	}
	w.wantInSync()
	w.wantTidy()
	var written int64
	for _, req := range w.requests() {
		if req.Op == "objects.insert" && (strings.HasSuffix(req.Object, "/upserted") || strings.HasSuffix(req.Object, "/folded")) {
			written += req.BytesIn
		}
	}
	// 20 bytes of an entry with a short id, and what a request and a segment have around them.
	const perEntry, perSegment = 20, 1200
	if limit := int64(5*rounds*changes*perEntry + 2*rounds*perSegment + documents*perEntry); written > limit {
		t.Errorf("%d bytes of manifest written for %d changes, want at most %d", written, rounds*changes, limit)
	}
	if n := len(w.state().Segments); n > ledger.FoldSegments+1 {
		t.Errorf("%d segments, want at most %d", n, ledger.FoldSegments+1)
	}
}

// An import that began although its reply was lost must not be begun twice while it runs.
func TestLostReplyOfAnImportThatRuns(t *testing.T) {
	w := newWorld(t)
	w.fill(300)
	w.engine.Hold()
	defer w.engine.Release()
	lost := w.engine.Inject(discoveryengine.Fault{Method: "ImportDocuments", DropReply: true})
	defer lost.Remove()
	w.want(w.run(), Failed)
	w.want(w.run(), Pending)
	if s := w.store.Stats(); s.ImportsFull != 1 {
		t.Errorf("%d full imports were begun, want 1", s.ImportsFull)
	}
	w.engine.Release()
	w.awaitOperations()
	w.want(w.run(), Imported)
	w.wantInSync()
	w.wantTidy()
}

// deleteLedger removes every revision, as somebody who starts over by hand does.
func (w *world) deleteLedger() {
	for _, o := range objects.List(w.bucket, names.Revisions()) {
		objects.Delete(w.bucket, o.Name)
	}
}
