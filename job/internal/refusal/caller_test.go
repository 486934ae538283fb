package refusal

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The deadline of a call may be noticed by the client, by the service, or by both at once.
func TestDeadlineIsSaidInOneWay(t *testing.T) {
	c := Caller{Target: Target{Service: Secrets}, Budget: 3 * time.Second}
	for _, err := range []error{
		context.DeadlineExceeded,
		status.FromContextError(context.DeadlineExceeded).Err(),
		status.Error(codes.Canceled, "stream terminated by RST_STREAM with error code: CANCEL"),
	} {
		if got, want := c.Explain(t.Context(), "access", "x", err).Error(), "access x: the service is unavailable: no answer within 3s"; got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
