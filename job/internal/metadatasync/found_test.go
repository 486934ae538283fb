package metadatasync

import (
	"fmt"
	"slices"
	"strings"
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
			return engine.Inject(discoveryengine.Fault{Method: "DeleteDocument", Code: codes.PermissionDenied, Skip: 1, Count: -1}).Remove
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
				engine.SetHooks(nil, func(c discoveryengine.Call) {
					if c.Method == "DeleteDocument" && w.store.Len() == 18 {
						cancel()
					}
				})
				w.runContext(ctx)
				engine.SetHooks(nil, nil)
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

// A change of the number of tasks must not bring back what an older segment says.
func TestReshardingKeepsTheNewestEntry(t *testing.T) {
	w := newWorld(t)
	w.fill(200)
	w.want(w.run(), Imported)
	w.exec(`UPDATE docs SET body = body || '!' WHERE id <= 'doc-00020'`)
	w.exec(`DELETE FROM docs WHERE id > 'doc-00195'`)
	w.wantDone(w.execute("four", 4))
	w.wantInStep()
	w.store.ResetStats()
	for _, r := range w.execute("three", 3) {
		if r.err != nil {
			t.Fatal(r.err)
		}
	}
	w.want(w.run(), Unchanged)
	if s := w.store.Stats(); s.Written != 0 {
		t.Errorf("%d documents written though nothing changed", s.Written)
	}
	s := w.state()
	if n := s.documents(); n != 195 {
		t.Errorf("manifest says %d documents, want 195", n)
	}
}

// What the guard stopped in one execution must not stop the next, when the source is as it was.
func TestStoppedExecutionDoesNotStopTheNext(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	w.wantDone(w.execute("full", 2))
	w.exec(`ALTER TABLE docs RENAME TO away`)
	w.exec(`CREATE TABLE docs (LIKE away INCLUDING ALL)`)
	if r := w.execute("emptied", 2); !slices.ContainsFunc(r, func(r result) bool { return Stopped(r.err) }) {
		t.Fatalf("no task was stopped:\n%s", outcomes(r))
	}
	w.exec(`DROP TABLE docs`)
	w.exec(`ALTER TABLE away RENAME TO docs`)
	w.exec(`UPDATE docs SET body = 'restored' WHERE id = 'doc-00001'`)
	w.execute("restored", 2)
	w.execute("after", 2)
	w.wantInStep()
}

// A full sync removes the documents of refused rows, so the guard counts them.
func TestGuardCountsRefusedDocumentsOfAFullSync(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	w.want(w.run(), Imported)
	w.exec(`UPDATE docs SET score = 'NaN' WHERE id <= 'doc-00090'`)
	if r := w.run(func(s *Settings) { s.Full = true }); !Stopped(r.err) {
		t.Errorf("the guard did not stop: %+v %v", r.Summary, r.err)
	}
	if n := w.store.Len(); n != 100 {
		t.Errorf("%d documents left of 100", n)
	}
}

// A bucket whose state is about another data store says nothing about this one.
func TestAnotherDataStoreIsFilled(t *testing.T) {
	w := newWorld(t)
	w.set.RescanInterval = time.Hour
	w.fill(20)
	w.want(w.run(), Imported)
	other := w.config.DataStore + "-other"
	w.store = engine.CreateDataStore(discoveryengine.StoreConfig{Project: "project", ID: other})
	w.config.DataStore, w.set.DataStore = other, other
	w.want(w.run(), Imported)
	w.wantInStep()
	w.want(w.run(), Unchanged)
}

// A full import that failed may have removed documents: until one succeeds a full sync is due.
func TestFailedFullSyncIsDueAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(20)
	w.want(w.run(), Imported)
	undo := operation(discoveryengine.Import, 0.5)(w)
	w.want(w.run(func(s *Settings) { s.Full = true }), Failed)
	undo()
	w.store.ResetStats()
	w.want(w.run(), Imported)
	if s := w.store.Stats(); s.ImportsFull != 1 {
		t.Errorf("the next run was no full sync: %+v", s)
	}
}

// While an execution goes on, the next one imports what it has offered so far. The rest is not done by that.
func TestPartOfARoundIsNotTheRound(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	w.wantDone(w.execute("full", 2))
	w.exec(`UPDATE docs SET body = 'changed'`)
	w.attempt(t.Context(), "slow", 0, 2)
	w.gone()
	w.attempt(t.Context(), "next", 0, 2)
	w.gone()
	if r := w.attempt(t.Context(), "slow", 1, 2); r.Outcome == Imported && !w.inStep() {
		t.Errorf("outcome %s although the share was not imported", r.Outcome)
	}
	w.gone()
	w.wantDone(w.execute("last", 2))
	w.wantInStep()
	w.wantTidy()
}

// The task that leads says what the round did, though its own share did not change.
func TestRoundThatOnlyRemovesIsImported(t *testing.T) {
	w := newWorld(t)
	w.fill(50)
	w.wantDone(w.execute("full", 2))
	for _, id := range []string{"doc-00001", "doc-00002", "doc-00003", "doc-00004", "doc-00005", "doc-00006"} {
		w.exec(`DELETE FROM docs WHERE id = $1`, id)
		w.attempt(t.Context(), "round-"+id, 0, 2)
		w.gone()
		r := w.attempt(t.Context(), "round-"+id, 1, 2)
		w.gone()
		w.want(r, Imported)
	}
}

// A removal that keeps failing must not look like one that is slow.
func TestFailedPurgeFailsTheRun(t *testing.T) {
	w := newWorld(t)
	w.fill(3000)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs WHERE id > 'doc-01800'`)
	undo := operation(discoveryengine.Purge, 0.5)(w)
	w.want(w.run(), Pending)
	r := w.want(w.run(), Failed)
	undo()
	if !strings.Contains(r.err.Error(), "removal") {
		t.Errorf("error %v does not tell of the removal", r.err)
	}
	w.run()
	w.want(w.run(), Unchanged)
	w.wantInStep()
}

// Parts of a snapshot that never was committed do not stay.
func TestPartsOfAFailedSnapshotAreRemoved(t *testing.T) {
	w := newWorld(t)
	w.fill(40)
	undo := operation(discoveryengine.Import, 0)(w)
	w.execute("fails", 3)
	undo()
	w.want(w.run(), Imported)
	var names []string
	for _, o := range objects.List(w.bucket, prefix+"metadata") {
		names = append(names, o.Name)
	}
	if want := []string{snapshotName}; !slices.Equal(names, want) {
		t.Errorf("snapshot objects %v, want %v", names, want)
	}
}

// The tasks of one execution together delete no more one by one than a single run does.
func TestTasksShareTheLimitOfSingleDeletions(t *testing.T) {
	w := newWorld(t)
	w.fill(5000)
	w.wantDone(w.execute("full", 4))
	w.exec(`DELETE FROM docs WHERE id > 'doc-03000'`)
	var single int
	engine.SetHooks(func(c discoveryengine.Call) {
		if c.Method == "DeleteDocument" {
			single++
		}
	}, nil)
	w.execute("removes", 4)
	engine.SetHooks(nil, nil)
	for i := 0; !w.inStep() && i < 3; i++ {
		w.execute(fmt.Sprint("next-", i), 4)
	}
	w.wantInStep()
	if single > maxGoneIDs {
		t.Errorf("%d documents deleted one by one, want at most %d", single, maxGoneIDs)
	}
}
