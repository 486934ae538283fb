package source

import (
	"testing"
	"time"
)

func TestLockTimeoutEndsBeforeTheStatementDoes(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		statement, lock, want time.Duration
	}{
		{"the lock's is shorter", time.Minute, 10 * time.Second, 10 * time.Second},
		{"the statement's is shorter", 3 * time.Second, 10 * time.Second, 1500 * time.Millisecond},
		{"both are the same", 10 * time.Second, 10 * time.Second, 5 * time.Second},
		{"no limit for locks", 10 * time.Second, 0, 5 * time.Second},
		{"no limit for statements", 0, 10 * time.Second, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{StatementTimeout: tt.statement, LockTimeout: tt.lock}
			if got := c.lockTimeout(); got != tt.want {
				t.Errorf("waits %v for a lock, want %v", got, tt.want)
			}
		})
	}
}
