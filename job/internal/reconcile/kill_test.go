package reconcile

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

// change makes documents to import, to change and to remove: through the bucket when many, else inline.
func (w *world) change(many bool) {
	w.t.Helper()
	w.exec(`UPDATE docs SET body = body || '!' WHERE id <= $1`, map[bool]string{false: "doc-00010", true: "doc-00150"}[many])
	w.exec(`DELETE FROM docs WHERE id > 'doc-00395'`)
	w.exec(`INSERT INTO docs (id, body) VALUES ('new-1', 'new'), ('new-2', 'new')`)
}

// heals fails the test unless two further runs bring the data store in sync, and the bucket is tidy then.
func (w *world) heals() {
	w.t.Helper()
	w.run()
	r := w.run()
	if r.Failed > 0 { // rejected documents are sent again when they change, or by a full sync
		r = w.run(func(s *Settings) { s.Full = true })
	}
	if r.err != nil {
		w.t.Fatalf("second run after the fault: %v\n%s", r.err, r.log)
	}
	w.wantInSync()
}

// cutAfter lets a run take n requests of the bucket and the data store and then ends it, as a kill would: no later request
// leaves the process. With after, the last request is done but its reply is lost.
func (w *world) cutAfter(n int, after bool, change ...func(*Settings)) (result, bool) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	var requests atomic.Int64
	var cut atomic.Bool
	hit := func() {
		if requests.Add(1) == int64(n)+1 {
			cut.Store(true)
			cancel()
		}
	}
	hooks := func(before, after bool) {
		var b, a func()
		if before {
			b = hit
		}
		if after {
			a = hit
		}
		objects.SetHooks(w.storageHook(b), w.storageHook(a))
		w.engine.SetHooks(engineHook(b), engineHook(a))
	}
	hooks(!after, after)
	defer hooks(false, false)
	r := w.runContext(ctx, change...)
	return r, cut.Load()
}

func (w *world) storageHook(f func()) storage.Hook {
	if f == nil {
		return nil
	}
	return func(r storage.Request) {
		if r.Bucket == w.bucket {
			f()
		}
	}
}

func engineHook(f func()) discoveryengine.Hook {
	if f == nil {
		return nil
	}
	return func(discoveryengine.Call) { f() }
}

// A run is ended at every single step it takes over the network, before and after the step was done. The next two runs
// must heal that.
func TestEndedAtEveryStep(t *testing.T) {
	for _, tt := range []struct {
		name       string
		many, full bool
	}{
		{name: "inline"},
		{name: "through the bucket", many: true},
		{name: "full", full: true},
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after=%v", tt.name, after), func(t *testing.T) {
				w := newWorld(t)
				w.fill(400)
				w.want(w.run(), Imported)
				for step := 0; ; step++ {
					w.exec(`UPDATE docs SET body = body || '!' WHERE id <= $1`, map[bool]string{false: "doc-00010", true: "doc-00150"}[tt.many])
					w.exec(`INSERT INTO docs (id, body) VALUES ($1, 'new')`, fmt.Sprintf("new-%d", step))
					w.exec(`DELETE FROM docs WHERE id = $1`, fmt.Sprintf("new-%d", step-1))
					r, cut := w.cutAfter(step, after, func(s *Settings) { s.Full = tt.full })
					if !cut {
						w.want(r, Imported)
						break
					}
					w.heals()
				}
				w.want(w.run(), Unchanged)
				w.wantInSync()
			})
		}
	}
}
