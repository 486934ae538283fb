package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/manifest"
)

// Somebody who may write into the bucket, and nothing else, plants a ledger. Whatever it says, nothing is deleted whose row
// is there, nothing is touched that is not the sync's, and the runs after it bring everything in sync.
func TestPlantedLedger(t *testing.T) {
	operation := func(store string) string {
		return "projects/123/locations/global/collections/default_collection/dataStores/" + store + "/branches/0/operations/import-documents-1"
	}
	for name, tt := range map[string]struct {
		plant func(w *world, s *ledger.State)
		says  string // in the log of the next run
	}{
		"removal allowed that never was": {
			plant: func(w *world, s *ledger.State) { s.Scan.Left = 1 << 40 },
			says:  "documents are left to delete",
		},
		"operation that nobody knows": {
			plant: func(w *world, s *ledger.State) {
				s.Pending = &ledger.Import{Operation: operation(w.bucket), Started: w.time()}
			},
			says: "the import of an earlier run failed",
		},
		"import without a list of its documents": {
			plant: func(w *world, s *ledger.State) {
				objects.Write(w.bucket, names.Run("x")+"errors/1", []byte(`{"code":3,"message":"document \"doc-00001\" is bad"}`))
				s.Pending = &ledger.Import{Operation: operation(w.bucket), Started: w.time(), Documents: 5, Errors: names.Run("x") + "errors/"}
			},
			says: "the ledger cannot be used",
		},
		"snapshot of somebody else": {
			plant: func(w *world, s *ledger.State) { s.Snapshot = []string{"theirs.txt"} },
			says:  "the ledger cannot be used",
		},
		"segment of somebody else": {
			plant: func(w *world, s *ledger.State) { s.Segments[0].Name = "theirs.txt" },
			says:  "the ledger cannot be used",
		},
		"segment that climbs": {
			plant: func(w *world, s *ledger.State) { s.Segments[0].Name = names.Root() + "../../../theirs.txt" },
			says:  "the ledger cannot be used",
		},
		"segment without a name": {
			plant: func(w *world, s *ledger.State) { s.Segments[0].Name = "" },
			says:  "the ledger cannot be used",
		},
		"segment of a billion entries": {
			plant: func(w *world, s *ledger.State) {
				s.Segments[0].Entries, s.Scan.Documents = 1_000_000_000, 1_000_000_000
			},
			says: "the manifest cannot be read",
		},
		"segments of more than any memory": {
			plant: func(w *world, s *ledger.State) {
				g := s.Segments[0]
				g.Entries = 1_000_000_000
				s.Segments = slices.Repeat([]ledger.Segment{g}, 999)
			},
			says: "the manifest cannot be read",
		},
		"negative count": {
			plant: func(w *world, s *ledger.State) { s.Scan.Documents = -1 },
			says:  "the ledger cannot be used",
		},
		"documents of the source listed as deleted": {
			plant: func(w *world, s *ledger.State) {
				s.Segments = append(s.Segments, w.plantSegment("gone", func(m *manifest.Writer) {
					m.Remove([]byte("doc-00001"))
					m.Remove([]byte("doc-00002"))
				}))
			},
		},
		"documents of the source with other hashes": {
			plant: func(w *world, s *ledger.State) {
				s.Segments = append(s.Segments, w.plantSegment("changed", func(m *manifest.Writer) {
					m.Put([]byte("doc-00001"), 4711)
					m.PutTried([]byte("doc-00002"), 4711)
				}))
			},
		},
		"an id that leads elsewhere": {
			plant: func(w *world, s *ledger.State) {
				s.Segments = append(s.Segments, w.plantSegment("id", func(m *manifest.Writer) { m.Put([]byte("../../other/documents/x"), 1) }))
			},
			says: "the manifest cannot be read",
		},
		"times in the future": {
			plant: func(w *world, s *ledger.State) {
				s.LastFull, s.Scan.At = w.time().AddDate(100, 0, 0), w.time().AddDate(100, 0, 0)
			},
			says: "FULL_SYNC_INTERVAL",
		},
		"failures that are none": {
			plant: func(w *world, s *ledger.State) {
				s.Scan.Failures = failure.Tally{Count: 1, Object: names.Run("x") + "failures"}
				objects.Write(w.bucket, s.Scan.Failures.Object, append(bytes.Repeat([]byte("x"), 3<<20), "\n{}\nnull\n[]"...))
			},
		},
		"failures of more than anybody reads": {
			plant: func(w *world, s *ledger.State) {
				s.Scan.Failures = failure.Tally{Count: 1, Object: names.Run("x") + "failures"}
				objects.Write(w.bucket, s.Scan.Failures.Object, make([]byte, 17<<20))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(300)
			w.want(w.run(), Imported)
			objects.Write(w.bucket, "theirs.txt", []byte("theirs"))
			w.plant(tt.plant)
			w.exec(`UPDATE docs SET body = 'newer' WHERE id = 'doc-00003'`)
			first := w.run()
			if !strings.Contains(first.log, tt.says) {
				t.Errorf("the log does not say %q:\n%s", tt.says, first.log)
			}
			if first.Deleted > 0 {
				t.Errorf("%d documents deleted", first.Deleted)
			}
			if second := w.run(); second.err != nil {
				t.Errorf("second run: %v", second.err)
			}
			w.wantInSync()
			if data, err := objects.Read(w.bucket, "theirs.txt"); err != nil || string(data) != "theirs" {
				t.Errorf("another object was touched: %q %v", data, err)
			}
			for _, req := range w.requests() {
				if req.Bucket == w.bucket && (req.Object == "theirs.txt" || strings.HasSuffix(req.Source, "/theirs.txt")) {
					t.Errorf("another object was asked for: %+v", req)
				}
			}
		})
	}
}

