package datastore

import (
	"context"
	"slices"
	"time"

	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// passing are the codes of failures that a later attempt may not meet.
// ABORTED is how the service refuses an import while another one runs.
var passing = []codes.Code{codes.Unavailable, codes.ResourceExhausted, codes.Aborted}

func mayPass(err error) bool { return slices.Contains(passing, status.Code(err)) }

// retryer is gax's own backoff with jitter, ended before the deadline instead
// of by it: so the caller gets the last failure, and not that time ran out.
type retryer struct {
	codes    []codes.Code
	deadline time.Time
	backoff  gax.Backoff
}

func (r *retryer) Retry(err error) (time.Duration, bool) {
	if !slices.Contains(r.codes, status.Code(err)) {
		return 0, false
	}
	pause := r.backoff.Pause()
	return pause, time.Now().Add(pause).Before(r.deadline)
}

// bounded returns the context and the call option of one call: it ends with
// the budget, its retries a little before. It is repeated after failures with
// the codes given, or with those that may pass. The context must be cancelled.
func (s *Store) bounded(ctx context.Context, again ...codes.Code) (context.Context, context.CancelFunc, gax.CallOption) {
	if len(again) == 0 {
		again = passing
	}
	deadline := time.Now().Add(s.cfg.Budget)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	retry := gax.WithRetry(func() gax.Retryer {
		return &retryer{
			codes:    again,
			deadline: deadline.Add(-s.cfg.Budget / 20),
			backoff:  gax.Backoff{Initial: 250 * time.Millisecond, Max: 10 * time.Second, Multiplier: 2},
		}
	})
	return ctx, cancel, retry
}

// once is the call option of a call that is not retried.
func once() gax.CallOption { return gax.WithRetry(func() gax.Retryer { return nil }) }

// operationHistory is how far back an operation may have begun that still runs.
const operationHistory = 7 * 24 * time.Hour

// unless is retry for a call that begins an operation. UNAVAILABLE may mean that
// the operation began and its reply was lost; a second one could end after
// later work and undo it. So such a call is repeated only while find shows that
// no operation runs.
func (s *Store) unless(ctx context.Context, find func(context.Context, time.Time) ([]string, error), retry gax.CallOption) gax.CallOption {
	var settings gax.CallSettings
	retry.Resolve(&settings)
	return gax.WithRetry(func() gax.Retryer {
		return &beginRetryer{Retryer: settings.Retry(), clear: func() bool {
			running, err := find(ctx, time.Now().Add(-operationHistory))
			return err == nil && len(running) == 0
		}}
	})
}

type beginRetryer struct {
	gax.Retryer
	clear func() bool
}

func (r *beginRetryer) Retry(err error) (time.Duration, bool) {
	pause, again := r.Retryer.Retry(err)
	if again && status.Code(err) == codes.Unavailable && !r.clear() {
		return 0, false
	}
	return pause, again
}
