package reconcile

import (
	"strings"
	"testing"
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
			objects.ResetLog()
			r := w.want(w.run(tt.change), Failed)
			if r.err.Error() != tt.want || !stopped(r.err) {
				t.Errorf("error %q, want %q", r.err, tt.want)
			}
			for _, req := range objects.Log() {
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
