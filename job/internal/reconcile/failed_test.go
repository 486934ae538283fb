package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/sandbox/discoveryengine"
)

// Bad rows cost their documents and not the run: they are named once, counted from then on, and cost an idle tick no scan.
func TestRefusedDocumentsAreLivedWith(t *testing.T) {
	w := newWorld(t)
	w.set.RescanInterval = time.Hour
	w.set.MaxFailed = config.Limit{Count: 4}
	w.fill(10)
	w.want(w.run(), Imported)
	w.exec(`INSERT INTO docs (id, body, score) VALUES ('bad id', 'x', 1), ('nan', 'x', 'NaN'), ('good', 'x', 1), ('doc-00001', 'twice', 1)`)
	w.exec(`UPDATE docs SET body = 'changed' WHERE id = 'doc-00002'`)
	r := w.want(w.run(), Imported)
	if r.Failed != 3 {
		t.Errorf("%+v", r.Summary)
	}
	for _, id := range []string{`"id":"bad id"`, `"id":"nan"`, `"id":"doc-00001"`} {
		if !strings.Contains(r.log, id) {
			t.Errorf("the log does not name %s:\n%s", id, r.log)
		}
	}
	held := w.held()
	if held["good"] != "x" || held["doc-00002"] != "changed" || len(held) != 11 {
		t.Errorf("data store: %v", held)
	}
	if r := w.want(w.run(), Unchanged); r.Failed != 3 || strings.Contains(r.log, "reading the source") {
		t.Errorf("idle tick: %+v\n%s", r.Summary, r.log)
	}
	// A good version of a row that went bad stays searchable, and only what is new is named.
	w.exec(`UPDATE docs SET score = 'NaN' WHERE id = 'doc-00005'`)
	r = w.want(w.run(), Unchanged)
	if r.Failed != 4 || !strings.Contains(r.log, `"id":"doc-00005"`) || strings.Contains(r.log, `"id":"nan"`) {
		t.Errorf("%+v\n%s", r.Summary, r.log)
	}
	if !strings.Contains(r.log, "stays searchable until the next full sync") {
		t.Errorf("the log does not say what becomes of the earlier version:\n%s", r.log)
	}
	if !strings.Contains(r.log, `"failed":4,"reasons":[{"reason":"column \"score\"`) {
		t.Errorf("the log does not count by reason:\n%s", r.log)
	}
	if _, ok := w.held()["doc-00005"]; !ok {
		t.Error("a document was removed because its row went bad")
	}
	w.exec(`DELETE FROM docs WHERE id IN ('bad id', 'nan') OR body = 'twice'`)
	w.exec(`UPDATE docs SET score = 1`)
	if r := w.want(w.run(), Unchanged); r.Failed != 0 {
		t.Errorf("%+v", r.Summary)
	}
	w.wantInSync()
	w.wantTidy()
}

// Above MAX_FAILED a run fails, every time, and still brings the rest in sync.
func TestTooManyFailed(t *testing.T) {
	w := newWorld(t)
	w.set.RescanInterval, w.set.MaxFailed = time.Hour, config.Limit{Share: 0.01}
	w.fill(150)
	w.exec(`INSERT INTO docs (id, body) VALUES ('bad id', 'x')`)
	w.want(w.run(), Imported) // 1 of 151 is within 1 %
	w.exec(`INSERT INTO docs (id, body) VALUES ('bad id 2', 'x'), ('good', 'x')`)
	for _, upserted := range []int64{1, 0} {
		r := w.want(w.run(), Failed)
		if want := "2 documents failed, MAX_FAILED allows 1; all others are in sync"; r.err.Error() != want || r.Upserted != upserted {
			t.Errorf("error %q, want %q; %+v", r.err, want, r.Summary)
		}
	}
	if w.held()["good"] != "x" {
		t.Error("the rest is not in sync")
	}
}

// A source of which every row is refused is a fault of the query, and no permission lets it empty the data store.
func TestAllRowsRefused(t *testing.T) {
	w := newWorld(t)
	w.fill(10)
	w.want(w.run(), Imported)
	w.exec(`UPDATE docs SET score = 'NaN'`)
	for _, full := range []bool{false, true} {
		r := w.want(w.run(func(s *Settings) { s.Full, s.AllowMassDelete = full, true }), Failed)
		if want := "none of 10 rows can become a document: 10 refused, 0 skipped for their MIME type"; !stopped(r.err) || r.err.Error() != want {
			t.Errorf("error %q, want %q", r.err, want)
		}
	}
	if n := w.store.Len(); n != 10 {
		t.Errorf("%d documents", n)
	}
}

