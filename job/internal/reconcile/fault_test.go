package reconcile

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"vertexmetadata/job/internal/datastore"
	remedies "vertexmetadata/job/internal/refusal"
	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

// fault is what breaks the first run after a change, how that run ends, and what its log says.
type fault struct {
	many    bool // the change goes through the bucket
	full    bool // the run is a full sync
	long    bool // the fault outlasts every retry, so there is no use in many
	rejects bool // documents, not the import
	fault   func(w *world) (undo func())
	want    Outcome
	says    string // in the error, or in the log when the run does not fail
}

// faults are all of them.
var faults = map[string]fault{
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
		fault: operation(0), want: Failed, says: "documents failed: ",
	},
	"import fails half way": {
		many: true, fault: operation(0.5), want: Failed, says: "documents failed: ",
	},
	"full import fails half way": {
		full: true, fault: operation(0.5), want: Failed, says: "documents failed: ",
	},
	"some documents fail": {
		many: true, fault: documents(discoveryengine.Percent(5)), rejects: true, want: Imported, says: "document rejected by Vertex AI Search",
	},
	"some documents of a full import fail": {
		full: true, fault: documents(discoveryengine.Percent(5)), rejects: true, want: Imported, says: "document rejected by Vertex AI Search",
	},
	"some inline documents fail": {
		fault: documents(func(id string) bool { return id == "doc-00003" }), rejects: true, want: Imported, says: `"id":"doc-00003"`,
	},
	"some documents fail and the service tells their lines alone": {
		many: true, rejects: true, want: Imported, says: "at or next to a line that was rejected",
		fault: func(w *world) func() {
			w.engine.AnonymousErrors(true)
			undo := documents(discoveryengine.Percent(5))(w)
			return func() { w.engine.AnonymousErrors(false); undo() }
		},
	},
	"some inline documents fail and the service does not say which": {
		rejects: true, want: Imported, says: "did not say which documents",
		fault: func(w *world) func() {
			w.engine.AnonymousErrors(true)
			undo := documents(func(id string) bool { return id == "doc-00003" })(w)
			return func() { w.engine.AnonymousErrors(false); undo() }
		},
	},
	"reply of an import that has ended is lost": {
		want: Imported, says: "import done",
		fault: func(w *world) func() {
			// The service answers only when the operation is done, so no import runs when the reply is lost.
			w.engine.SetHooks(nil, func(c discoveryengine.Call) {
				if c.Method == "ImportDocuments" {
					if err := w.engine.Wait(w.t.Context()); err != nil {
						w.t.Error(err)
					}
				}
			})
			undo := lose("ImportDocuments")(w)
			return func() { w.engine.SetHooks(nil, nil); undo() }
		},
	},
	"operation is forgotten": {
		want: Failed, says: "does not know the operation",
		fault: func(w *world) func() {
			w.engine.SetHooks(nil, func(c discoveryengine.Call) {
				if c.Method == "ImportDocuments" {
					w.engine.ForgetOperations()
				}
			})
			return func() { w.engine.SetHooks(nil, nil) }
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
			return w.inject(storage.Fault{Op: storage.OpInsert, Object: names.Revisions() + "*", Status: 403, Count: -1}).Remove
		},
		want: Failed, says: "access denied",
	},
	"reply of a write of the ledger is lost": {
		fault: func(w *world) func() {
			return w.inject(storage.Fault{Op: storage.OpInsert, Object: names.Revisions() + "*", DropReply: true, Count: 2}).Remove
		},
		want: Imported, says: "import done",
	},
	"upload is cut": {
		full: true,
		fault: func(w *world) func() {
			return w.inject(storage.Fault{Op: storage.OpInsert, Object: names.Snapshot(1, 1), Cut: true, CutAfter: 1000}).Remove
		},
		want: Imported, says: "import done",
	},
	"clean-up fails": {
		many: true,
		fault: func(w *world) func() {
			return w.inject(storage.Fault{Op: storage.OpDelete, Status: 403, Count: -1}).Remove
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
	"some documents fail and the service tells their lines alone, from 0": {
		many: true, rejects: true, want: Imported, says: "at or next to a line that was rejected",
		fault: func(w *world) func() {
			w.engine.Behave(discoveryengine.Behaviour{ErrorLines: discoveryengine.LinesFromZero, AnonymousErrors: true})
			undo := documents(discoveryengine.Percent(5))(w)
			return func() { w.engine.Behave(discoveryengine.Behaviour{}); undo() }
		},
	},
	"error folder refused": {
		many: true, want: Imported, says: "import done", fault: behave(discoveryengine.Behaviour{ErrorFolder: discoveryengine.NoFolder}),
	},
	"another import runs: ABORTED":             anotherImport(codes.Aborted),
	"another import runs: FAILED_PRECONDITION": anotherImport(codes.FailedPrecondition),
	"another import runs: RESOURCE_EXHAUSTED":  anotherImport(codes.ResourceExhausted),
	"quota of imports from the bucket is used up": {
		many: true, long: true, want: Pending, says: "the service is busy, the next run starts the import",
		fault: func(w *world) func() {
			w.engine.LimitImports(1)
			w.want(w.run(), Imported)
			w.change(true)
			return func() { w.engine.LimitImports(0) }
		},
	},
}

func TestFaults(t *testing.T) {
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := w.meet(tt)
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

// meet lets a run with changes meet the fault.
func (w *world) meet(f fault) result {
	w.t.Helper()
	w.fill(400)
	w.want(w.run(), Imported)
	w.change(f.many)
	undo, config := f.fault(w), w.config
	if f.long {
		w.config.Budget = config.Budget / 4
	}
	r := w.run(func(s *Settings) {
		s.Full = f.full
		if f.long {
			s.ImportWait = 300 * time.Millisecond
		}
	})
	undo()
	w.config = config
	return r
}

func behave(b discoveryengine.Behaviour) func(*world) func() {
	return func(w *world) func() {
		w.engine.Behave(b)
		return func() { w.engine.Behave(discoveryengine.Behaviour{}) }
	}
}

// anotherImport is one that somebody else began, and that the service refuses a second one beside with this code.
func anotherImport(code codes.Code) fault {
	return fault{long: true, want: Pending, says: "the service is busy, the next run starts the import", fault: func(w *world) func() {
		undo := behave(discoveryengine.Behaviour{SecondImport: code})(w)
		store, err := datastore.Open(w.t.Context(), w.config)
		if err != nil {
			w.t.Fatal(err)
		}
		defer store.Close()
		w.engine.Hold()
		unchanged := `{"id": "doc-00300", "structData": {"body": "body 300", "score": 1}, "content": {"mimeType": "image/png", "uri": "gs://images/doc-00300"}}`
		if _, err := store.ImportInline(w.t.Context(), [][]byte{[]byte(unchanged)}, 0); err != nil {
			w.t.Fatal(err)
		}
		return func() { w.engine.Release(); undo(); w.awaitOperations() }
	}}
}

func refuse(method string, count int, code codes.Code) func(*world) func() {
	return func(w *world) func() {
		return w.engine.Inject(discoveryengine.Fault{Method: method, Count: count, Code: code}).Remove
	}
}

func lose(method string) func(*world) func() {
	return func(w *world) func() {
		return w.engine.Inject(discoveryengine.Fault{Method: method, DropReply: true}).Remove
	}
}

func operation(applied float64) func(*world) func() {
	return func(w *world) func() {
		return w.engine.FailOperations(discoveryengine.OperationFault{Applied: applied})
	}
}

func documents(choose func(id string) bool) func(*world) func() {
	return func(w *world) func() {
		w.engine.FailDocuments(choose)
		return func() { w.engine.FailDocuments(nil) }
	}
}

func status(code, count int, object string) func(*world) func() {
	return func(w *world) func() {
		return w.inject(storage.Fault{Object: object, Status: code, Count: count}).Remove
	}
}
