package reconcile

import (
	"errors"
	"strings"
	"testing"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"

	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/sandbox/discoveryengine"
)

func TestGuards(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(w *world)
		change func(s *Settings)
		want   string
	}{
		"more than half": {
			before: func(w *world) { w.exec(`DELETE FROM docs WHERE id > 'doc-00004'`) },
			want:   "the sync would delete 6 of 10 documents, more than MAX_DELETE_RATIO=0.5 allows",
		},
		"more than half by a full sync": {
			before: func(w *world) { w.exec(`DELETE FROM docs WHERE id > 'doc-00004'`) },
			change: func(s *Settings) { s.Full = true },
			want:   "the sync would delete 6 of 10 documents, more than MAX_DELETE_RATIO=0.5 allows",
		},
		"no row": {
			before: func(w *world) { w.exec(`DELETE FROM docs`) },
			want:   "the query returned no row: the sync would delete all 10 documents",
		},
		"another source and no manifest": {
			before: func(w *world) {
				objects.Empty(w.bucket)
				w.exec(`UPDATE docs SET id = 'other-' || id`)
			},
			want: "the sync would delete 10 of 10 documents, more than MAX_DELETE_RATIO=0.5 allows",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(10)
			w.want(w.run(), Imported)
			tt.before(w)
			if tt.change == nil {
				tt.change = func(*Settings) {}
			}
			held := w.held()
			w.resetLog()
			r := w.want(w.run(tt.change), Failed)
			if r.err.Error() != tt.want || !stopped(r.err) {
				t.Errorf("error %q, want %q", r.err, tt.want)
			}
			for _, req := range w.requests() {
				if req.Op == "objects.insert" || req.Op == "objects.delete" {
					t.Errorf("the run stopped, but did %s of %s", req.Op, req.Object)
				}
			}
			if len(w.held()) != len(held) {
				t.Errorf("%d documents, want %d", len(w.held()), len(held))
			}
			w.want(w.run(tt.change, func(s *Settings) { s.AllowMassDelete = true }), Imported)
			w.wantInSync()
		})
	}
}

func TestFirstRunOverAnEmptySource(t *testing.T) {
	w := newWorld(t)
	if r := w.want(w.run(), Failed); r.err.Error() != "the query returned no row: the sync would leave the data store empty" {
		t.Errorf("error %v", r.err)
	}
	if n := len(objects.List(w.bucket, "")); n != 0 {
		t.Errorf("%d objects", n)
	}
}

func TestHalfMayGo(t *testing.T) {
	w := newWorld(t)
	w.fill(10)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs WHERE id > 'doc-00005'`)
	w.want(w.run(), Imported)
	w.wantInSync()
}

func TestAllRowsSkipped(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	w.exec(`UPDATE docs SET mime = 'image/gif'`)
	if r := w.run(); !strings.Contains(r.log, `"level":"WARN","msg":"every row was skipped for its MIME type","rows_by_type":{"image/gif":3}`) {
		t.Errorf("log %s", r.log)
	}
}

// A run that found nothing but rows of other MIME types allows no later one to read no row at all.
func TestSkippedRowsAllowNothing(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	w.exec(`UPDATE docs SET mime = 'image/gif'`)
	w.want(w.run(), Unchanged)
	w.exec(`DELETE FROM docs`)
	if r := w.want(w.run(), Failed); !stopped(r.err) {
		t.Errorf("not stopped: %v", r.err)
	}
}

// Rows that a policy hides look as if they were deleted: a run that deletes a notable share of the documents says so, and so
// does the guard that stops one.
func TestHiddenRows(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	w.want(w.run(), Imported)
	w.exec(`ALTER TABLE docs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`) // the world's role owns the table
	w.exec(`CREATE POLICY most ON docs USING (id > 'doc-00030')`)
	if r := w.want(w.run(), Imported); r.Deleted != 30 || !strings.Contains(r.log, "row-level security may hide their rows") || !strings.Contains(r.log, w.bucket+".docs has row-level security") {
		t.Errorf("%+v\n%s", r.Summary, r.log)
	}
	w.exec(`ALTER POLICY most ON docs USING (id > 'doc-00090')`)
	r := w.want(w.run(), Failed)
	var stop *massDeleteError
	if !errors.As(r.err, &stop) || !strings.Contains(stop.Hint(), w.bucket+".docs has row-level security") {
		t.Errorf("%v", r.err)
	}
}

// A plan shows the full sync that an allowed mass delete becomes.
func TestPlanOfAnAllowedMassDelete(t *testing.T) {
	w := newWorld(t)
	w.set.MaxDeletions = 10
	w.fill(60)
	w.want(w.run(), Imported)
	w.exec(`DELETE FROM docs WHERE id > 'doc-00020'`)
	clients, err := w.open(t.Context(), w.set)
	if err != nil {
		t.Fatal(err)
	}
	defer clients.close()
	set := w.set
	set.AllowMassDelete = true
	var removed int
	run := Run{Settings: set, Clients: clients.Clients, Log: testLogger(t)}
	p, err := run.Plan(t.Context(), func() func(diff.Change) {
		removed = 0
		return func(c diff.Change) {
			if c.Kind == diff.Remove {
				removed++
			}
		}
	})
	if err != nil || p.Stop != nil || !p.Full || p.Send != 20 || p.Gone != 40 || removed != 40 {
		t.Errorf("plan %+v, %d removed, error %v", p, removed, err)
	}
}

// A data store that takes no imports ends a run before it writes anything, as another kind of documents does.
func TestDataStoreWithoutImports(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	w.engine.CreateDataStore(discoveryengine.StoreConfig{Project: "project", ID: w.bucket, Content: discoveryenginepb.DataStore_PUBLIC_WEBSITE})
	r := w.want(w.run(), Failed)
	var advice *refusal.Advice
	if !errors.As(r.err, &advice) || !advice.Config || !strings.Contains(r.err.Error(), "takes no imported documents") {
		t.Errorf("%v", r.err)
	}
	if n := len(objects.List(w.bucket, "")); n != 0 {
		t.Errorf("%d objects", n)
	}
}
