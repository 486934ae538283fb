package datastore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/panics"
)

// The service takes 12,000 writes of single documents a minute and project. A run's
// deletions stay within that in every minute: writesAtOnce + 60 * writesPerSecond.
const (
	writesPerSecond = 180
	writesAtOnce    = 1200
	// deleters is how many deletions are under way at a time: as many as reach the
	// limit above with 80 ms each.
	deleters = 16
)

// validID reports whether the service takes id as a document's id. It also
// keeps an id from reaching into another resource.
func validID(id string) bool {
	return len(id) > 0 && len(id) <= 128 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// Delete removes documents one by one, at the rate that the service allows. deleted
// are those that are not in the data store any more, also when err ended the whole
// early; one that was not there is among them. failed are those that the service
// refused to delete, and why; the others were deleted nevertheless.
func (s *Store) Delete(ctx context.Context, ids []string) (deleted []string, failed map[string]error, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	var mu sync.Mutex
	var waited error
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(deleters)
	for _, id := range ids {
		// It fails by the group's error, by the caller's, or when the time left cannot do.
		if waited = s.writes.Wait(gctx); waited != nil {
			break
		}
		group.Go(panics.Guard(func() error {
			err := s.deleteOne(gctx, ctx, id)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				deleted = append(deleted, id)
				return nil
			case gctx.Err() == nil && ofOneDocument(err):
				if failed == nil {
					failed = make(map[string]error)
				}
				failed[id] = err
				return nil
			}
			return err
		}))
	}
	switch err = group.Wait(); {
	case ctx.Err() != nil:
		err = fmt.Errorf("delete from %s: %w", s.name, context.Cause(ctx))
	case err == nil && waited != nil:
		err = fmt.Errorf("delete from %s: %w", s.name, waited)
	}
	return deleted, failed, err
}

// ofOneDocument reports whether the others may be deleted all the same.
func ofOneDocument(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.Internal, codes.Unknown:
		return !errors.Is(err, ErrUnavailable)
	}
	return false
}

// deleteOne deletes one document. ctx ends with the group, caller with the
// caller's wish.
func (s *Store) deleteOne(ctx, caller context.Context, id string) error {
	object := s.branch + "/documents/" + id
	if !validID(id) {
		return fmt.Errorf("delete %s/documents/%q: not a document id", s.branch, id) // of this document: its code is Unknown
	}
	bounded, cancel, retry := s.api.Bounded(ctx)
	defer cancel()
	err := s.documents.DeleteDocument(bounded, &pb.DeleteDocumentRequest{Name: object}, retry)
	if status.Code(err) == codes.NotFound && !isMissingStore(err) {
		return nil
	}
	return s.api.Explain(caller, "delete", object, err)
}
