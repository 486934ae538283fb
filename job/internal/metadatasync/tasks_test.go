package metadatasync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"vertexmetadata/sandbox/storage"
)

// execute runs an execution of n tasks at the same time, as Cloud Run does, each with up to one more attempt. It returns
// what the last attempt of each did.
func (w *world) execute(name string, n int, change ...func(*Settings)) []result {
	w.t.Helper()
	results := make([]result, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			for range 2 {
				results[i] = w.attempt(w.t.Context(), name, i, n, change...)
				if results[i].err == nil {
					return
				}
			}
		})
	}
	group.Wait()
	w.gone()
	return results
}

// attempt runs one task of an execution.
func (w *world) attempt(ctx context.Context, name string, i, n int, change ...func(*Settings)) result {
	return w.process(ctx, append([]func(*Settings){func(s *Settings) {
		s.Task, s.Tasks, s.Execution = i, n, name
	}}, change...)...)
}

// outcomes lists the outcomes of an execution, for messages.
func outcomes(results []result) string {
	var b strings.Builder
	for i, r := range results {
		fmt.Fprintf(&b, "task %d: %+v %v\n%s", i, r.Summary, r.err, r.log)
	}
	return b.String()
}

// wantDone fails the test if a task failed, or none says that the round was imported.
func (w *world) wantDone(results []result) {
	w.t.Helper()
	done := false
	for _, r := range results {
		if r.err != nil {
			w.t.Fatalf("a task failed:\n%s", outcomes(results))
		}
		done = done || r.Outcome == Imported
	}
	if !done {
		w.t.Fatalf("no task imported:\n%s", outcomes(results))
	}
}

func TestTasksShareOneImport(t *testing.T) {
	w := newWorld(t)
	w.fill(1000)
	w.set.RescanInterval = time.Hour

	results := w.execute("full", 4)
	w.wantDone(results)
	w.wantInStep()
	w.wantTidy()
	if s := w.store.Stats(); s.ImportsFull != 1 || s.ImportsIncremental != 0 || s.Written != 1000 {
		t.Errorf("full: %+v", s)
	}
	var documents int64
	for _, r := range results {
		documents += r.Documents
		if r.Documents < 200 || r.Documents > 300 {
			t.Errorf("a task's share is %d of 1000 documents", r.Documents)
		}
	}
	if documents != 1000 {
		t.Errorf("the shares add up to %d documents, want 1000", documents)
	}
	names := map[string]bool{}
	for _, o := range objects.List(w.bucket, prefix+"metadata") {
		names[o.Name] = true
	}
	for i := range 4 {
		if name := fmt.Sprintf("metadata/metadata-%05d-of-00004.jsonl", i+1); !names[name] || len(names) != 4 {
			t.Errorf("snapshot %v, want %s among 4", names, name)
		}
	}

	w.store.ResetStats()
	w.exec(`UPDATE docs SET body = 'changed' WHERE id <= 'doc-00040'`)
	w.exec(`DELETE FROM docs WHERE id > 'doc-00990'`)
	w.wantDone(w.execute("small", 4))
	w.wantInStep()
	w.wantTidy()
	if s := w.store.Stats(); s.ImportsInline != 1 || s.ImportsStorage != 0 || s.Written != 40 || s.Deleted != 10 {
		t.Errorf("small change: %+v", s)
	}

	w.store.ResetStats()
	w.exec(`UPDATE docs SET body = 'again' WHERE id <= 'doc-00400'`)
	w.wantDone(w.execute("large", 4))
	w.wantInStep()
	w.wantTidy()
	if s := w.store.Stats(); s.ImportsIncremental != 1 || s.ImportsStorage != 1 || s.Written != 400 {
		t.Errorf("large change: %+v", s)
	}

	w.store.ResetStats()
	for i, r := range w.execute("idle", 4) {
		if r.Outcome != Unchanged || r.err != nil {
			t.Errorf("idle task %d: %+v %v", i, r.Summary, r.err)
		}
	}
	if s := w.store.Stats(); s.ImportsFull+s.ImportsIncremental != 0 {
		t.Errorf("idle: %+v", s)
	}
}

func TestNumberOfTasksChanges(t *testing.T) {
	w := newWorld(t)
	w.fill(800)
	w.want(w.run(), Imported)
	w.store.ResetStats()
	changed := 0
	for step, n := range []int{4, 3, 1, 2} {
		w.exec(`UPDATE docs SET body = body || '!' WHERE id <= 'doc-00010'`)
		w.exec(`DELETE FROM docs WHERE id = $1`, fmt.Sprintf("doc-%05d", 800-step))
		changed += 10
		if n == 1 {
			w.want(w.run(), Imported)
		} else {
			w.wantDone(w.execute(fmt.Sprintf("of-%d", n), n))
		}
		w.wantInStep()
		w.wantTidy()
		if s := w.store.Stats(); s.Written != changed || s.ImportsFull != 0 || s.Deleted != step+1 {
			t.Errorf("with %d tasks: %+v; want %d documents written and %d deleted", n, s, changed, step+1)
		}
	}
}

