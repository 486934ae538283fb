package reconcile

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
)

// A document is deleted, the run dies before it can say so, and then the row is back as it was: it must go again.
func TestRowComesBackAfterADeletionThatWasNotCommitted(t *testing.T) {
	for name, fault := range map[string]func(w *world) func(){
		"killed": func(w *world) func() {
			return func() {}
		},
		"another deletion failed": func(w *world) func() {
			return w.engine.Inject(discoveryengine.Fault{Method: "DeleteDocument", Code: codes.PermissionDenied, Skip: 1, Count: -1}).Remove
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(20)
			w.want(w.run(), Imported)
			w.exec(`CREATE TABLE away AS SELECT * FROM docs WHERE id <= 'doc-00002'`)
			w.exec(`DELETE FROM docs WHERE id <= 'doc-00002'`)
			undo := fault(w)
			if name == "killed" {
				ctx, cancel := contextWithCancel(t)
				w.engine.SetHooks(nil, func(c discoveryengine.Call) {
					if c.Method == "DeleteDocument" && w.store.Len() == 18 {
						cancel()
					}
				})
				w.runContext(ctx)
				w.engine.SetHooks(nil, nil)
			} else {
				w.want(w.run(), Failed)
			}
			undo()
			if n := w.store.Len(); n == 20 {
				t.Fatal("no document was deleted")
			}
			w.exec(`INSERT INTO docs SELECT * FROM away`)
			w.heals()
		})
	}
}

// A deletion that failed is tried again although nothing changed in the source.
func TestFailedDeletionIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.set.RescanInterval = time.Hour
	w.fill(20)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs WHERE id = 'doc-00001'`)
	undo := refuse("DeleteDocument", -1, codes.PermissionDenied)(w)
	w.want(w.run(), Failed)
	undo()
	w.heals()
}

// drains wants that the next two runs delete so many documents, as many as one run may by the first of them, and that the one
// after them finds nothing to do.
func (w *world) drains(documents int64) {
	w.t.Helper()
	first := int64(w.set.MaxDeletions)
	for _, want := range []struct {
		outcome       Outcome
		deleted, left int64
	}{{Pending, first, documents - first}, {Imported, documents - first, 0}, {Unchanged, 0, 0}} {
		if r := w.want(w.run(), want.outcome); r.Deleted != want.deleted || r.Left != want.left {
			w.t.Errorf("deleted %d, left %d; want %+v", r.Deleted, r.Left, want)
		}
	}
}

// More documents are gone than one run deletes: later runs delete the rest, and end as pending until then.
func TestManyDeletionsTakeSeveralRuns(t *testing.T) {
	w := newWorld(t)
	w.set.RescanInterval = time.Hour
	w.set.MaxDeletions = 50
	w.fill(125)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs WHERE id > 'doc-00064'`)
	w.drains(61)
	w.wantInSync()
	w.wantTidy()
}

// An emptied source drains once an operator allowed it: later runs delete the rest, until the query makes a document again.
func TestEmptiedSourceDrains(t *testing.T) {
	w := newWorld(t)
	w.set.RescanInterval = time.Hour
	w.set.MaxDeletions = 50
	w.fill(125)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs`)
	w.want(w.run(), Failed)
	if r := w.want(w.run(func(s *Settings) { s.AllowMassDelete = true }), Pending); r.Deleted != 50 || r.Left != 75 {
		t.Errorf("%+v", r.Summary)
	}
	w.drains(75)
	w.wantInSync()
	w.fill(3)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs`)
	if r := w.want(w.run(), Failed); !stopped(r.err) {
		t.Errorf("what was allowed once is allowed for ever: %v", r.err)
	}
}

// Rows that come back while an emptied source drains end what was allowed.
func TestSourceThatDrainsFillsAgain(t *testing.T) {
	w := newWorld(t)
	w.set.MaxDeletions = 10
	w.fill(60)
	w.want(w.run(), Imported)
	w.exec(`CREATE TABLE away AS SELECT * FROM docs`)
	w.exec(`DELETE FROM docs`)
	w.want(w.run(func(s *Settings) { s.AllowMassDelete = true }), Pending)
	w.exec(`INSERT INTO docs SELECT * FROM away WHERE id <= 'doc-00005'`)
	if r := w.want(w.run(), Failed); !stopped(r.err) {
		t.Errorf("not stopped: %v", r.err)
	}
	w.exec(`INSERT INTO docs SELECT * FROM away ON CONFLICT DO NOTHING`)
	w.heals()
}

// A run that was allowed to delete more than one run can deletes all of it by a full sync, since no later run may.
func TestAllowedMassDeleteIsDoneAtOnce(t *testing.T) {
	w := newWorld(t)
	w.set.MaxDeletions = 50
	w.fill(120)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs WHERE id > 'doc-00050'`)
	w.want(w.run(func(s *Settings) { s.AllowMassDelete = true }), Imported)
	w.wantInSync()
	w.exec(`DELETE FROM docs WHERE id > 'doc-00010'`)
	if r := w.want(w.run(), Failed); !stopped(r.err) {
		t.Errorf("not stopped: %v", r.err)
	}
}

// What was allowed to a run that failed has to be allowed again: the ledger gives no permission.
func TestAllowedDeletionsThatFailed(t *testing.T) {
	for name, full := range map[string]bool{"one by one": false, "full import": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(20)
			w.want(w.run(), Imported)
			w.exec(`DELETE FROM docs WHERE id > 'doc-00004'`)
			undo := refuse("DeleteDocument", -1, codes.PermissionDenied)(w)
			if full {
				undo()
				undo = operation(0.5)(w)
			}
			w.want(w.run(func(s *Settings) { s.AllowMassDelete, s.Full = true, full }), Failed)
			undo()
			if r := w.want(w.run(), Failed); !stopped(r.err) {
				t.Errorf("not stopped: %v", r.err)
			}
			if r := w.want(w.run(func(s *Settings) { s.AllowMassDelete = true }), Imported); r.Deleted != 16 {
				t.Errorf("%+v", r.Summary)
			}
			w.wantInSync()
		})
	}
}

// What an earlier import left to delete is not left once its rows are back.
func TestNothingIsLeftOnceTheRowsAreBack(t *testing.T) {
	w := newWorld(t)
	w.set.MaxDeletions = 10
	w.fill(60)
	w.want(w.run(), Imported)
	w.exec(`CREATE TABLE away AS SELECT * FROM docs WHERE id > 'doc-00055'`)
	w.exec(`DELETE FROM docs WHERE id > 'doc-00045'`)
	w.exec(`UPDATE docs SET body = 'changed' WHERE id = 'doc-00001'`)
	w.set.ImportWait = 0
	w.engine.Hold()
	defer w.engine.Release()
	if r := w.want(w.run(), Pending); r.Deleted != 10 || r.Left != 5 {
		t.Fatalf("%+v", r.Summary)
	}
	w.exec(`INSERT INTO docs SELECT * FROM away`)
	w.engine.Release()
	w.awaitOperations()
	w.set.ImportWait = 20 * time.Second
	if r := w.want(w.run(), Imported); r.Upserted != 1 || r.Left != 0 {
		t.Errorf("%+v", r.Summary)
	}
	w.wantInSync()
}
