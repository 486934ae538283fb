package bucket

import (
	"context"
	"errors"
	"net"
	"net/url"
	"testing"
	"time"

	"vertexmetadata/job/internal/refusal"
)

// Storage that cannot be reached is reported with the cause and the remedy, however the call ends.
func TestUnreachable(t *testing.T) {
	const refused = "; last failure: dial tcp 127.0.0.1:1: connect: connection refused"
	for _, tt := range []struct {
		name, host string
		budget     time.Duration
		deadline   time.Duration // of the caller
		want       string
	}{
		{"the budget ends", "127.0.0.1:1", 300 * time.Millisecond, time.Minute, "read gs://posts/s.json: cannot be reached: no progress within 300ms" + refused + " | check STORAGE_EMULATOR_HOST: nothing usable answers there"},
		{"the caller ends it", "127.0.0.1:1", time.Minute, 300 * time.Millisecond, "read gs://posts/s.json: out of time" + refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("STORAGE_EMULATOR_HOST", tt.host)
			ctx, cancel := context.WithTimeoutCause(t.Context(), tt.deadline, errors.New("out of time"))
			defer cancel()
			if _, err := openBucket(t, tt.budget).Read(ctx, "s.json", 1<<20); err == nil || withHint(err) != tt.want {
				t.Errorf("error\n%v, want\n%s", err, tt.want)
			}
		})
	}
}

func TestRemedy(t *testing.T) {
	lost := &url.Error{Op: "Get", URL: "https://storage.googleapis.com/upload?upload_id=key", Err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no such host")}}
	for _, tt := range []struct {
		name, emulator string
		err            error
		want           string
	}{
		{"budget", "", context.DeadlineExceeded, "the service is unavailable: no progress within 1m0s | wait for the next run, which tries again; check the network if this stays"},
		{"lost", "", lost, "host name not found: dial tcp: no such host | check the DNS of the network: private networks need Private Google Access for storage.googleapis.com"},
		{"lost emulator", "nowhere.invalid", lost, "host name not found: dial tcp: no such host | check STORAGE_EMULATOR_HOST: nothing usable answers there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("STORAGE_EMULATOR_HOST", tt.emulator)
			b := &Bucket{name: "posts", budget: time.Minute}
			if err := b.explain(t.Context(), "list", "", tt.err); withHint(err) != "list gs://posts: "+tt.want {
				t.Errorf("error\n%v, want\n%s", err, tt.want)
			}
		})
	}
}

// withHint is an error's text and what to do about it.
func withHint(err error) string {
	if hint := refusal.HintOf(err); hint != "" {
		return err.Error() + " | " + hint
	}
	return err.Error()
}
