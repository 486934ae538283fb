package bucket

import (
	"context"
	"time"
)

// watchdog ends a context when nothing has happened for a while. Without it a
// peer that accepts a connection and then says nothing would hang the job:
// the storage client bounds its retries, not a single attempt.
type watchdog struct {
	timer  *time.Timer
	limit  time.Duration
	cancel context.CancelCauseFunc
}

// watch returns a context that ends with errStalled when the watchdog was
// not fed for limit. It starts fed; stop must be called in the end.
func watch(ctx context.Context, limit time.Duration) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &watchdog{limit: limit, cancel: cancel}
	d.timer = time.AfterFunc(limit, func() { cancel(errStalled) })
	return ctx, d
}

// feed starts the time anew.
func (d *watchdog) feed() { d.timer.Reset(d.limit) }

// rest suspends the watch while the peer owes nothing.
func (d *watchdog) rest() { d.timer.Stop() }

// stop ends the watch and the context.
func (d *watchdog) stop() {
	d.timer.Stop()
	d.cancel(context.Canceled)
}