func TestGuardLooksAtTheWhole(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	w.wantDone(w.execute("full", 4))
	// One share loses nearly all of its documents, which is little of the whole.
	lost := w.lose(0, 4)
	w.wantDone(w.execute("one-share", 4))
	w.wantInStep()
	t.Logf("%d documents of one share removed", lost)
	for i := 1; i < 4; i++ {
		w.lose(i, 4)
	}
	results := w.execute("all-shares", 4)
	var stopped int
	for _, r := range results {
		if Stopped(r.err) {
			stopped++
		}
	}
	if stopped == 0 {
		t.Errorf("no task was stopped by the guard:\n%s", outcomes(results))
	}
	if n := w.store.Len(); n != 100-lost {
		t.Errorf("%d documents, want %d", n, 100-lost)
	}
}

// lose deletes a share's rows but for one, and returns how many.
func (w *world) lose(index, count int) int {
	w.t.Helper()
	share := `(((hashtextextended(id COLLATE "C", 0) % $2) + $2) % $2) = $1`
	var n int
	if err := w.conn.QueryRow(context.Background(), `SELECT count(*) FROM docs WHERE `+share, index, count).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	w.exec(`DELETE FROM docs WHERE `+share+` AND id <> (SELECT min(id) FROM docs WHERE `+share+`)`, index, count)
	return n - 1
}

// A task dies in every attempt of an execution: the others' work is not lost, and the next execution brings the rest.
func TestTaskThatDies(t *testing.T) {
	w := newWorld(t)
	w.fill(1000)
	w.wantDone(w.execute("full", 4))
	w.exec(`UPDATE docs SET body = 'changed' WHERE id <= 'doc-00400'`)
	for i := range 3 {
		if r := w.attempt(t.Context(), "broken", i, 4); r.Outcome != Pending || r.err != nil {
			t.Fatalf("task %d: %+v %v", i, r.Summary, r.err)
		}
	}
	w.gone()
	if s := w.store.Stats(); s.Written != 1000 {
		t.Fatalf("an import was made before all tasks had offered: %+v", s)
	}
	w.wantDone(w.execute("next", 4))
	w.wantInStep()
	w.wantTidy()
	if s := w.store.Stats(); s.Written != 1400 {
		t.Errorf("%d documents written, want 1400: nothing twice", s.Written)
	}
}

// settles fails the test unless two more executions bring the data store in step, and no import stays pending for ever.
func (w *world) settles(execution string, n int) {
	w.t.Helper()
	for next := 0; w.state().Pending != nil || !w.inStep(); next++ {
		if next >= 2 {
			w.wantInStep()
		}
		if next == 5 {
			w.t.Fatalf("after %s and %d more executions of %d tasks an import is pending: %+v", execution, next, n, w.state().Pending)
		}
		w.execute(fmt.Sprintf("%s-next-%d", execution, next), n)
	}
}

// Every task of an execution is ended at every one of its first steps, and tried again by Cloud Run.
func TestTaskEndedAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(200)
	w.wantDone(w.execute("full", 3))
	for step := range 24 {
		w.exec(`UPDATE docs SET body = body || '.' WHERE id <= 'doc-00120'`)
		execution := fmt.Sprintf("step-%d", step)
		for i := range 2 {
			w.attempt(t.Context(), execution, i, 3)
		}
		w.gone()
		ended, cut := w.cutAfter(step, step%2 == 0, func(s *Settings) { s.Task, s.Tasks, s.Execution = 2, 3, execution })
		r := w.attempt(t.Context(), execution, 2, 3)
		w.gone()
		if r.err != nil {
			t.Fatalf("step %d, second attempt: %v\nfirst: %v\n%s\nsecond:\n%s", step, r.err, ended.err, ended.log, r.log)
		}
		w.settles(execution, 3)
		if !cut {
			return
		}
	}
}

// Random executions with a changing number of tasks, of which some are ended at a random step.
func TestRandomTasks(t *testing.T) {
	t.Logf("seed %d", *seed)
	r := rand.New(rand.NewPCG(*seed, 1))
	w := newWorld(t)
	w.set.RescanInterval = []time.Duration{0, time.Hour}[r.IntN(2)]
	w.fill(500)
	for round := range *rounds / 3 {
		w.exec(hideAndShow, []float64{0, 0.01, 0.05}[r.IntN(3)])
		w.exec(`UPDATE docs SET body = body || '.' WHERE random() < $1`, []float64{0, 0.01, 0.3}[r.IntN(3)])
		w.exec(`DELETE FROM docs WHERE random() < $1`, []float64{0, 0.01, 0.05}[r.IntN(3)])
		w.exec(`INSERT INTO docs (id, body) SELECT $1 || '-' || g, 'x' FROM generate_series(1, $2) g`, fmt.Sprintf("round-%d", round), r.IntN(80))
		n := 1 + r.IntN(4)
		execution := fmt.Sprintf("random-%d", round)
		undo := func() {}
		switch r.IntN(3) {
		case 0:
			undo = objects.Inject(storage.Fault{Status: 503, Skip: r.IntN(40), Count: 2}).Remove
		case 1:
			victim, step := r.IntN(n), r.IntN(20)
			w.cutAfter(step, r.IntN(2) == 0, func(s *Settings) { s.Task, s.Tasks, s.Execution = victim, n, execution })
		}
		w.execute(execution, n, func(s *Settings) { s.Full = round%5 == 4 })
		undo()
		w.settles(execution, n)
	}
	w.wantInStep()
}
