package datastore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/panics"
)

// deleters is how many deletions are under way at a time: a few hundred take
// seconds, and stay far from the quota of 12,000 writes a minute.
const deleters = 8

// validID reports whether the service takes id as a document's id. It also
// keeps an id from reaching into another resource.
func validID(id string) bool {
	for i := range len(id) {
		c := id[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
		if !letter {
			return false
		}
	}
	return len(id) > 0 && len(id) <= 128
}

// Delete removes documents one by one, at once: the way for up to a few
// hundred, since a purge can take hours. A document that is not there is fine.
// failed holds those that may still be there, and why; err is set too when
// something ended the whole, such as a missing permission.
func (s *Store) Delete(ctx context.Context, ids []string) (failed map[string]error, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	client, err := s.documents()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	left := make(map[string]error)
	for _, id := range ids {
		left[id] = errors.New("not tried, an earlier deletion ended it")
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(deleters)
	for _, id := range ids {
		if gctx.Err() != nil {
			break
		}
		group.Go(panics.Guard(func() error {
			err := s.deleteOne(gctx, ctx, client.DeleteDocument, id)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				delete(left, id)
				return nil
			}
			left[id] = err
			switch status.Code(err) {
			case codes.InvalidArgument, codes.FailedPrecondition, codes.Internal, codes.Unknown:
				return nil // of this document; the others may go
			}
			return err
		}))
	}
	err = group.Wait()
	if ctx.Err() != nil {
		err = fmt.Errorf("delete from %s: %w", s.name, context.Cause(ctx))
	}
	if len(left) == 0 {
		left = nil
	}
	return left, err
}

// deleteCall is DocumentClient.DeleteDocument.
type deleteCall func(context.Context, *pb.DeleteDocumentRequest, ...gax.CallOption) error

// deleteOne deletes one document. ctx ends with the group, caller with the
// caller's wish.
func (s *Store) deleteOne(ctx, caller context.Context, call deleteCall, id string) error {
	object := s.branch + "/documents/" + id
	if !validID(id) {
		return &callError{
			text: fmt.Sprintf("delete %s/documents/%q: not a document id", s.branch, id),
			errs: []error{status.Error(codes.InvalidArgument, "not a document id")},
		}
	}
	bounded, cancel, retry := s.bounded(ctx)
	defer cancel()
	err := call(bounded, &pb.DeleteDocumentRequest{Name: object}, retry)
	if status.Code(err) == codes.NotFound && !isMissingStore(err) {
		return nil
	}
	return s.explain(caller, "delete", object, err)
}

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
