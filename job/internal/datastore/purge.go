package datastore

import (
	"context"
	"fmt"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// PurgeObjects starts the removal of documents by id, and returns the
// operation's name. Each object, gs://bucket/name, holds one bare document id a
// line; the service writes an account of what fails under errorsPrefix.
//
// The request (google/cloud/discoveryengine/v1/purge_config.proto) has a source
// of ids ("document_id: One valid Document.id per line") and a filter, marked
// required, whose "only currently supported value is * (all items)". How the
// two combine is not documented. A server that gives the filter precedence
// empties the data store, so none is ever sent: a server that insists on it
// answers INVALID_ARGUMENT, which is ErrPurgeRefused here, and harms nothing.
// No other code in this package makes a purge request, and purgeRequest cannot
// make one without ids.
func (s *Store) PurgeObjects(ctx context.Context, uris []string, errorsPrefix string) (operation string, err error) {
	req, err := s.purgeRequest(uris, errorsPrefix)
	if err != nil {
		return "", err
	}
	client, err := s.documents()
	if err != nil {
		return "", err
	}
	call, cancel, retry := s.bounded(ctx)
	defer cancel()
	op, err := client.PurgeDocuments(call, req, s.unless(ctx, s.FindPurge, retry))
	if status.Code(err) == codes.InvalidArgument {
		return "", &callError{
			text: fmt.Sprintf("purge from %s: %s: %s", s.name, ErrPurgeRefused, oneLine(status.Convert(err).Message())),
			errs: []error{ErrPurgeRefused, err},
		}
	}
	if err != nil {
		return "", s.explain(ctx, "purge from", s.name, err)
	}
	return op.Name(), nil
}

// purgeRequest is the only maker of a purge request. It has a source of ids,
// and no filter.
func (s *Store) purgeRequest(uris []string, errorsPrefix string) (*pb.PurgeDocumentsRequest, error) {
	if err := checkURIs(uris); err != nil {
		return nil, fmt.Errorf("purge from %s: %w", s.name, err)
	}
	req := &pb.PurgeDocumentsRequest{
		Parent: s.branch,
		Source: &pb.PurgeDocumentsRequest_GcsSource{GcsSource: &pb.GcsSource{InputUris: uris, DataSchema: "document_id"}},
		Force:  true, // false would only count
	}
	if errorsPrefix != "" {
		req.ErrorConfig = &pb.PurgeErrorConfig{Destination: &pb.PurgeErrorConfig_GcsPrefix{GcsPrefix: errorsPrefix}}
	}
	return req, nil
}
