package metadatasync

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
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

// While the last task of an execution waits for the lock of the data store, the next execution takes the round over and
// forgets it, as it does with what the guard would stop. What is gone with it must not become part of the state.
func TestRoundThatIsForgottenWhileItsLeaderWaits(t *testing.T) {
	w := newWorld(t)
	w.fill(300)
	w.wantDone(w.execute("full", 2))
	w.exec(`UPDATE docs SET body = 'changed'`)
	w.attempt(t.Context(), "slow", 0, 2)
	w.gone()
	next, err := w.open(t.Context(), w.set)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	lock := "vertex-metadata/" + w.set.DataStore
	if locked, err := next.DB.TryLock(t.Context(), lock); err != nil || !locked {
		t.Fatalf("lock: %v, %v", locked, err)
	}
	if err := next.DB.Check(t.Context()); err != nil { // another statement than the leader's, see waitForLeader
		t.Fatal(err)
	}
	ended := make(chan result)
	go func() { ended <- w.attempt(t.Context(), "slow", 1, 2) }()
	w.waitForLeader("slow", 2)
	for _, o := range objects.List(w.bucket, roundPrefix("slow")) {
		objects.Delete(w.bucket, o.Name)
	}
	if err := next.DB.Unlock(t.Context(), lock); err != nil {
		t.Fatal(err)
	}
	if r := <-ended; r.Outcome != Pending || r.err != nil {
		t.Errorf("%+v %v\n%s", r.Summary, r.err, r.log)
	}
	next.close()
	w.gone()
	s := w.state()
	for name := range s.objects() {
		if !strings.HasSuffix(name, "/") && name != "" {
			if _, err := objects.Read(w.bucket, name); err != nil {
				t.Errorf("the state names %s: %v", name, err)
			}
		}
	}
	w.wantDone(w.execute("next", 2))
	w.wantInStep()
}

// waitForLeader waits until all n tasks of an execution have left their offers and one asks for the lock of the data store.
func (w *world) waitForLeader(execution string, n int) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		var asked int
		if len(objects.List(w.bucket, offersPrefix(execution))) == n {
			err := w.conn.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity
				WHERE application_name = $1 AND query LIKE '%advisory%'`, w.application()).Scan(&asked)
			if err != nil {
				w.t.Fatal(err)
			}
		}
		if asked > 0 {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("no task of execution %s asks for the lock", execution)
		}
	}
}
