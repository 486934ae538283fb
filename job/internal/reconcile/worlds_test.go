package reconcile

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

// policies are what the owner of a bucket may have set, as far as the job meets it.
var policies = []struct {
	name string
	storage.Policy
}{
	{"no policy", storage.Policy{}},
	{"one write a second", storage.Policy{OneWriteASecond: true}},
	{"retention", storage.Policy{Retention: time.Hour}},
	{"hold", storage.Policy{DefaultHold: true}},
}

// behave makes the service and the bucket behave in another way.
func (w *world) behave(b discoveryengine.Behaviour, p storage.Policy) {
	w.engine.Behave(b)
	objects.SetPolicy(w.bucket, p)
}

// Whatever the service does that is not documented, faults heal. make test tries every world with some of the faults, and
// every fault in some worlds; make soak tries all of them together, under every policy of the bucket.
func TestWorlds(t *testing.T) {
	names, services := slices.Sorted(maps.Keys(faults)), discoveryengine.Worlds()
	for i, service := range services {
		t.Run(service.Name, func(t *testing.T) {
			t.Parallel()
			for j, name := range names {
				for k, policy := range policies {
					if sampled := j%len(services) == i && k == (i+j/len(services))%4; sampled || *all {
						t.Run(name+", "+policy.name, func(t *testing.T) { meetIn(t, service.Behaviour, policy.Policy, faults[name]) })
					}
				}
			}
		})
	}
}

func meetIn(t *testing.T, service discoveryengine.Behaviour, policy storage.Policy, f fault) {
	w := newWorld(t)
	w.behave(service, policy)
	if policy.OneWriteASecond {
		w.config.Budget = 8 * time.Second // what was just written is throttled for a second
	}
	inWorld := f.fault
	f.fault = func(w *world) func() {
		undo := inWorld(w)
		return func() { undo(); w.engine.Behave(service) }
	}
	w.meet(f)
	if f.rejects && isSilent(service) { // the rejected documents are sent again by the next full sync
		w.run(func(s *Settings) { s.Full = true })
	}
	w.heals()
}

// isSilent reports that the service may reject documents, of an inline import at least, and say nothing of it.
func isSilent(b discoveryengine.Behaviour) bool {
	return b.Metadata == discoveryengine.MetadataUnknown || b.Metadata == discoveryengine.MetadataAbsent
}

// A policy of the bucket neither stops a sync nor makes it loud.
func TestPolicies(t *testing.T) {
	for _, policy := range policies {
		t.Run(policy.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			objects.SetPolicy(w.bucket, policy.Policy)
			w.config.Budget = 20 * time.Second // a run that ends within a second deletes what it has just written, and is throttled
			w.fill(400)
			w.want(w.run(), Imported)
			for _, many := range []bool{false, true} {
				w.change(many)
				w.resetLog()
				if r := w.want(w.run(), Imported); strings.Contains(r.log, "WARN") {
					t.Errorf("a change is not quiet: %s", r.log)
				}
				for _, request := range w.requests() {
					if request.Status == 429 && !many {
						t.Errorf("throttled: %s of %s", request.Op, request.Object)
					}
				}
			}
			r := w.want(w.run(func(s *Settings) { s.Full = true }), Imported)
			if n, want := strings.Count(r.log, `"WARN"`), map[bool]int{false: 0, true: 2}[policy.Retention > 0 || policy.DefaultHold]; n != want {
				t.Errorf("%d warnings, want %d: %s", n, want, r.log)
			}
			w.wantInSync()
			w.change(true)
			w.want(w.run(), Imported)
			w.wantInSync()
		})
	}
}
