package reconcile

import (
	"testing"
	"time"
)

// What runs cost in requests of the bucket, as docs/COSTS.md reckons them.
func TestBilledRequests(t *testing.T) {
	w := newWorld(t)
	w.fill(500)
	w.set.RescanInterval = time.Hour
	for _, run := range []struct {
		name    string
		prepare func(*Settings)
		change  string
		outcome Outcome
		a, b    int // the most of each class
	}{
		{"first full sync", nil, "", Imported, 10, 5},
		{"idle", nil, "", Unchanged, 1, 1},
		{"small change", nil, `UPDATE docs SET body = 'other' WHERE id = 'doc-00001'`, Imported, 6, 14},
		{"scan that finds nothing", func(s *Settings) { s.RescanInterval = time.Nanosecond }, "", Unchanged, 3, 3},
		{"full sync", func(s *Settings) { s.Full = true }, "", Imported, 10, 5},
	} {
		t.Run(run.name, func(t *testing.T) {
			if run.change != "" {
				w.exec(run.change)
			}
			objects.ResetLog()
			if run.prepare == nil {
				w.want(w.run(), run.outcome)
			} else {
				w.want(w.run(run.prepare), run.outcome)
			}
			stats := objects.Stats("")
			t.Logf("class A: %d, class B: %d: %v", stats.ClassA, stats.ClassB, stats.Requests)
			if stats.ClassA > run.a || stats.ClassB > run.b {
				t.Errorf("class A: %d, class B: %d, want at most %d and %d: %v", stats.ClassA, stats.ClassB, run.a, run.b, stats.Requests)
			}
		})
	}
}
