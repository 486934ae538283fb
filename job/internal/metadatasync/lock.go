package metadatasync

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lockPoll is how often a lock that another task holds is tried again.
const lockPoll = 250 * time.Millisecond

func (r *run) storeLock() string { return "vertex-metadata/" + r.set.DataStore }

// lockShare takes the lock of this task's share, and with a single task also that of the data store. They are held
// until the database session ends.
func (r *run) lockShare(ctx context.Context) (bool, error) {
	locks := []string{fmt.Sprintf("%s/%d", r.storeLock(), r.set.Task)}
	if r.set.Tasks == 1 {
		locks = append(locks, r.storeLock())
	}
	for _, name := range locks {
		locked, err := r.db.TryLock(ctx, name)
		if err != nil {
			return false, err
		}
		if !locked {
			r.log.InfoContext(ctx, "another run is active, leaving the work to it", "lock", name)
			return false, nil
		}
	}
	return true, nil
}

// withStoreLock calls fn while it holds the lock of the data store, for which it waits up to wait. It reports whether
// it got the lock.
func (r *run) withStoreLock(ctx context.Context, wait time.Duration, fn func() error) (bool, error) {
	if r.set.Tasks == 1 {
		return true, fn() // held since the beginning
	}
	for begin := time.Now(); ; {
		locked, err := r.db.TryLock(ctx, r.storeLock())
		if err != nil {
			return false, err
		}
		if locked {
			break
		}
		if time.Since(begin) >= wait {
			return false, nil
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	err := fn()
	return true, errors.Join(err, r.db.Unlock(context.WithoutCancel(ctx), r.storeLock()))
}
