package reconcile

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
)

// A full sync removes the documents of refused rows, so the guard counts them.
func TestGuardCountsRefusedDocumentsOfAFullSync(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	w.want(w.run(), Imported)
	w.exec(`UPDATE docs SET score = 'NaN' WHERE id <= 'doc-00090'`)
	if r := w.run(func(s *Settings) { s.Full = true }); !stopped(r.err) {
		t.Errorf("the guard did not stop: %+v %v", r.Summary, r.err)
	}
	if n := w.store.Len(); n != 100 {
		t.Errorf("%d documents left of 100", n)
	}
}

// A full import that failed may have removed documents: until one succeeds a full sync is due.
func TestFailedFullSyncIsDueAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(20)
	w.want(w.run(), Imported)
	undo := operation(0.5)(w)
	w.want(w.run(func(s *Settings) { s.Full = true }), Failed)
	undo()
	w.store.ResetStats()
	w.want(w.run(), Imported)
	if s := w.store.Stats(); s.ImportsFull != 1 {
		t.Errorf("the next run was no full sync: %+v", s)
	}
}

// A bucket whose state is about another data store says nothing about this one.
func TestAnotherDataStoreIsFilled(t *testing.T) {
	w := newWorld(t)
	w.set.RescanInterval = time.Hour
	w.fill(20)
	w.want(w.run(), Imported)
	other := w.config.DataStore + "-other"
	w.store = w.engine.CreateDataStore(discoveryengine.StoreConfig{Project: "project", ID: other})
	w.config.DataStore, w.set.DataStore = other, other
	w.want(w.run(), Imported)
	w.wantInSync()
	w.want(w.run(), Unchanged)
}

// A full sync of an empty source removes what any full sync does: all that is not in the source, however it got there.
func TestFullSyncOfAnEmptySourceLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.fill(20)
	w.want(w.run(), Imported)
	w.store.Put("by-hand", `{"id": "by-hand", "structData": {"body": "by hand"}}`)
	w.exec(`UPDATE docs SET mime = 'image/gif'`)
	full := func(s *Settings) { s.Full = true }
	if r := w.want(w.run(full), Failed); !strings.Contains(r.err.Error(), "would delete 21 of 21 documents") {
		t.Errorf("error %v", r.err)
	}
	if r := w.want(w.run(full, func(s *Settings) { s.AllowMassDelete = true }), Imported); r.Deleted != 21 {
		t.Errorf("%+v", r.Summary)
	}
	w.wantInSync()
	w.wantTidy()
	w.fill(20)
	w.want(w.run(), Imported)
	w.wantInSync()
	w.wantTidy()
}

// A run with the wrong data store is stopped, and must leave what the state of the right one names, however old it is.
func TestStoppedRunLeavesTheManifestOfAnotherDataStore(t *testing.T) {
	for name, strange := range map[string]func(w *world){
		"another data store": func(w *world) {
			w.set.DataStore += "-other"
			w.config.DataStore = w.set.DataStore
			other := w.engine.CreateDataStore(discoveryengine.StoreConfig{Project: "project", ID: w.set.DataStore})
			other.Put("by-hand", `{"id": "by-hand", "structData": {"body": "by hand"}}`)
		},
		"another format": func(w *world) {
			w.rewrite(w.newest(), func(b []byte) []byte { return bytes.Replace(b, []byte(`"format":2`), []byte(`"format":9`), 1) })
			w.exec(`UPDATE docs SET id = 'x' || id`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(20)
			w.want(w.run(), Imported)
			right, config := w.set, w.config
			name := w.newest()
			before, err := objects.Read(w.bucket, name)
			if err != nil {
				t.Fatal(err)
			}
			strange(w)
			w.now = func() time.Time { return time.Now().Add(2 * orphanAge) }
			if r := w.want(w.run(), Failed); !stopped(r.err) {
				t.Errorf("not stopped: %v", r.err)
			}
			w.set, w.config = right, config
			w.rewrite(name, func([]byte) []byte { return before })
			w.exec(`UPDATE docs SET id = ltrim(id, 'x')`)
			w.want(w.run(), Unchanged)
		})
	}
}

// While full syncs fail, nobody knows what the data store holds. What is written down of that must not grow with every run.
func TestFailingFullSyncsDoNotFillTheManifest(t *testing.T) {
	w := newWorld(t)
	const documents = 3000
	w.fill(documents)
	w.want(w.run(), Imported)
	undo := w.engine.FailOperations(discoveryengine.OperationFault{Count: 5})
	defer undo()
	for range 5 {
		w.want(w.run(func(s *Settings) { s.Full = true }), Failed)
	}
	var entries int64
	for _, g := range w.state().Segments {
		entries += g.Entries
	}
	if entries > 2.25*documents+1000 {
		t.Errorf("the manifest has %d entries for %d documents", entries, documents)
	}
	undo()
	w.want(w.run(), Imported)
	w.wantInSync()
	w.wantTidy()
}

// While nobody can say whether a lost import runs, none is started beside it.
func TestNoImportBesideOneThatMayRun(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"killed before it knew the operation": func(w *world) {
			w.change(true)
			ctx, cancel := contextWithCancel(w.t)
			w.engine.SetHooks(nil, func(c discoveryengine.Call) {
				if c.Method == "ImportDocuments" {
					cancel()
				}
			})
			w.runContext(ctx)
			w.engine.SetHooks(nil, nil)
		},
		"ledger damaged while it runs": func(w *world) {
			w.change(true)
			w.want(w.run(func(s *Settings) { s.ImportWait = 0 }), Pending)
			w.rewrite(w.newest(), func(b []byte) []byte { return b[:len(b)/2] })
		},
		"ledger deleted while it runs": func(w *world) {
			w.change(true)
			w.want(w.run(func(s *Settings) { s.ImportWait = 0 }), Pending)
			w.deleteLedger()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(400)
			w.want(w.run(), Imported)
			w.store.ResetStats()
			w.engine.Hold()
			defer w.engine.Release()
			lose(w)
			undo := refuse("ListOperations", -1, codes.Unavailable)(w)
			if r := w.want(w.run(), Failed); !strings.Contains(r.err.Error(), "list operations of ") {
				t.Errorf("error %v", r.err)
			}
			undo()
			w.want(w.run(), Pending)
			if s := w.store.Stats(); s.ImportsFull+s.ImportsIncremental != 1 {
				t.Errorf("a second import was started beside the first: %+v", s)
			}
			w.engine.Release()
			w.awaitOperations()
			w.want(w.run(), Imported)
			w.wantInSync()
		})
	}
}
