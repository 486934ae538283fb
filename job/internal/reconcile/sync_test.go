package reconcile

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/sandbox/discoveryengine"
)

func TestFullThenIncrementalThenIdle(t *testing.T) {
	w := newWorld(t)
	w.fill(500)
	w.exec(`INSERT INTO docs VALUES ('skipped-1', 'x', 1, 'image/gif')`)
	w.set.RescanInterval = time.Hour

	r := w.want(w.run(), Imported)
	if r.Documents != 500 || r.Upserted != 500 || r.Skipped != 1 || r.Bytes == 0 {
		t.Errorf("full sync: %+v", r.Summary)
	}
	if want := `"rows_by_type":{"image/gif":1}`; !strings.Contains(r.log, want) {
		t.Errorf("the log does not say %s:\n%s", want, r.log)
	}
	w.wantInSync()
	w.wantTidy()
	if s := w.store.Stats(); s.ImportsFull != 1 || s.ImportsStorage != 1 {
		t.Errorf("full sync: %+v", s)
	}

	w.exec(`UPDATE docs SET body = 'changed' WHERE id IN ('doc-00001', 'doc-00002')`)
	w.exec(`DELETE FROM docs WHERE id = 'doc-00003'`)
	w.exec(`INSERT INTO docs VALUES ('new-1', 'new')`)
	w.store.ResetStats()
	r = w.want(w.run(), Imported)
	if r.Documents != 500 || r.Upserted != 3 || r.Deleted != 1 {
		t.Errorf("incremental sync: %+v", r.Summary)
	}
	w.wantInSync()
	w.wantTidy()
	if s := w.store.Stats(); s.ImportsIncremental != 1 || s.ImportsInline != 1 || s.Written != 3 || s.Deleted != 1 {
		t.Errorf("incremental sync: %+v", s)
	}

	w.store.ResetStats()
	w.resetLog()
	r = w.want(w.run(), Unchanged)
	if r.Documents != 500 || r.Upserted != 0 {
		t.Errorf("idle tick: %+v", r.Summary)
	}
	if s := w.store.Stats(); s != (discoveryengine.Stats{}) {
		t.Errorf("idle tick: %+v", s)
	}
	if n := len(w.requests()); n != 2 {
		t.Errorf("idle tick made %d requests of the bucket, want 2, to find and read the ledger: %+v", n, w.requests())
	}
}

func TestUnchangedScanWritesNoDocument(t *testing.T) {
	w := newWorld(t)
	w.fill(50)
	w.want(w.run(), Imported)
	w.store.ResetStats()
	w.resetLog()
	w.want(w.run(), Unchanged)
	for _, req := range w.requests() {
		if req.Method != "GET" {
			t.Errorf("%s of %s", req.Op, req.Object)
		}
	}
	if s := w.store.Stats(); s != (discoveryengine.Stats{}) {
		t.Errorf("data store: %+v", s)
	}
}

func TestLargeChangeGoesThroughTheBucket(t *testing.T) {
	w := newWorld(t)
	w.fill(400)
	w.want(w.run(), Imported)
	w.store.ResetStats()
	w.exec(`UPDATE docs SET body = 'changed' WHERE id <= 'doc-00200'`)
	r := w.want(w.run(), Imported)
	if r.Upserted != 200 {
		t.Errorf("%+v", r.Summary)
	}
	if s := w.store.Stats(); s.ImportsStorage != 1 || s.ImportsIncremental != 1 || s.Written != 200 {
		t.Errorf("%+v", s)
	}
	w.wantInSync()
	w.wantTidy()
}

func TestPendingImportIsPickedUp(t *testing.T) {
	w := newWorld(t)
	w.fill(300)
	w.set.ImportWait = 0
	w.engine.Hold()
	defer w.engine.Release()
	w.want(w.run(), Pending)
	w.exec(`INSERT INTO docs VALUES ('later', 'x')`)
	r := w.want(w.run(), Pending)
	if s := w.store.Stats(); s.ImportsFull+s.ImportsIncremental != 1 {
		t.Errorf("a second import was started beside the first: %+v", s)
	}
	if r.PendingAge == 0 {
		t.Error("the pending import has no age")
	}
	w.engine.Release()
	w.awaitOperations()
	w.set.ImportWait = 20 * time.Second
	if r := w.want(w.run(), Imported); r.Upserted != 301 {
		t.Errorf("%+v", r.Summary)
	}
	w.wantInSync()
	w.wantTidy()
}

