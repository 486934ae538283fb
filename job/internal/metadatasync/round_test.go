package metadatasync

import (
	"slices"
	"sync"
	"testing"
)

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
	if s := w.state(); s.Round == "slow" {
		t.Error("the state says that all of the execution was imported")
	}
	w.attempt(t.Context(), "slow", 1, 2)
	w.gone()
	for _, r := range w.execute("last", 2) {
		if r.err != nil {
			t.Error(r.err)
		}
	}
	w.wantInStep()
	// One task of the last execution may have taken over what the slow one left when the other had already read the state:
	// then that round is void, and the next execution clears it away.
	w.execute("after", 2)
	w.wantInStep()
	w.wantTidy()
}

// All tasks find at the same time that the manifest is gone: one of them says so in the state, which is no failure of the
// others.
func TestTasksStartOverTogether(t *testing.T) {
	w := newWorld(t)
	w.fill(50)
	w.wantDone(w.execute("full", 4))
	for _, sh := range w.state().Shards {
		objects.Delete(w.bucket, sh.Segments[0].Name)
	}
	w.exec(`UPDATE docs SET body = 'changed'`)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			if r := w.attempt(t.Context(), "together", i, 4); r.Outcome != Pending || r.err != nil {
				t.Errorf("task %d: %+v %v", i, r.Summary, r.err)
			}
		})
	}
	group.Wait()
	w.gone()
	w.wantDone(w.execute("next", 4))
	w.wantInStep()
	w.wantTidy()
}
