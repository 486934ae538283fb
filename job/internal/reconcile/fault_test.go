package reconcile

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	remedies "vertexmetadata/job/internal/refusal"
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

// heals fails the test unless two further runs bring the data store in step, and the bucket is tidy then.
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

// Every fault: what breaks the first run after a change, how that run ends, and what its log says.
func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		many  bool // the change goes through the bucket
		full  bool // the run is a full sync
		long  bool // the fault outlasts every retry, so there is no use in many
		fault func(w *world) (undo func())
		want  Outcome
		says  string // in the error, or in the log when the run does not fail
	}{
		"import refused for a moment": {
			fault: refuse("ImportDocuments", 1, codes.Unavailable), want: Imported, says: "import done",
		},
		"import refused for long": {
			long: true, fault: refuse("ImportDocuments", -1, codes.ResourceExhausted), want: Pending, says: "the service is busy, the next run starts the import",
		},
		"import refused because another runs": {
			long: true, fault: refuse("ImportDocuments", -1, codes.Aborted), want: Pending, says: "the service is busy, the next run starts the import",
		},
		"import not permitted": {
			fault: refuse("ImportDocuments", -1, codes.PermissionDenied), want: Failed, says: "access denied",
		},
		"full import refused": {
			full: true, long: true, fault: refuse("ImportDocuments", -1, codes.Unavailable), want: Failed, says: "start import of 397 documents",
		},
		"import fails": {
			fault: operation(0), want: Failed, says: "failed, the next run retries: ",
		},
		"import fails half way": {
			many: true, fault: operation(0.5), want: Failed, says: "failed, the next run retries: ",
		},
		"full import fails half way": {
			full: true, fault: operation(0.5), want: Failed, says: "failed, the next run retries: ",
		},
		"some documents fail": {
			many: true, fault: documents(discoveryengine.Percent(5)), want: Imported, says: "document rejected by Vertex AI Search",
		},
		"some documents of a full import fail": {
			full: true, fault: documents(discoveryengine.Percent(5)), want: Imported, says: "document rejected by Vertex AI Search",
		},
		"some inline documents fail": {
			fault: documents(func(id string) bool { return id == "doc-00003" }), want: Imported, says: `"id":"doc-00003"`,
		},
		"some documents fail and the service tells their lines alone": {
			many: true, want: Imported, says: "at or next to a line that was rejected",
			fault: func(w *world) func() {
				engine.AnonymousErrors(true)
				undo := documents(discoveryengine.Percent(5))(w)
				return func() { engine.AnonymousErrors(false); undo() }
			},
		},
		"some inline documents fail and the service does not say which": {
			want: Imported, says: "did not say which documents",
			fault: func(w *world) func() {
				engine.AnonymousErrors(true)
				undo := documents(func(id string) bool { return id == "doc-00003" })(w)
				return func() { engine.AnonymousErrors(false); undo() }
			},
		},
		"reply of an import that has ended is lost": {
			want: Imported, says: "import done",
			fault: func(w *world) func() {
				// The service answers only when the operation is done, so no import runs when the reply is lost.
				engine.SetHooks(nil, func(c discoveryengine.Call) {
					if c.Method == "ImportDocuments" {
						if err := engine.Wait(w.t.Context()); err != nil {
							w.t.Error(err)
						}
					}
				})
				undo := lose("ImportDocuments")(w)
				return func() { engine.SetHooks(nil, nil); undo() }
			},
		},
		"operation is forgotten": {
			want: Failed, says: "does not know the operation",
			fault: func(w *world) func() {
				engine.SetHooks(nil, func(c discoveryengine.Call) {
					if c.Method == "ImportDocuments" {
						engine.ForgetOperations()
					}
				})
				return func() { engine.SetHooks(nil, nil) }
			},
		},
		"poll fails for a moment": {
			fault: refuse("GetOperation", 2, codes.Unavailable), want: Imported, says: "import done",
		},
		"deletion refused": {
			fault: refuse("DeleteDocument", -1, codes.PermissionDenied), want: Failed, says: "access denied",
		},
		"deletion refused for a moment": {
			fault: refuse("DeleteDocument", 2, codes.Unavailable), want: Imported, says: "documents deleted",
		},
		"storage unavailable for a moment": {
			many: true, fault: status(503, 2, "*"), want: Imported, says: "import done",
		},
		"storage asks to slow down": {
			many: true, fault: status(429, 2, "*"), want: Imported, says: "import done",
		},
		"storage unavailable for long": {
			long: true, fault: status(503, -1, "*"), want: Failed, says: "list gs://",
		},
		"ledger cannot be written": {
			fault: func(w *world) func() {
				return objects.Inject(storage.Fault{Op: storage.OpInsert, Object: layout.Revisions() + "*", Status: 403, Count: -1}).Remove
			},
			want: Failed, says: "access denied",
		},
		"reply of a write of the ledger is lost": {
			fault: func(w *world) func() {
				return objects.Inject(storage.Fault{Op: storage.OpInsert, Object: layout.Revisions() + "*", DropReply: true, Count: 2}).Remove
			},
			want: Imported, says: "import done",
		},
		"upload is cut": {
			full: true,
			fault: func(w *world) func() {
				return objects.Inject(storage.Fault{Op: storage.OpInsert, Object: layout.Snapshot(1, 1), Cut: true, CutAfter: 1000}).Remove
			},
			want: Imported, says: "import done",
		},
		"clean-up fails": {
			many: true,
			fault: func(w *world) func() {
				return objects.Inject(storage.Fault{Op: storage.OpDelete, Status: 403, Count: -1}).Remove
			},
			want: Imported, says: "cannot clean up objects",
		},
		"source is locked for the reader": {
			fault: func(w *world) func() {
				w.exec(`ALTER TABLE docs RENAME TO hidden`)
				return func() { w.exec(`ALTER TABLE hidden RENAME TO docs`) }
			},
			want: Failed, says: `relation "docs" does not exist`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(400)
			w.want(w.run(), Imported)
			w.change(tt.many)
			undo, budget := tt.fault(w), w.config.Budget
			if tt.long {
				w.config.Budget = budget / 2
			}
			r := w.run(func(s *Settings) { s.Full = tt.full })
			undo()
			w.config.Budget = budget
			w.want(r, tt.want)
			said := r.log
			if tt.want == Failed {
				said += r.err.Error() + remedies.HintOf(r.err)
			}
			if !strings.Contains(said, tt.says) {
				t.Errorf("neither log nor error says %q: %v\n%s", tt.says, r.err, r.log)
			}
			if tt.want == Imported && r.Failed == 0 {
				w.wantInSync()
			}
			w.heals()
		})
	}
}

