package datastore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrBusy is in the chain when the service had no room for the call within
	// the budget: another import runs, or a quota is used up. A later run tries
	// again.
	ErrBusy = errors.New("the service is busy")
	// ErrUnavailable is in the chain when the service did not answer within the
	// budget. Whether it did what was asked is not known.
	ErrUnavailable = errors.New("the service is unavailable")
	// ErrUnknownOperation is in the chain when the service does not know an
	// operation, never did or no longer does.
	ErrUnknownOperation = errors.New("the service does not know the operation")
	// ErrPurgeRefused is in the chain when the service does not take a purge by
	// ids in the form that is safe to send. Delete is the way out.
	ErrPurgeRefused = errors.New("the service refuses a purge by ids")
)

// callError is `verb object: cause`, with what errors.Is and status.Code need.
type callError struct {
	text string
	errs []error
}

func (e *callError) Error() string   { return e.text }
func (e *callError) Unwrap() []error { return e.errs }

// explain turns an error of the client into one that names the object and,
// where a person must act, the remedy. The caller's own context ended the call
// when ctx is over.
func (s *Store) explain(ctx context.Context, verb, object string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", verb, object, context.Cause(ctx))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = status.Error(codes.DeadlineExceeded, "no answer within "+s.cfg.Budget.String())
	}
	st, ok := status.FromError(err)
	if !ok {
		return fmt.Errorf("%s %s: %w", verb, object, err)
	}
	message := strings.TrimSuffix(oneLine(st.Message()), ".") // something follows
	remedy, kind := s.remedy(err, st.Code(), message)
	text := fmt.Sprintf("%s %s: %s", verb, object, message)
	if kind != nil {
		text = fmt.Sprintf("%s %s: %s: %s", verb, object, kind, message)
	}
	if remedy != "" {
		text += ": " + remedy
	}
	return &callError{text: text, errs: []error{kind, err}}
}

// remedy is what a person can do, if anything, and what kind of failure it is.
func (s *Store) remedy(err error, code codes.Code, message string) (remedy string, kind error) {
	switch code {
	case codes.Aborted, codes.ResourceExhausted:
		return "the next run tries again", ErrBusy
	case codes.Unavailable, codes.DeadlineExceeded:
		suspect := "the network"
		if s.cfg.Endpoint != "" {
			suspect = "DISCOVERYENGINE_ENDPOINT"
		}
		return "the next run tries again; check " + suspect + " if this stays", ErrUnavailable
	case codes.NotFound:
		return fmt.Sprintf("check DATA_STORE_ID, PROJECT_ID and GCP_LOCATION (now %s)", s.cfg.Location), errors.New("not found")
	case codes.Unauthenticated:
		return "give the job a service account, or run: gcloud auth application-default login", errors.New("not signed in")
	case codes.PermissionDenied:
		if reason(err) == "SERVICE_DISABLED" || strings.Contains(message, "has not been used in project") {
			return "run: gcloud services enable discoveryengine.googleapis.com --project " + s.cfg.Project, errors.New("API disabled")
		}
		return fmt.Sprintf("grant roles/discoveryengine.editor on project %s to the account the job runs as", s.cfg.Project), errors.New("access denied")
	case codes.InvalidArgument:
		if strings.Contains(message, "API endpoint") {
			return fmt.Sprintf("set GCP_LOCATION (now %s) to where the data store is: global, us or eu", s.cfg.Location), errors.New("wrong endpoint")
		}
		return "", errors.New("invalid argument")
	}
	return "", errors.New(code.String())
}

// reason is the machine-readable reason that Google's APIs add to an error.
func reason(err error) string {
	if api, ok := apierror.FromError(err); ok {
		return api.Reason()
	}
	return ""
}

// oneLine is text without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
