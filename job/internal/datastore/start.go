package datastore

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/googleapis/gax-go/v2"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/refusal"
)

// importDocuments starts an import once the service takes one, and returns the operation's name.
//
// A service that is busy is asked again until wait is over, once at least. UNAVAILABLE may mean that the import began and the
// reply was lost; a second one could end after later work and undo it. So after that the call is repeated only while the data
// store lists no import that runs.
func (s *Store) importDocuments(ctx context.Context, req *pb.ImportDocumentsRequest, wait time.Duration) (string, error) {
	req.Parent = s.branch
	begin := time.Now()
	backoff := gax.Backoff{Initial: 250 * time.Millisecond, Max: 10 * time.Second, Multiplier: 2}
	for {
		operation, patience, err := s.tryImport(ctx, req, wait)
		pause := max(backoff.Pause(), retryDelay(err))
		switch {
		case err == nil:
			return operation, nil
		case refusesErrorFolder(req, err):
			req.ErrorConfig = nil
		case time.Since(begin)+pause >= patience:
			return "", err
		default:
			if err := gax.Sleep(ctx, pause); err != nil {
				return "", s.api.Explain(ctx, "import into", s.name, err)
			}
		}
	}
}

// tryImport asks for an import once, and returns for how long it may be asked again after an error.
func (s *Store) tryImport(ctx context.Context, req *pb.ImportDocumentsRequest, wait time.Duration) (operation string, patience time.Duration, err error) {
	call, cancel := context.WithTimeout(ctx, s.api.Budget) // also of the list that an error asks for
	defer cancel()
	op, err := s.documents.ImportDocuments(call, req, gax.WithRetry(func() gax.Retryer { return nil }))
	var is []error
	switch {
	case err == nil:
		return op.Name(), 0, nil
	case s.isBusy(call, err):
		patience, is = wait, []error{ErrBusy}
	case status.Code(err) == codes.Unavailable && s.running(call) == 0:
		patience = max(wait, s.api.Budget)
	}
	return "", patience, s.api.Explain(ctx, "import into", s.name, err, is...)
}

// operationHistory is how far back an operation may have begun that still runs.
const operationHistory = 7 * 24 * time.Hour

// running is how many imports run, below 0 where that is not known.
func (s *Store) running(ctx context.Context) int {
	running, err := s.FindImport(ctx, time.Now().Add(-operationHistory))
	if err != nil {
		return -1
	}
	return len(running)
}

// turnText is how a FAILED_PRECONDITION says that the precondition is another import's end.
var turnText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(another|already|concurrent(ly)?|running|in progress|ongoing|pending|busy)\b`)
})

// isBusy reports whether err refuses an import only for now. Which code the service
// has for a second import on a branch is not documented; FAILED_PRECONDITION stands
// for lasting refusals too, such as that of a key.
func (s *Store) isBusy(ctx context.Context, err error) bool {
	switch status.Code(err) {
	case codes.Aborted, codes.ResourceExhausted:
		return true
	case codes.FailedPrecondition:
		if refusal.Known(err, s.api.Target) {
			return false
		}
		if turnText().MatchString(status.Convert(err).Message()) {
			return true
		}
		return s.running(ctx) > 0
	}
	return false
}

// refusesErrorFolder reports whether err refuses the folder for error files and not
// the import: one that does not exist, or is not empty, by whatever rule. It goes by
// all that the service said; err itself shows no more of it than a person reads.
func refusesErrorFolder(req *pb.ImportDocumentsRequest, err error) bool {
	folder := req.GetErrorConfig().GetGcsPrefix()
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.PermissionDenied, codes.Unimplemented:
	default:
		return false
	}
	var said *apierror.APIError
	if !errors.As(err, &said) {
		return false
	}
	message := strings.ToLower(said.Message())
	names := []string{"error_config", "errorconfig", "gcs_prefix", "gcsprefix", strings.ToLower(strings.TrimSuffix(folder, "/"))}
	return folder != "" && slices.ContainsFunc(names, func(name string) bool { return strings.Contains(message, name) })
}

// maxRetryDelay bounds what a server may ask a client to wait.
const maxRetryDelay = time.Minute

// retryDelay is how long the service asks to wait, 0 where it does not say.
func retryDelay(err error) time.Duration {
	details, ok := apierror.FromError(err)
	if !ok {
		return 0
	}
	return min(details.Details().RetryInfo.GetRetryDelay().AsDuration(), maxRetryDelay)
}
