package refusal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Budget is how long one call, or a stream without progress, may take where nothing else is
// set, all its retries included: a run ends within 30 seconds of what it may wait for.
const Budget = 25 * time.Second

// Caller is how one of Google's gRPC services is called: where, for how long, and with which remedies.
type Caller struct {
	Target
	Address string        // host:port; "": that of the client's library. A stand-in is spoken to in plaintext, without credentials
	Budget  time.Duration // of one call with its retries
}

// Options are those of a client.
func (c Caller) Options() []option.ClientOption {
	opts := []option.ClientOption{option.WithTelemetryDisabled()}
	if c.Address != "" {
		opts = append(opts, option.WithEndpoint(c.Address))
	}
	if c.StandIn != "" {
		opts = append(opts, option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	return opts
}

// Within is the caller with no more than the budget given.
func (c Caller) Within(budget time.Duration) Caller {
	c.Budget = min(c.Budget, budget)
	return c
}

// Bounded returns the context and the call option of one call: it ends with
// the budget, its retries a little before it, so that the caller gets the last
// failure and not that time ran out. It is repeated after failures that a later
// attempt may not meet; an import is refused with ABORTED while another one runs.
// The context must be cancelled.
func (c Caller) Bounded(ctx context.Context) (context.Context, context.CancelFunc, gax.CallOption) {
	ctx, cancel := context.WithTimeout(ctx, c.Budget)
	end, _ := ctx.Deadline() // the caller's own may come first
	last := end.Add(-c.Budget / 20)
	return ctx, cancel, gax.WithRetry(func() gax.Retryer {
		backoff := gax.Backoff{Initial: 250 * time.Millisecond, Max: 10 * time.Second, Multiplier: 2}
		return retryFunc(func(err error) (time.Duration, bool) {
			pause := backoff.Pause()
			return pause, slices.Contains(passing, status.Code(err)) && time.Now().Add(pause).Before(last)
		})
	})
}

var passing = []codes.Code{codes.Unavailable, codes.ResourceExhausted, codes.Aborted}

// retryFunc is a gax.Retryer.
type retryFunc func(error) (time.Duration, bool)

func (f retryFunc) Retry(err error) (time.Duration, bool) { return f(err) }

// Explain is the function of that name for an error of a call, nil where there is none. The caller's own context ended
// the call when ctx is over.
func (c Caller) Explain(ctx context.Context, verb, object string, err error, is ...error) error {
	switch said := status.Convert(err).Message(); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s %s: %w", verb, object, context.Cause(ctx))
	case said == context.DeadlineExceeded.Error(), strings.HasSuffix(said, "RST_STREAM with error code: CANCEL"): // the peer knows the deadline too
		err = status.Error(codes.DeadlineExceeded, "no answer within "+c.Budget.String())
	}
	return Explain(verb, object, err, c.Target, is...)
}
