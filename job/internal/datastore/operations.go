package datastore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"sync"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/refusal"
)

const (
	// firstPoll is short for the sake of the sandbox, whose small imports end at
	// once; the pause grows, so one of minutes costs a few polls more.
	firstPoll = 10 * time.Millisecond
	slowPoll  = 10 * time.Second

	// pollBudget bounds a single poll: the next one, or the next run's, asks again.
	pollBudget = 10 * time.Second
)

// Await polls an operation until it is done or wait is over, at least once.
// Polls that fail in a way that may pass are repeated; when none succeeded
// until wait is over, the error is the last one's. An operation
// that the service does not know, or that can be none of this data store, is
// ErrUnknownOperation.
func (s *Store) Await(ctx context.Context, operation string, wait time.Duration) (latest Progress, err error) {
	if !s.cfg.owns(operation) {
		return latest, fmt.Errorf("poll %s: not an operation of %s: %w", operation, s.name, ErrUnknownOperation)
	}
	answered, end := false, time.Now().Add(wait)
	for pause := firstPoll; ; pause = min(pause*8/5, slowPoll) {
		op, err := s.poll(ctx, operation)
		switch {
		case err == nil:
			answered = true
			if latest = s.progress(op); latest.Done {
				return latest, nil
			}
		case !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrBusy) && status.Code(err) != codes.Internal:
			return latest, err
		}
		left := time.Until(end)
		switch {
		case left <= 0 && answered:
			return latest, nil
		case left <= 0:
			return latest, err
		}
		if err := gax.Sleep(ctx, min(left, pause/2+rand.N(pause))); err != nil {
			return latest, s.api.Explain(ctx, "poll", operation, err)
		}
	}
}

func (s *Store) poll(ctx context.Context, operation string) (*longrunningpb.Operation, error) {
	api := s.api.Within(pollBudget)
	call, cancel, retry := api.Bounded(ctx)
	defer cancel()
	op, err := s.documents.GetOperation(call, &longrunningpb.GetOperationRequest{Name: operation}, retry)
	if status.Code(err) == codes.NotFound && !isMissingStore(err) {
		return nil, fmt.Errorf("poll %s: %w", operation, ErrUnknownOperation)
	}
	return op, api.Explain(ctx, "poll", operation, err)
}

// FindImport lists the imports of the data store that are not done, among them
// one whose name got lost with its reply. Those created before since are left
// out, or one that the service never ends would stop everything for ever. They
// are looked for on the data store, as the documentation says, and on the
// branch, which their names begin with: whether either shows all is not
// documented. One without a creation time counts as recent.
func (s *Store) FindImport(ctx context.Context, since time.Time) (running []string, err error) {
	var unlisted []error
	for _, parent := range []string{s.name, s.branch} {
		names, err := s.list(ctx, parent, since)
		switch {
		case err != nil && !notListed(err):
			return nil, err
		case err != nil:
			unlisted = append(unlisted, err)
		}
		for _, name := range names {
			if !slices.ContainsFunc(running, func(known string) bool { return path.Base(known) == path.Base(name) }) {
				running = append(running, name)
			}
		}
	}
	if len(unlisted) == 2 {
		return nil, unlisted[0]
	}
	return running, nil
}

// notListed reports whether err says that operations cannot be listed at that place,
// rather than that they cannot be listed now.
func notListed(err error) bool {
	switch status.Code(err) {
	case codes.NotFound, codes.Unimplemented, codes.InvalidArgument:
		return true
	}
	return false
}

// list is FindImport at one place.
func (s *Store) list(ctx context.Context, parent string, since time.Time) (running []string, err error) {
	call, cancel, retry := s.api.Bounded(ctx)
	defer cancel()
	it := s.documents.ListOperations(call, &longrunningpb.ListOperationsRequest{Name: parent, PageSize: 100}, retry)
	for {
		op, err := it.Next()
		if err == iterator.Done {
			return running, nil
		}
		if err != nil {
			return nil, s.api.Explain(ctx, "list operations of", parent, err)
		}
		if op.GetDone() || !isImport(op) {
			continue
		}
		var metadata pb.ImportDocumentsMetadata // the time is in the same place in all kinds
		_ = decode(op.GetMetadata(), "", &metadata)
		if created := metadata.GetCreateTime(); created == nil || created.AsTime().After(since) {
			running = append(running, op.GetName())
		}
	}
}

var operationName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^projects/([A-Za-z0-9:._-]+)/locations/([a-z0-9-]+)(?:/collections/[A-Za-z0-9_-]+)?(?:/dataStores/([A-Za-z0-9_-]+))?(?:/branches/[A-Za-z0-9_-]+)?/operations/[A-Za-z0-9._-]+$`)
})

// owns reports whether an operation can be one of this data store: a name that others wrote must not be polled. It comes
// back with the project's number in place of its id, which cannot be compared, and may come without the data store.
func (c Config) owns(operation string) bool {
	step := operationName().FindStringSubmatch(operation)
	return step != nil && (step[1] == c.Project || refusal.IsNumber(step[1]) != refusal.IsNumber(c.Project)) && step[2] == c.Location &&
		(step[3] == "" || step[3] == c.DataStore)
}
