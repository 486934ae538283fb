package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/refusal"
)

// want fails the test unless the run ended with an outcome.
func (w *world) want(r result, outcome Outcome) result {
	w.t.Helper()
	if r.Outcome != outcome || (r.err != nil) != (outcome == Failed) {
		w.t.Fatalf("outcome %s, error %v; want %s\n%s", r.Outcome, r.err, outcome, r.log)
	}
	return r
}

// truth is what the data store should hold: id -> body.
func (w *world) truth() map[string]string {
	w.t.Helper()
	rows, err := w.conn.Query(context.Background(), `SELECT id, body FROM docs WHERE mime = 'image/png' AND score <> 'NaN'`)
	if err != nil {
		w.t.Fatal(err)
	}
	truth := map[string]string{}
	var id, body string
	if _, err := pgx.ForEachRow(rows, []any{&id, &body}, func() error { truth[id] = body; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return truth
}

// held is what the data store holds.
func (w *world) held() map[string]string {
	w.t.Helper()
	held := map[string]string{}
	for id, line := range w.store.Documents() {
		var d struct {
			StructData struct{ Body string }
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			w.t.Fatal(err)
		}
		held[id] = d.StructData.Body
	}
	return held
}

// wantInSync fails the test unless the data store equals the source.
func (w *world) wantInSync() {
	w.t.Helper()
	if diff := cmp.Diff(w.truth(), w.held()); diff != "" {
		w.t.Fatalf("data store differs from the source (-source +data store):\n%s", diff)
	}
}

// newest names the object of the ledger's last revision.
func (w *world) newest() string {
	w.t.Helper()
	list := objects.List(w.bucket, names.Revisions())
	if len(list) == 0 {
		w.t.Fatal("there is no ledger")
	}
	return list[len(list)-1].Name
}

// state is what the ledger says.
func (w *world) state() ledger.State {
	w.t.Helper()
	clients, err := w.open(w.t.Context(), w.set)
	if err != nil {
		w.t.Fatal(err)
	}
	defer clients.close()
	s, doubt, err := ledger.NewStore(clients.Bucket, names, w.set.DataStore).Load(w.t.Context())
	if err != nil || doubt != nil {
		w.t.Fatal(err, doubt)
	}
	return s
}

// names are those of the objects of every world.
var names = layout.New("")

// wantTidy fails the test if the bucket holds anything that the ledger does not need.
func (w *world) wantTidy() {
	w.t.Helper()
	s := w.state()
	needed := s.Objects()
	for _, o := range objects.List(w.bucket, names.Internal()) {
		if n, ok := names.RevisionOf(o.Name); ok && n > s.Revision-ledger.KeptRevisions {
			continue
		}
		if !within(needed, o.Name) {
			w.t.Errorf("object %s is left over", o.Name)
		}
	}
	for _, o := range objects.List(w.bucket, "") {
		if !strings.HasPrefix(o.Name, names.Internal()) && !slices.Contains(s.Snapshot, o.Name) {
			w.t.Errorf("object %s is not part of the snapshot %v", o.Name, s.Snapshot)
		}
	}
}

// stopped reports that an error is a guard's.
func stopped(err error) bool {
	var massDelete *massDeleteError
	var advice *refusal.Advice
	return errors.As(err, &massDelete) || errors.As(err, &advice) && len(advice.Causes) == 0
}