func refuse(method string, count int, code codes.Code) func(*world) func() {
	return func(*world) func() {
		return engine.Inject(discoveryengine.Fault{Method: method, Count: count, Code: code}).Remove
	}
}

func lose(method string) func(*world) func() {
	return func(*world) func() {
		return engine.Inject(discoveryengine.Fault{Method: method, DropReply: true}).Remove
	}
}

func operation(applied float64) func(*world) func() {
	return func(*world) func() {
		return engine.FailOperations(discoveryengine.OperationFault{Applied: applied})
	}
}

func documents(choose func(id string) bool) func(*world) func() {
	return func(*world) func() {
		engine.FailDocuments(choose)
		return func() { engine.FailDocuments(nil) }
	}
}

func status(code, count int, object string) func(*world) func() {
	return func(*world) func() {
		return objects.Inject(storage.Fault{Object: object, Status: code, Count: count}).Remove
	}
}

// steps lets a run take n requests of the bucket and the data store and then ends it, as a kill would: no later request
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
		objects.SetHooks(storageHook(b), storageHook(a))
		engine.SetHooks(engineHook(b), engineHook(a))
	}
	hooks(!after, after)
	defer hooks(false, false)
	r := w.runContext(ctx, change...)
	return r, cut.Load()
}

func storageHook(f func()) storage.Hook {
	if f == nil {
		return nil
	}
	return func(storage.Request) { f() }
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

// How long the randomised tests run, and from which seed: make soak runs them long.
var (
	rounds = flag.Int("rounds", 40, "rounds of the randomised tests")
	seed   = flag.Uint64("seed", 1, "seed of the randomised tests; 0: from the clock")
)

// hideAndShow takes some documents out of the source and brings others back as they were.
const hideAndShow = `UPDATE docs SET mime = CASE mime WHEN 'image/png' THEN 'image/gif' ELSE 'image/png' END WHERE random() < $1`

// The randomised test of the whole protocol: random changes, faults and cuts, many rounds; in the end the data store must
// equal the source. The seed is printed, so that a failure can be repeated.
func TestRandomFaults(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	r := rand.New(rand.NewPCG(*seed, 0))
	w := newWorld(t)
	w.set.RescanInterval = []time.Duration{0, time.Hour}[r.IntN(2)]
	w.fill(600)
	next := 600
	for round := range *rounds {
		w.exec(hideAndShow, []float64{0, 0.005, 0.03}[r.IntN(3)])
		w.exec(`UPDATE docs SET body = body || '.' WHERE random() < $1`, []float64{0, 0.005, 0.3}[r.IntN(3)])
		w.exec(`DELETE FROM docs WHERE random() < $1`, []float64{0, 0.005, 0.05}[r.IntN(3)])
		added := r.IntN(60)
		w.exec(`INSERT INTO docs (id, body) SELECT 'doc-' || lpad(g::text, 5, '0'), 'again ' || g FROM generate_series($1::int, $2::int) g`, next+1, next+added)
		next += added
		undo := func() {}
		switch r.IntN(8) {
		case 0:
			undo = operation(r.Float64())(w)
		case 1:
			undo = documents(discoveryengine.Percent(r.IntN(30)))(w)
		case 2:
			undo = refuse("ImportDocuments", 1+r.IntN(3), codes.Unavailable)(w)
		case 3:
			undo = lose([]string{"ImportDocuments", "GetOperation", "DeleteDocument"}[r.IntN(3)])(w)
		case 4:
			undo = objects.Inject(storage.Fault{Status: 503, Skip: r.IntN(20), Count: 1 + r.IntN(2)}).Remove
		case 5:
			undo = objects.Inject(storage.Fault{DropReply: true, Skip: r.IntN(20)}).Remove
		case 6:
			undo = engine.Inject(discoveryengine.Fault{Method: "DeleteDocument", Skip: r.IntN(4), Count: 1 + r.IntN(2), Code: codes.Internal}).Remove
		}
		full := func(s *Settings) { s.Full = r.IntN(10) == 0 }
		if r.IntN(2) == 0 {
			w.cutAfter(r.IntN(25), r.IntN(2) == 0, full)
		} else {
			w.run(full)
		}
		undo()
		if r.IntN(4) == 0 {
			w.heals()
		}
		if t.Failed() {
			t.Fatalf("round %d of seed %d", round, *seed)
		}
	}
	w.heals()
	w.want(w.run(), Unchanged)
}
