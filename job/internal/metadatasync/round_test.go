package metadatasync

import (
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
