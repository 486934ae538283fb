package datastore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"sync"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/refusal"
)

const (
	// firstPoll is short for the sake of the sandbox, whose small imports end at
	// once; the pause grows, so one of minutes costs a few polls more.
	firstPoll = 10 * time.Millisecond
	slowPoll  = 10 * time.Second

	// pollGrace is how long a first answer is waited for, beyond the wait asked
	// for, when polls fail in a way that may pass.
	pollGrace = 10 * time.Second
	// pollLimit bounds a single poll.
	pollLimit = 15 * time.Second
)

// Await polls an operation until it is done or wait is over, at least once.
// Polls that fail in a way that may pass are repeated; when none succeeded
// until a short while after wait, the error is the last one's. An operation
// that the service does not know, or that can be none of this data store, is
// ErrUnknownOperation.
func (s *Store) Await(ctx context.Context, operation string, wait time.Duration) (Progress, error) {
	if !s.cfg.owns(operation) {
		return Progress{}, fmt.Errorf("poll %s: not an operation of %s: %w", operation, s.name, ErrUnknownOperation)
	}
	client, err := s.documents()
	if err != nil {
		return Progress{}, err
	}
	var (
		latest   Progress
		answered bool
		pause    = firstPoll
		end      = time.Now().Add(wait)
		grace    = time.Now().Add(max(wait, min(pollGrace, s.cfg.Budget)))
	)
	for {
		poll, cancel := context.WithTimeout(ctx, min(pollLimit, s.cfg.Budget))
		op, err := client.GetOperation(poll, &longrunningpb.GetOperationRequest{Name: operation}, once())
		cancel()
		switch {
		case ctx.Err() != nil:
			return latest, s.explain(ctx, "poll", operation, ctx.Err())
		case err == nil:
			if latest = progress(op); latest.Done {
				latest.Err = s.advised(latest.Err, op)
				return latest, nil
			}
			answered = true
		case status.Code(err) == codes.NotFound && !isMissingStore(err):
			return latest, fmt.Errorf("poll %s: %w", operation, ErrUnknownOperation)
		case !mayPass(err) && status.Code(err) != codes.DeadlineExceeded && status.Code(err) != codes.Internal:
			return latest, s.explain(ctx, "poll", operation, err)
		}
		until := end
		if !answered {
			until = grace
		}
		left := time.Until(until)
		if left <= 0 {
			if !answered {
				return latest, s.explain(ctx, "poll", operation, err)
			}
			return latest, nil
		}
		if err := sleep(ctx, min(left, pause/2+rand.N(pause))); err != nil {
			return latest, s.explain(ctx, "poll", operation, err)
		}
		pause = min(pause*8/5, slowPoll)
	}
}

// FindImport lists the imports of the data store that are not done, among them
// one whose name got lost with its reply. Those created before since are left
// out, or one that the service never ends would stop everything for ever. They
// are looked for on the data store, as the documentation says, and on the
// branch, which their names begin with: whether either shows all is not
// documented. One without a creation time counts as recent.
func (s *Store) FindImport(ctx context.Context, since time.Time) (running []string, err error) {
	parents := []string{s.name, s.branch}
	listed := make([][]string, len(parents))
	errs := make([]error, len(parents))
	var both sync.WaitGroup
	for i, parent := range parents {
		both.Go(func() {
			errs[i] = panics.Guard(func() (err error) {
				listed[i], err = s.list(ctx, parent, since)
				return err
			})()
		})
	}
	both.Wait()
	for i, err := range errs {
		if other := errs[1-i]; err != nil && (!notListed(err) || i == 0 && other != nil && notListed(other)) {
			return nil, err
		}
	}
	for _, name := range slices.Concat(listed...) {
		if !slices.ContainsFunc(running, func(known string) bool { return path.Base(known) == path.Base(name) }) {
			running = append(running, name)
		}
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
	client, err := s.documents()
	if err != nil {
		return nil, err
	}
	call, cancel, retry := s.bounded(ctx)
	defer cancel()
	it := client.ListOperations(call, &longrunningpb.ListOperationsRequest{Name: parent, PageSize: 100}, retry)
	for {
		op, err := it.Next()
		if err == iterator.Done {
			return running, nil
		}
		if err != nil {
			return nil, s.explain(ctx, "list operations of", parent, err)
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

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
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
