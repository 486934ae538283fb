package bucket

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"cloud.google.com/go/storage"
	"golang.org/x/sync/errgroup"

	"vertexmetadata/job/internal/panics"
)

const (
	// deleters is how many objects are deleted at a time.
	deleters = 8
	// maxRefused is how many deletions a policy may refuse before DeleteAll gives up: the oldest objects usually come
	// first, and where they may not be deleted yet, younger ones may not either.
	maxRefused = 16
)

// DeleteAll deletes the objects under prefix that are over, and returns how many. Where a retention policy or a hold keeps
// some, the error is ErrRetained, and the others were deleted, as far as there was any hope.
func (b *Bucket) DeleteAll(ctx context.Context, prefix string, isOver func(Object) bool) (deleted int64, err error) {
	var done, refused atomic.Int64
	var retained atomic.Pointer[error]
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(deleters)
	for o, err := range b.List(ctx, prefix) {
		if err != nil {
			return done.Load(), errors.Join(err, group.Wait())
		}
		if refused.Load() >= maxRefused {
			break
		}
		if !isOver(o) {
			continue
		}
		group.Go(panics.Guard(func() error {
			throttled, err := b.deleteUnlessThrottled(gctx, o.Name)
			switch {
			case errors.Is(err, ErrRetained):
				refused.Add(1)
				retained.Store(&err)
				return nil
			case err == nil && !throttled:
				done.Add(1)
			}
			return err
		}))
	}
	if err := group.Wait(); err != nil {
		return done.Load(), err
	}
	if err := retained.Load(); err != nil {
		return done.Load(), *err
	}
	return done.Load(), nil
}

// deleteUnlessThrottled is Delete, but does not wait for an object that was written less than a second ago, whose deletion
// the service throttles: it stays for a later DeleteAll.
func (b *Bucket) deleteUnlessThrottled(ctx context.Context, name string) (throttled bool, err error) {
	object := b.handle.Object(name).Retryer(storage.WithErrorFunc(func(err error) bool { // the bucket's would change for all
		throttled = statusOf(err) == http.StatusTooManyRequests
		return !throttled && b.retryable(err)
	}))
	if err = b.delete(ctx, object); throttled {
		return true, nil
	}
	return false, err
}