func TestPlanShowsWhatSyncDoes(t *testing.T) {
	w := newWorld(t)
	w.fill(20)
	w.want(w.run(), Imported)
	w.exec(`UPDATE docs SET body = 'changed' WHERE id = 'doc-00002'`)
	w.exec(`DELETE FROM docs WHERE id = 'doc-00003'`)
	w.exec(`INSERT INTO docs VALUES ('new-1', 'new')`)
	w.resetLog()
	clients, err := w.open(t.Context(), w.set)
	if err != nil {
		t.Fatal(err)
	}
	var changes []string
	run := Run{Settings: w.set, Clients: clients.Clients, Log: testLogger(t)}
	p, err := run.Plan(t.Context(), func() func(diff.Change) {
		changes = nil
		return func(c diff.Change) { changes = append(changes, string(c.Kind)+" "+string(c.ID)) }
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.New != 1 || p.Changed != 1 || p.Gone != 1 || p.Send != 2 || p.Full || p.Stop != nil {
		t.Errorf("plan %+v", p)
	}
	if got, want := strings.Join(changes, ", "), "~ doc-00002, + new-1, - doc-00003"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	for _, req := range w.requests() {
		if req.Method != "GET" {
			t.Errorf("plan did %s of %s", req.Op, req.Object)
		}
	}
	clients.close()
	r := w.want(w.run(), Imported)
	if r.Upserted != p.Send || r.Deleted != p.Gone || r.Bytes != p.Bytes {
		t.Errorf("sync %+v, plan %+v", r.Summary, p)
	}
}

func TestSecondRunIsSkipped(t *testing.T) {
	w := newWorld(t)
	w.fill(5)
	clients, err := w.open(t.Context(), w.set)
	if err != nil {
		t.Fatal(err)
	}
	first := &Run{Settings: w.set, Clients: clients.Clients, Log: testLogger(t)}
	if locked, err := first.lock(t.Context()); err != nil || !locked {
		t.Fatalf("lock: %v, %v", locked, err)
	}
	second, err := w.open(t.Context(), w.set)
	if err != nil {
		t.Fatal(err)
	}
	defer second.close()
	summary, err := (&Run{Settings: w.set, Clients: second.Clients, Log: testLogger(t)}).Sync(t.Context())
	if err != nil || summary.Outcome != Skipped {
		t.Errorf("second run: %+v, %v", summary, err)
	}
	clients.close()
	second.close()
	w.gone()
	w.want(w.run(), Imported)
}

// A mistake in the program ends a run as any failure does; the next one does its work.
func TestPanicIsAFailure(t *testing.T) {
	w := newWorld(t)
	w.fill(20)
	clients, err := w.open(t.Context(), w.set)
	if err != nil {
		t.Fatal(err)
	}
	run := Run{Settings: w.set, Clients: clients.Clients, Log: testLogger(t), Progress: func(int64, int64) { panic("mistake") }}
	summary, err := run.Sync(t.Context())
	clients.close()
	var caught *panics.Error
	if !errors.As(err, &caught) || summary.Outcome != Failed {
		t.Fatalf("%+v %v, want the panic as an error", summary, err)
	}
	w.gone()
	w.want(w.run(), Imported)
	w.wantInSync()
}

// A run that ends before it reads the source reports what is known of it: a zero would look like an empty database.
func TestDocumentsAreReportedWithoutReadingTheSource(t *testing.T) {
	w := newWorld(t)
	w.fill(300)
	total := func(what string, want Outcome) {
		t.Helper()
		if r := w.want(w.run(func(s *Settings) { s.ImportWait = 0 }), want); r.Documents != 300 {
			t.Errorf("%s: %d documents, want 300", what, r.Documents)
		}
	}
	w.engine.Hold()
	defer w.engine.Release()
	total("starts", Pending)
	total("is still running", Pending)
	w.exec(`ALTER TABLE docs RENAME TO hidden`)
	w.engine.Release()
	w.awaitOperations()
	total("cannot read the source", Failed)
	w.exec(`ALTER TABLE hidden RENAME TO docs`)
	w.want(w.run(), Imported)
}
