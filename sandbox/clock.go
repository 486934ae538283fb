package main

import (
	"sync"
	"time"
)

// clock is a clock that stands still but for advance, so that three minutes take no time.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock begins at the last whole three minutes.
func newClock() *clock { return &clock{at: time.Now().Truncate(3 * time.Minute)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
