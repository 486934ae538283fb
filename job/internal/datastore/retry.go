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

// retryFunc is a gax.Retryer.
type retryFunc func(error) (time.Duration, bool)

func (f retryFunc) Retry(err error) (time.Duration, bool) { return f(err) }

// bounded returns the context and the call option of one call: it ends with
// the budget, its retries a little before it, so that the caller gets the last
// failure and not that time ran out. It is repeated after failures with
// the codes given, or with those that may pass. The context must be cancelled.
func (s *Store) bounded(ctx context.Context, again ...codes.Code) (context.Context, context.CancelFunc, gax.CallOption) {
	if len(again) == 0 {
		again = passing
	}
	deadline := time.Now().Add(s.cfg.Budget)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	last := deadline.Add(-s.cfg.Budget / 20)
	return ctx, cancel, gax.WithRetry(func() gax.Retryer {
		backoff := gax.Backoff{Initial: 250 * time.Millisecond, Max: 10 * time.Second, Multiplier: 2}
		return retryFunc(func(err error) (time.Duration, bool) {
			if !slices.Contains(again, status.Code(err)) {
				return 0, false
			}
			pause := backoff.Pause()
			return pause, time.Now().Add(pause).Before(last)
		})
	})
}

// once is the call option of a call that is not retried.
func once() gax.CallOption { return gax.WithRetry(func() gax.Retryer { return nil }) }

// operationHistory is how far back an operation may have begun that still runs.
const operationHistory = 7 * 24 * time.Hour

// unlessBegun is retry for the call that begins an import. UNAVAILABLE may mean that
// it began and its reply was lost; a second one could end after later work and undo
// it. So such a call is repeated only while the data store lists none that runs.
func (s *Store) unlessBegun(ctx context.Context, retry gax.CallOption) gax.CallOption {
	var settings gax.CallSettings
	retry.Resolve(&settings)
	return gax.WithRetry(func() gax.Retryer {
		retryer := settings.Retry()
		return retryFunc(func(err error) (time.Duration, bool) {
			pause, again := retryer.Retry(err)
			if again && status.Code(err) == codes.Unavailable {
				running, err := s.FindImport(ctx, time.Now().Add(-operationHistory))
				again = err == nil && len(running) == 0
			}
			return pause, again
		})
	})
}