// The source was emptied or lost most of its rows, and the bucket says that the data store never held them, or that the
// removal was allowed: the guard sees what the data store holds.
func TestPlantedLedgerDoesNotBlindTheGuard(t *testing.T) {
	for name, plant := range map[string]func(w *world, s *ledger.State){
		"allowed":       func(w *world, s *ledger.State) { s.Scan.Left = 1 << 40 },
		"full sync due": func(w *world, s *ledger.State) { s.LastFull = time.Time{} },
		"shorter list": func(w *world, s *ledger.State) {
			s.LastFull, s.Segments = time.Time{}, w.listOf("doc-00001", "doc-00002")
		},
		"list of nothing": func(w *world, s *ledger.State) { s.LastFull, s.Segments = time.Time{}, nil },
	} {
		for _, keep := range []int{0, 2} {
			t.Run(fmt.Sprint(name, ", rows left: ", keep), func(t *testing.T) {
				w := newWorld(t)
				w.fill(300)
				w.want(w.run(), Imported)
				w.exec(`DELETE FROM docs WHERE id > 'doc-' || lpad($1::int::text, 5, '0')`, keep)
				w.plant(plant)
				for range 2 {
					if r := w.want(w.run(), Failed); !stopped(r.err) {
						t.Errorf("not stopped: %v", r.err)
					}
				}
				if n := w.store.Len(); n != 300 {
					t.Errorf("%d documents are left of 300", n)
				}
			})
		}
	}
}

// A ledger that says that everything is confirmed, with true statistics, hides a change: until the next full sync.
func TestPlantedConfirmationEndsWithTheNextFullSync(t *testing.T) {
	w := newWorld(t)
	w.set.RescanInterval = time.Hour
	w.fill(10)
	w.want(w.run(), Imported)
	w.exec(`UPDATE docs SET body = 'newer' WHERE id = 'doc-00003'`)
	w.want(w.run(), Imported)
	w.store.Put("doc-00003", `{"id": "doc-00003", "structData": {"body": "as before"}}`) // what a lie would leave
	w.want(w.run(), Unchanged)
	w.now = func() time.Time { return time.Now().Add(w.set.FullSyncInterval + time.Minute) }
	w.want(w.run(), Imported)
	w.wantInSync()
}

// Revisions of any number are planted, also many: later runs find their own way.
func TestPlantedRevisions(t *testing.T) {
	for name, numbers := range map[string][]string{
		"eight digits":    {"99999999"},
		"eighteen digits": {"999999999999999999", "999999999999999998"},
		"more":            {"1000000000000000000", "9223372036854775807", "99999999999999999999999"},
		"none":            {"00000000", "-0000001", "0000000x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(20)
			w.want(w.run(), Imported)
			for _, n := range numbers {
				w.copyLedger(n)
			}
			for i := range 3 {
				w.exec(`UPDATE docs SET body = body || '.' WHERE id = 'doc-00003'`)
				w.want(w.run(), Imported)
				w.wantInSync()
				if i > 0 && w.state().Revision < 3 {
					t.Errorf("revision %d", w.state().Revision)
				}
			}
		})
	}
	t.Run("more than a page of them", func(t *testing.T) {
		w := newWorld(t)
		w.fill(20)
		w.want(w.run(), Imported)
		for n := range 1_200 {
			if _, err := objects.Write(w.bucket, names.Revision(int64(1000+n)), []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		w.want(w.run(), Imported)
		w.wantInSync()
		if n := len(objects.List(w.bucket, names.Revisions())); n > ledger.KeptRevisions+5 {
			t.Errorf("%d revisions are left", n)
		}
	})
}

// plant writes a changed ledger in place of the newest revision.
func (w *world) plant(change func(w *world, s *ledger.State)) {
	w.t.Helper()
	s := w.state()
	change(w, &s)
	data, err := json.Marshal(s)
	if err != nil {
		w.t.Fatal(err)
	}
	w.rewrite(w.newest(), func([]byte) []byte { return data })
}

func (w *world) time() time.Time { return time.Now().UTC().Truncate(time.Second) }

// plantSegment writes a manifest segment.
func (w *world) plantSegment(name string, write func(*manifest.Writer)) ledger.Segment {
	w.t.Helper()
	var data bytes.Buffer
	m := manifest.NewWriter(&data)
	write(m)
	if err := m.Close(); err != nil {
		w.t.Fatal(err)
	}
	g := ledger.Segment{Name: names.Run("planted") + name, Entries: m.Count()}
	if _, err := objects.Write(w.bucket, g.Name, data.Bytes()); err != nil {
		w.t.Fatal(err)
	}
	return g
}

// listOf is a manifest of some documents.
func (w *world) listOf(ids ...string) []ledger.Segment {
	return []ledger.Segment{w.plantSegment("short", func(m *manifest.Writer) {
		for _, id := range ids {
			m.Put([]byte(id), 1)
		}
	})}
}

// copyLedger plants a valid revision of another number.
func (w *world) copyLedger(number string) {
	w.t.Helper()
	data, err := objects.Read(w.bucket, w.newest())
	if err != nil {
		w.t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(data, &s); err != nil {
		w.t.Fatal(err)
	}
	s["revision"] = json.Number(strings.TrimLeft(number, "-x0") + "0")
	if json.Valid([]byte(number)) {
		s["revision"] = json.RawMessage(number)
	}
	if data, err = json.Marshal(s); err != nil {
		w.t.Fatal(err)
	}
	if _, err := objects.Write(w.bucket, names.Revisions()+number+".json", data); err != nil {
		w.t.Fatal(err)
	}
}
