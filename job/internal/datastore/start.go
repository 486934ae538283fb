package datastore

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	discoveryengine "cloud.google.com/go/discoveryengine/apiv1"
	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/googleapis/gax-go/v2"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/refusal"
)

// importDocuments starts an import once the service takes one, within the wait, and returns the
// operation's name.
func (s *Store) importDocuments(ctx context.Context, req *pb.ImportDocumentsRequest, wait time.Duration) (string, error) {
	client, err := s.documents()
	if err != nil {
		return "", err
	}
	req.Parent = s.branch
	end := time.Now().Add(wait)
	backoff := gax.Backoff{Initial: 250 * time.Millisecond, Max: 10 * time.Second, Multiplier: 2}
	for {
		operation, err := s.tryImport(ctx, client, req)
		switch {
		case err == nil:
			return operation, nil
		case ctx.Err() != nil:
		case refusesErrorFolder(req, err):
			req.ErrorConfig = nil
			continue
		case s.isBusy(ctx, err):
			pause := max(backoff.Pause(), retryDelay(err))
			if time.Now().Add(pause).Before(end) && sleep(ctx, pause) == nil {
				continue
			}
			return "", s.explain(ctx, "import into", s.name, err, ErrBusy)
		}
		return "", s.explain(ctx, "import into", s.name, err)
	}
}

// tryImport asks for an import, again only while nobody answers.
func (s *Store) tryImport(ctx context.Context, client *discoveryengine.DocumentClient, req *pb.ImportDocumentsRequest) (string, error) {
	call, cancel, retry := s.bounded(ctx, codes.Unavailable)
	defer cancel()
	op, err := client.ImportDocuments(call, req, s.unlessBegun(call, retry))
	if err != nil {
		return "", err
	}
	return op.Name(), nil
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
		if refusal.Known(err, s.target()) {
			return false
		}
		if turnText().MatchString(status.Convert(err).Message()) {
			return true
		}
		running, listErr := s.FindImport(ctx, time.Now().Add(-operationHistory))
		return listErr == nil && len(running) > 0
	}
	return false
}

// refusesErrorFolder reports whether err refuses the folder for error files and not
// the import: one that does not exist, or is not empty, by whatever rule.
func refusesErrorFolder(req *pb.ImportDocumentsRequest, err error) bool {
	folder := req.GetErrorConfig().GetGcsPrefix()
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.PermissionDenied, codes.Unimplemented:
	default:
		return false
	}
	message := strings.ToLower(status.Convert(err).Message())
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
