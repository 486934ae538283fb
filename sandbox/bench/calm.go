package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	calmSample = 60 * time.Millisecond
	calmBusy   = 0.1             // share of the processors' time that others may use
	calmWait   = 8 * time.Second // for a calm moment, before a reading is taken all the same
	calmBudget = time.Minute     // of all readings together, so that a busy machine does not make the bench endless
)

// awaitCalm waits until nobody else uses the processors, as far as the past shows, and counts the readings for which
// that did not come.
func (b *bench) awaitCalm(ctx context.Context) {
	start := time.Now()
	end := start.Add(min(calmWait, calmBudget-b.waited))
	defer func() { b.waited += time.Since(start) }()
	for calm := 0; calm < 3; {
		idle, total := processorTime()
		select {
		case <-time.After(calmSample):
		case <-ctx.Done():
			return
		}
		idleNow, totalNow := processorTime()
		if spent := totalNow - idleNow - (total - idle); float64(spent) <= calmBusy*float64(totalNow-total) {
			calm++
			continue
		}
		if calm = 0; time.Now().After(end) {
			b.restless++
			return
		}
	}
}

// processorTime returns the time of all processors since the start of the machine, in hundredths of a second, and how
// much of it was spent idle. Both are 0 where there is no /proc, and every moment is calm.
func processorTime() (idle, total int64) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	var ticks [8]int64 // user nice system idle iowait irq softirq steal
	fields := strings.Fields(line)
	for i := range ticks {
		if i+1 < len(fields) {
			_, _ = fmt.Sscan(fields[i+1], &ticks[i])
			total += ticks[i]
		}
	}
	return ticks[3] + ticks[4], total
}
