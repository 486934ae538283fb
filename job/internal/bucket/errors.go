package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"vertexmetadata/job/internal/refusal"
)

var (
	// ErrNotExist is in the chain of an error about an object that is not there.
	ErrNotExist = errors.New("object does not exist")
	// ErrExist is in the chain of an error about an object that Create was to make and
	// that is there already.
	ErrExist = errors.New("object exists already")
	// ErrRetained is in the chain of an error about an object that may not be replaced
	// or deleted because of a retention policy or a hold.
	ErrRetained = refusal.ErrRetained
	// ErrTooLarge is in the chain of an error about an object with more content than
	// the caller expects.
	ErrTooLarge = errors.New("object is too large")
	// ErrCorrupt is in the chain of an error about content whose length or
	// checksum is not what was sent.
	ErrCorrupt = errors.New("checksum mismatch")
)

// errStalled is the cause of a context that a watchdog ended.
var errStalled = errors.New("no progress")

// explain turns an error of the storage client into `verb gs://…: cause`, with
// the remedy where a person must act. ctx is the call's own, so that a stall
// is not mistaken for the caller's cancellation.
func (b *Bucket) explain(ctx context.Context, verb, object string, err error) error {
	if err == nil {
		return nil
	}
	target := "gs://" + b.name
	if object != "" {
		target = b.URI(object)
	}
	switch cause := context.Cause(ctx); {
	case ctx.Err() != nil && !errors.Is(cause, errStalled):
		return fmt.Errorf("%s %s: %w%s", verb, target, cause, b.lastFailure(maxPause))
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), storage.ShouldRetry(err): // tried for as long as it may be
		err = &googleapi.Error{Code: http.StatusServiceUnavailable, Message: fmt.Sprintf("%v within %v%s", errStalled, b.budget, b.lastFailure(b.budget))}
	case isAbsent(err) && object != "":
		return fmt.Errorf("%s %s: %w", verb, target, ErrNotExist)
	case isAbsent(err): // the only thing there is to miss
		err = &googleapi.Error{Code: http.StatusNotFound, Message: "The specified bucket does not exist."}
	}
	return refusal.Explain(verb, target, err, b.target())
}

// target is what remedies name.
func (b *Bucket) target() refusal.Target {
	t := refusal.Target{Service: refusal.Storage, Project: b.project, Bucket: b.name}
	if os.Getenv("STORAGE_EMULATOR_HOST") != "" {
		t.StandIn = "STORAGE_EMULATOR_HOST"
	}
	return t
}

// isNoBucket distinguishes a missing bucket from a missing object: both are a 404, and
// only the text differs.
func isNoBucket(err error) bool {
	var api *googleapi.Error
	return errors.As(err, &api) && api.Code == http.StatusNotFound &&
		strings.Contains(strings.ToLower(api.Message+api.Body), "bucket does not exist")
}

// statusOf is the HTTP status that the server answered with, 0 if it did not.
func statusOf(err error) int {
	var api *googleapi.Error
	if errors.As(err, &api) {
		return api.Code
	}
	return 0
}

// isRefused reports whether the server gave an answer that rules out that the
// write was done.
func isRefused(err error) bool {
	code := statusOf(err)
	return code == http.StatusBadRequest || code == http.StatusUnauthorized || code == http.StatusForbidden
}

// transient is a failure that was worth a retry.
type transient struct {
	err error
	at  time.Time
}

// lastFailure is the text of a failure that was retried within the time given,
// or "". It may be another call's: it is reported as a hint why there was no
// progress, since the client drops it from an upload's error.
func (b *Bucket) lastFailure(within time.Duration) string {
	last := b.last.Load()
	if last == nil || time.Since(last.at) > within+time.Second {
		return ""
	}
	if code := statusOf(last.err); code != 0 {
		return fmt.Sprintf("; last failure: HTTP %d: %s", code, refusal.Text(last.err))
	}
	return "; last failure: " + refusal.Text(last.err)
}
