package datastore

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/refusal"
)

var (
	// ErrBusy is in the chain when the service had no room for the call within the
	// time it may wait: another import runs, or a quota is used up. Nothing was
	// started; a later run tries again.
	ErrBusy = errors.New("the service is busy")
	// ErrUnavailable is in the chain when the service did not answer within the
	// budget. Whether it did what was asked is not known.
	ErrUnavailable = errors.New("the service is unavailable")
	// ErrUnknownOperation is in the chain when the service does not know an
	// operation, never did or no longer does.
	ErrUnknownOperation = errors.New("the service does not know the operation")
	// ErrNotReadable is in the chain when the documents of a data store can be neither
	// listed nor read, because it has access control.
	ErrNotReadable = errors.New("the documents cannot be read")
	// ErrNoDocument is in the chain when a document is not in the data store.
	ErrNoDocument = errors.New("document is not in the data store")
)

// explain turns an error of the client into one that names the object and,
// where a person must act, the remedy. The caller's own context ended the call
// when ctx is over.
func (s *Store) explain(ctx context.Context, verb, object string, err error, is ...error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", verb, object, context.Cause(ctx))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = status.Error(codes.DeadlineExceeded, "no answer within "+s.cfg.Budget.String())
	}
	switch refusal.ClassOf(err, s.target()) {
	case refusal.Busy:
		is = append(is, ErrBusy)
	case refusal.Unavailable:
		is = append(is, ErrUnavailable)
	}
	return refusal.Explain(verb, object, err, s.target(), is...)
}

// target is what remedies name.
func (s *Store) target() refusal.Target {
	t := refusal.Target{Service: refusal.Search, Project: s.cfg.Project, Location: s.cfg.Location}
	if s.cfg.Endpoint != "" {
		t.StandIn = "DISCOVERYENGINE_ENDPOINT"
	}
	return t
}
