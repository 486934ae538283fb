package metadatasync

import (
	"fmt"
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

// The lists of ids of a removal that has to start again are gone: that must not stop every later run.
func TestListsOfARemovalAreGone(t *testing.T) {
	w := newWorld(t)
	w.fill(3000)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs WHERE id <= 'doc-01200'`)
	undo := operation(discoveryengine.Purge, 0.5)(w)
	w.want(w.run(), Pending)
	w.awaitOperations()
	undo()
	p := w.state().Purges[0]
	objects.Delete(w.bucket, p.Object)
	objects.Delete(w.bucket, p.Removed.Name)
	w.heals()
}

// The list of what a removal removes is lost while the removal runs. Nothing tells then what may be imported, so all waits
// for its end; no run fails, and no document that came back is lost.
func TestListOfARemovalIsLostWhileItRuns(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tasks  int
		tamper func(w *world, p purge)
	}{
		{"deleted", 1, func(w *world, p purge) { objects.Delete(w.bucket, p.Removed.Name) }},
		{"truncated", 2, func(w *world, p purge) { w.rewrite(p.Removed.Name, func(b []byte) []byte { return b[:len(b)-9] }) }},
		{"both lists deleted", 1, func(w *world, p purge) {
			objects.Delete(w.bucket, p.Object)
			objects.Delete(w.bucket, p.Removed.Name)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(3000)
			execution := 0
			execute := func() {
				t.Helper()
				execution++
				for i, r := range w.execute(fmt.Sprint("execution-", execution), tt.tasks) {
					if r.err != nil {
						t.Fatalf("execution %d, task %d: %v\n%s", execution, i, r.err, r.log)
					}
				}
			}
			execute()
			w.exec(`CREATE TABLE away AS SELECT * FROM docs WHERE id <= 'doc-01200'`)
			w.exec(`DELETE FROM docs WHERE id <= 'doc-01200'`)
			engine.Hold()
			defer engine.Release()
			execute()
			if len(w.state().Purges) == 0 {
				t.Fatal("no removal runs")
			}
			for _, p := range w.state().Purges {
				tt.tamper(w, p)
			}
			w.exec(`INSERT INTO docs SELECT * FROM away`)
			w.store.ResetStats()
			execute()
			execute()
			if s := w.store.Stats(); s.Written != 0 {
				t.Errorf("%d documents written that the removal could remove again", s.Written)
			}
			engine.Release()
			w.awaitOperations()
			for i := 0; !w.inStep() && i < 3; i++ {
				execute()
			}
			w.wantInStep()
		})
	}
}

// The service refuses to purge by id, and then the source is emptied on purpose, so that no full sync follows that would
// remove what the purge should have. While the service refuses, the run says so; then nothing is left.
func TestRefusedPurgeAndThenNoSource(t *testing.T) {
	w := newWorld(t)
	w.fill(2200)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs WHERE id <= 'doc-01200'`)
	refused := engine.Inject(discoveryengine.Fault{Method: "PurgeDocuments", Code: codes.InvalidArgument, Message: "filter is required", Count: -1})
	defer refused.Remove()
	w.run()
	w.exec(`DELETE FROM docs`)
	allowed := func(s *Settings) { s.AllowMassDelete = true }
	r := w.want(w.run(allowed), Failed)
	if want := "the service refuses to remove 2200 documents by id"; !strings.Contains(r.err.Error(), want) {
		t.Errorf("error %v does not say %q", r.err, want)
	}
	refused.Remove()
	engine.Hold()
	defer engine.Release()
	for range 2 {
		w.want(w.run(allowed), Pending)
		if n := len(w.state().Purges); n != 1 {
			t.Errorf("%d removals of the same documents, want 1", n)
		}
	}
	engine.Release()
	w.awaitOperations()
	w.run(allowed)
	w.wantInStep()
}
