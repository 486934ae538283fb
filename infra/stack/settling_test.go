package stack

import (
	"context"
	"testing"
	"time"
)

// The job waits after the last grant of this update, and not at all when there was none.
func TestOnlyNewGrantsAreWaitedFor(t *testing.T) {
	now := time.Date(2025, 9, 18, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name   string
		grants []time.Duration // when they were made, from now
		want   time.Duration
	}{
		{"none", nil, 0},
		{"one just now", []time.Duration{0}, 30 * time.Second},
		{"the last counts", []time.Duration{-time.Minute, -10 * time.Second}, 20 * time.Second},
		{"long ago", []time.Duration{-time.Hour}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := settling{wait: 30 * time.Second}
			for _, at := range test.grants {
				s.note(now.Add(at))
			}
			if got := s.left(now); got != test.want {
				t.Errorf("wait %s, want %s", got, test.want)
			}
		})
	}
}

func TestWaitEndsWithTheUpdate(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := pause(ctx, time.Hour); err == nil || err.Error() != "wait for grants: context canceled" {
		t.Errorf("got %v", err)
	}
	if err := pause(context.Background(), 0); err != nil {
		t.Errorf("no wait: %v", err)
	}
}
