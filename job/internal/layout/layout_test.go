package layout

import (
	"math"
	"testing"
	"time"
)

// A revision counts while the ones after it can: whatever number others planted, the next run has one.
func TestCounts(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	most := int64(formatAge/time.Second) * revisionsPerSecond
	for n, want := range map[int64]bool{0: false, -1: false, 1: true, 99_999_999: true, most: true, most + 1: false, math.MaxInt64: false} {
		for _, at := range []time.Time{now, {}, now.AddDate(-50, 0, 0)} {
			if got := Counts(n, at); got != want {
				t.Errorf("revision %d at %v: %v, want %v", n, at, got, want)
			}
		}
	}
	if !Counts(most+1, now.AddDate(1, 0, 0)) {
		t.Error("a later revision does not count later")
	}
}
