package bucket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
)

var (
	// ErrNotExist is in the chain of an error about an object that is not there.
	ErrNotExist = errors.New("object does not exist")
	// ErrConflict is in the chain of an error about a write whose precondition
	// did not hold: somebody else wrote first.
	ErrConflict = errors.New("object was changed by somebody else")
	// ErrExist is in the chain of an error about an object that Create was to make and
	// that is there already. It is an ErrConflict too.
	ErrExist error = existError{}
	// ErrRetained is in the chain of an error about an object that may not be replaced
	// or deleted because of a retention policy or a hold.
	ErrRetained = errors.New("object is protected by a retention policy or a hold")
	// ErrTooLarge is in the chain of an error about an object with more content than
	// the caller expects.
	ErrTooLarge = errors.New("object is too large")
	// ErrCorrupt is in the chain of an error about content whose length or
	// checksum is not what was sent.
	ErrCorrupt = errors.New("checksum mismatch")
)

type existError struct{}

func (existError) Error() string        { return "object exists already" }
func (existError) Is(target error) bool { return target == ErrConflict }

// stalledError is the cause of a context that a watchdog ended.
type stalledError struct{ after time.Duration }

func (e stalledError) Error() string { return fmt.Sprintf("no progress within %s", e.after) }

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
	if cause := context.Cause(ctx); ctx.Err() != nil {
		var stalled stalledError
		if errors.As(cause, &stalled) {
			return b.gaveUp(verb, target, stalled)
		}
		return fmt.Errorf("%s %s: %w%s", verb, target, cause, b.lastFailure(maxPause))
	}
	if errors.Is(err, storage.ErrBucketNotExist) || isNoBucket(err) {
		return fmt.Errorf("%s %s: bucket %q does not exist: create it, or set GCS_BUCKET to one that does", verb, target, b.name)
	}
	if errors.Is(err, storage.ErrObjectNotExist) {
		return fmt.Errorf("%s %s: %w", verb, target, ErrNotExist)
	}
	if errors.Is(err, context.DeadlineExceeded) || storage.ShouldRetry(err) { // the client's own deadline came before the watchdog's
		return b.gaveUp(verb, target, stalledError{b.budget})
	}
	var api *googleapi.Error
	var network *net.OpError
	switch {
	case errors.As(err, &api):
	case errors.As(err, &network):
		return fmt.Errorf("%s %s: %w: check %s", verb, target, network, suspect())
	default:
		return fmt.Errorf("%s %s: %w", verb, target, err)
	}
	switch api.Code {
	case http.StatusUnauthorized:
		return fmt.Errorf("%s %s: not signed in (%s): give the job a service account, or run: gcloud auth application-default login", verb, target, detail(api))
	case http.StatusForbidden:
		if isRetained(err) {
			return fmt.Errorf("%s %s: %w: %s", verb, target, ErrRetained, detail(api))
		}
		return fmt.Errorf("%s %s: access denied (%s): grant roles/storage.objectAdmin on bucket %q to the account the job runs as", verb, target, detail(api), b.name)
	case http.StatusNotFound:
		if object == "" {
			return fmt.Errorf("%s %s: bucket %q does not exist: create it, or set GCS_BUCKET to one that does", verb, target, b.name)
		}
		return fmt.Errorf("%s %s: %w", verb, target, ErrNotExist)
	case http.StatusPreconditionFailed:
		return fmt.Errorf("%s %s: %w", verb, target, ErrConflict)
	}
	return fmt.Errorf("%s %s: HTTP %d: %s", verb, target, api.Code, detail(api))
}

// gaveUp explains a call that was tried for as long as it may be.
func (b *Bucket) gaveUp(verb, target string, stalled stalledError) error {
	return fmt.Errorf("%s %s: %w%s: the next run tries again; check %s if this stays", verb, target, stalled, b.lastFailure(stalled.after), suspect())
}

// suspect is what is likely to be wrong when storage cannot be reached.
func suspect() string {
	if os.Getenv("STORAGE_EMULATOR_HOST") != "" {
		return "STORAGE_EMULATOR_HOST"
	}
	return "the network"
}

// isNoBucket tells a missing bucket from a missing object: both are a 404, and
// only the text differs.
func isNoBucket(err error) bool {
	var api *googleapi.Error
	return errors.As(err, &api) && api.Code == http.StatusNotFound &&
		strings.Contains(strings.ToLower(api.Message+api.Body), "bucket does not exist")
}

// isPrecondition reports whether err is a failed precondition (412).
func isPrecondition(err error) bool {
	var api *googleapi.Error
	return errors.As(err, &api) && api.Code == http.StatusPreconditionFailed
}

// isRetained reports whether err says that an object may not be replaced or deleted yet.
func isRetained(err error) bool {
	var api *googleapi.Error
	if !errors.As(err, &api) || api.Code != http.StatusForbidden {
		return false
	}
	for _, e := range api.Errors {
		if e.Reason == "retentionPolicyNotMet" || e.Reason == "objectUnderActiveHold" {
			return true
		}
	}
	text := strings.ToLower(detail(api))
	return strings.Contains(text, "retention policy") || strings.Contains(text, "under active")
}

// isRefused reports whether the server gave an answer that rules out that the
// write was done.
func isRefused(err error) bool {
	var api *googleapi.Error
	if !errors.As(err, &api) {
		return false
	}
	switch api.Code {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return true
	}
	return false
}

// maxDetail is the longest body of an answer that is told, in bytes: it may be a proxy's whole page.
const maxDetail = 400

// detail is what the server said, in one line. The answer to a refused read is left in the body by the client, and it is
// not always JSON.
func detail(api *googleapi.Error) string {
	text := api.Message
	if text == "" {
		var read *googleapi.Error
		if errors.As(googleapi.CheckResponseWithBody(&http.Response{StatusCode: api.Code}, []byte(api.Body)), &read) {
			text = read.Message
		}
	}
	if text == "" {
		text = strings.ToValidUTF8(api.Body[:min(len(api.Body), maxDetail)], "")
	}
	if text = strings.Join(strings.Fields(text), " "); text != "" {
		return strings.TrimSuffix(text, ".") // more follows it
	}
	return http.StatusText(api.Code)
}

// transient is a failure that was worth a retry.
type transient struct {
	err error
	at  time.Time
}

// lastFailure is the text of a failure that was retried within the time given,
// or "". It may be another call's: it is told as a hint why there was no
// progress, since the client drops it from an upload's error.
func (b *Bucket) lastFailure(within time.Duration) string {
	last := b.last.Load()
	if last == nil || time.Since(last.at) > within+time.Second {
		return ""
	}
	var api *googleapi.Error
	if errors.As(last.err, &api) {
		return fmt.Sprintf("; last failure: HTTP %d: %s", api.Code, detail(api))
	}
	var request *url.Error
	if errors.As(last.err, &request) {
		return "; last failure: " + request.Err.Error() // the address of an upload is as good as a key to it
	}
	return "; last failure: " + last.err.Error()
}