// What the service rejected is not tried on every tick, but when it changes and with the next full sync.
func TestRejectedDocumentsAreRemembered(t *testing.T) {
	for _, many := range []bool{false, true} {
		t.Run(fmt.Sprint("many=", many), func(t *testing.T) {
			w := newWorld(t)
			w.set.MaxFailed = config.Limit{Count: 1}
			w.fill(400)
			w.want(w.run(), Imported)
			w.change(many)
			undo := documents(func(id string) bool { return id == "doc-00003" })(w)
			r := w.want(w.run(), Imported)
			if r.Failed != 1 || !strings.Contains(r.log, "document rejected by Vertex AI Search") {
				t.Errorf("%+v\n%s", r.Summary, r.log)
			}
			w.store.ResetStats()
			if r := w.want(w.run(), Unchanged); r.Failed != 1 || w.store.Stats() != (discoveryengine.Stats{}) {
				t.Errorf("the next run: %+v, %+v", r.Summary, w.store.Stats())
			}
			w.exec(`UPDATE docs SET body = 'mended' WHERE id = 'doc-00003'`)
			if r := w.run(); r.Upserted != 0 || r.Failed != 1 {
				t.Errorf("changed and rejected again: %+v", r.Summary)
			}
			undo()
			if r := w.want(w.run(func(s *Settings) { s.Full = true }), Imported); r.Failed != 0 {
				t.Errorf("full sync: %+v", r.Summary)
			}
			w.want(w.run(), Unchanged)
			w.wantInSync()
			w.wantTidy()
		})
	}
}

// The service says how many documents it rejected, and not which. They are counted until the next full sync, and nothing is
// sent again and again for it.
func TestUnnamedRejections(t *testing.T) {
	w := newWorld(t)
	w.set.MaxFailed = config.Limit{Count: 1}
	w.fill(400)
	w.want(w.run(), Imported)
	w.change(false)
	w.engine.AnonymousErrors(true)
	undo := documents(func(id string) bool { return id == "doc-00003" })(w)
	r := w.want(w.run(), Imported)
	w.engine.AnonymousErrors(false)
	undo()
	if r.Failed != 1 || !strings.Contains(r.log, "the service did not say which documents it rejected") {
		t.Errorf("%+v\n%s", r.Summary, r.log)
	}
	w.store.ResetStats()
	for range 2 {
		if r := w.want(w.run(), Unchanged); r.Failed != 1 || w.store.Stats() != (discoveryengine.Stats{}) {
			t.Errorf("the next run: %+v, %+v", r.Summary, w.store.Stats())
		}
	}
	w.want(w.run(func(s *Settings) { s.Full = true }), Imported)
	if r := w.want(w.run(), Unchanged); r.Failed != 0 {
		t.Errorf("%+v", r.Summary)
	}
	w.wantInSync()
}

// A query whose documents always differ is named after two runs.
func TestChurnIsNamed(t *testing.T) {
	w := newWorld(t)
	w.fill(50)
	w.want(w.run(), Imported)
	for run := range 3 {
		w.exec(`UPDATE docs SET body = body || '.'`)
		if got, want := strings.Contains(w.run().log, "nearly every document changed in several runs in a row"), run >= 1; got != want {
			t.Errorf("run %d: warned %v, want %v", run, got, want)
		}
	}
}

// A service may count more failures than it was given documents: that many were rejected, and none accepted. An import may
// be as large as the service takes.
func TestCountsOfAnImport(t *testing.T) {
	w := newWorld(t)
	w.fill(300)
	w.set.ImportWait = 0
	w.engine.Hold()
	defer w.engine.Release()
	w.want(w.run(), Pending)
	clients, err := w.open(t.Context(), w.set)
	if err != nil {
		t.Fatal(err)
	}
	defer clients.close()
	var did, large Summary
	run := Run{Settings: w.set, Clients: clients.Clients, Log: testLogger(t)}
	i := run.importer(names.Run("x"), &did)
	s, _, err := i.confirm(t.Context(), w.state(), datastore.Progress{Done: true, Counted: true, Failed: 1000})
	if err != nil || did.Upserted != 0 || did.Bytes != 0 || did.Failed != 300 || s.Unnamed != 300 {
		t.Errorf("%+v, %d without a name, error %v", did, s.Unnamed, err)
	}

	// As many documents, and bytes, as an import takes.
	s.Pending = &ledger.Import{Documents: 100_000_000, Bytes: 190e9, Upserted: &ledger.Segment{Name: names.Run("x") + "upserted", Entries: 100_000_000}}
	i = run.importer(names.Run("y"), &large)
	if _, _, err := i.confirm(t.Context(), s, datastore.Progress{Done: true}); err != nil || large.Bytes != 190e9 {
		t.Errorf("%+v, error %v", large, err)
	}
}
