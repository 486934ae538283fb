package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

// lockTime is how soon the lock of a run that was killed must be free.
const lockTime = 15 * time.Second

// steps are what is called after each request of a world, by its name, which a bucket and a data store have in common.
var steps sync.Map // name -> func()

func step(world string) {
	if call, ok := steps.Load(world); ok {
		call.(func())()
	}
}

// watchSteps makes the stand-ins call step after every request that they have done but not answered.
func watchSteps() {
	objects.SetHooks(nil, func(r storage.Request) { step(r.Bucket) })
	engine.SetHooks(nil, func(c discoveryengine.Call) {
		_, name, _ := strings.Cut(c.Resource, "/dataStores/")
		name, _, _ = strings.Cut(name, "/")
		step(name)
	})
}

// signalAfter starts a sync, sends it a signal when its n-th request to the bucket or the data store, counted from 0,
// has been done but not answered, and returns how it ended. hit is false when there were fewer requests.
//
// What a run did is its requests, so a kill after each covers a kill before each but the first, too.
func (w *world) signalAfter(n int64, s syscall.Signal, args []string) (r result, late time.Duration, hit bool) {
	w.t.Helper()
	var requests atomic.Int64
	var at time.Time
	started := make(chan struct{})
	var p *process
	steps.Store(w.name, func() {
		<-started
		if requests.Add(1) == n+1 {
			at = time.Now()
			p.signal(s)
		}
	})
	defer steps.Delete(w.name)
	p = w.start(args)
	close(started)
	r = p.wait()
	return r, time.Since(at), requests.Load() > n
}

// recover runs the job until the lock of the run before is free and the data store is in sync, which may take two runs.
func (w *world) recover() {
	w.t.Helper()
	for begin := time.Now(); ; {
		r := w.run(nil)
		if r.last(w.t)["outcome"] != "skipped" {
			break
		}
		if time.Since(begin) > lockTime {
			w.t.Fatalf("the lock is still held after %v\n%s", lockTime, r.stderr)
		}
	}
	if !w.inStep() {
		if r := w.run(nil); r.code != 0 {
			w.t.Fatalf("second run after the fault: exit %d\n%s", r.code, r.stderr)
		}
	}
	w.wantInStep()
}

// changeForStep makes documents to import, to change and to remove, few or many.
func (w *world) changeForStep(n int64, many bool) {
	w.t.Helper()
	w.exec(`UPDATE docs SET body = body || '!' WHERE id <= $1`, map[bool]string{false: "doc-0010", true: "doc-0150"}[many])
	w.exec(`INSERT INTO docs VALUES ($1, 'new')`, fmt.Sprintf("new-%d", n))
	w.exec(`DELETE FROM docs WHERE id = $1`, fmt.Sprintf("new-%d", n-1))
}

// The process is ended at every step it takes over the network. Two further runs bring the data store in sync, whatever
// it was: by kill -9, or by SIGTERM, which the run has to obey within five seconds and with its last line.
func TestEndedAtEveryStep(t *testing.T) {
	for _, tt := range []struct {
		name string
		many bool
		args []string
	}{
		{"inline", false, nil},
		{"through the bucket", true, nil},
		{"full", true, []string{"sync", "--full"}},
	} {
		for _, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			t.Run(tt.name+", "+s.String(), func(t *testing.T) {
				t.Parallel()
				w := newDocs(t, database, 300)
				w.sync("imported")
				for n := int64(0); ; n++ {
					w.changeForStep(n, tt.many)
					r, late, hit := w.signalAfter(n, s, tt.args)
					if !hit {
						w.want(r, "imported")
						if n < 5 {
							t.Errorf("only %d requests", n)
						}
						break
					}
					if s == syscall.SIGTERM {
						w.wantObeyed(r, late, n)
					}
					w.recover()
				}
				w.wantInStep()
				w.sync("unchanged")
			})
		}
	}
}

// wantObeyed fails the test unless a run ended after SIGTERM as it should: in time and as failed, unless it had already
// done its work.
func (w *world) wantObeyed(r result, late time.Duration, step int64) {
	w.t.Helper()
	last := r.last(w.t)
	switch {
	case late > 5*time.Second:
		w.t.Errorf("step %d: ended %v after the signal", step, late)
	case r.code == 1 && last["outcome"] == "failed":
	case r.code == 0 && last["outcome"] == "imported" && w.inStep():
	default:
		w.t.Errorf("step %d: exit %d, outcome %v", step, r.code, last["outcome"])
	}
}

// SIGTERM while somebody else keeps the run waiting: it ends within five seconds all the same.
func TestTerminatedWhileWaiting(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  []variable
		prepare func(w *world) (undo func())
		waiting func(w *world) bool
	}{
		{"for rows", []variable{slowly}, nil, (*world).reading},
		{"for an import", nil, func(*world) func() { engine.Hold(); return engine.Release }, (*world).importing},
		{"for storage", nil, func(w *world) func() {
			fault := storage.Fault{Op: storage.OpInsert, Object: revisions + "*", Delay: 6 * time.Second}
			return objects.Inject(fault).Remove
		}, func(w *world) bool { return len(objects.List(w.name, "metadata/metadata.jsonl")) > 0 }},
		{"for a table's lock", nil, func(w *world) func() {
			w.exec(`BEGIN`)
			w.exec(`LOCK TABLE docs IN ACCESS EXCLUSIVE MODE`)
			return func() { w.exec(`ROLLBACK`) }
		}, (*world).blocked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newDocs(t, database, 150)
			undo := func() {}
			if tt.prepare != nil {
				undo = tt.prepare(w)
			}
			p := w.start(nil, tt.change...)
			w.until("the run to wait", func() bool { return tt.waiting(w) })
			begin := time.Now()
			p.signal(syscall.SIGTERM)
			r := p.wait()
			undo()
			w.want(r, "failed")
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("ended %v after the signal", took)
			}
			w.recover()
		})
	}
}

// blocked reports whether a run waits for a lock.
func (w *world) blocked() bool {
	w.t.Helper()
	var n int
	if err := w.conn.QueryRow(w.t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n > 0
}
