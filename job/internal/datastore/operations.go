package datastore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	// firstPoll is short for the sake of the sandbox, whose small imports end at
	// once; the pause grows, so one of minutes costs a few polls more.
	firstPoll = 50 * time.Millisecond
	slowPoll  = 10 * time.Second

	// pollGrace is how long a first answer is waited for, beyond the wait asked
	// for, when polls fail in a way that may pass.
	pollGrace = 10 * time.Second
	// pollLimit bounds a single poll.
	pollLimit = 15 * time.Second
)

// Progress is how far an import or a purge has come.
type Progress struct {
	Done      bool
	Succeeded int64     // documents; for a purge, those that were not there included
	Failed    int64     // documents
	Total     int64     // documents, as far as known
	Samples   []Failure // some of the failures, of a done import
	Err       error     // why the operation as a whole failed; nil also when single documents did
}

// Await polls an operation until it is done or wait is over, at least once.
// Polls that fail in a way that may pass are repeated; when none succeeded
// until a short while after wait, the error is the last one's. An operation
// that the service does not know is ErrUnknownOperation.
func (s *Store) Await(ctx context.Context, operation string, wait time.Duration) (Progress, error) {
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
			if latest, err = progress(op); err != nil || latest.Done {
				return latest, err
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

// progress reads an operation. Counts are in the metadata, which may be
// missing from an operation that has just begun.
func progress(op *longrunningpb.Operation) (Progress, error) {
	p := Progress{Done: op.GetDone()}
	if any := op.GetMetadata(); any != nil {
		metadata, err := any.UnmarshalNew()
		if err != nil {
			return p, fmt.Errorf("poll %s: metadata: %w", op.GetName(), err)
		}
		switch m := metadata.(type) {
		case *pb.ImportDocumentsMetadata:
			p.Succeeded, p.Failed, p.Total = m.GetSuccessCount(), m.GetFailureCount(), m.GetTotalCount()
		case *pb.PurgeDocumentsMetadata:
			p.Succeeded, p.Failed = m.GetSuccessCount()+m.GetIgnoredCount(), m.GetFailureCount()
		}
		p.Total = max(p.Total, p.Succeeded+p.Failed)
	}
	if st := op.GetError(); st != nil {
		p.Err = &callError{
			text: fmt.Sprintf("operation %s: %s: %s", op.GetName(), codes.Code(st.GetCode()), oneLine(st.GetMessage())),
			errs: []error{status.ErrorProto(st)},
		}
	}
	if any := op.GetResponse(); any != nil {
		response, err := any.UnmarshalNew()
		if err != nil {
			return p, fmt.Errorf("poll %s: response: %w", op.GetName(), err)
		}
		if r, ok := response.(*pb.ImportDocumentsResponse); ok {
			for _, st := range r.GetErrorSamples() {
				p.Samples = append(p.Samples, failuresOf(st)...)
			}
		}
	}
	return p, nil
}

// FindImport lists the imports of the data store that are not done, among them
// one whose name got lost with its reply. Those created before since are left
// out, lest one that the service never ends stops everything for ever.
func (s *Store) FindImport(ctx context.Context, since time.Time) (running []string, err error) {
	return s.find(ctx, since, &pb.ImportDocumentsMetadata{})
}

// FindPurge is FindImport for purges.
func (s *Store) FindPurge(ctx context.Context, since time.Time) (running []string, err error) {
	return s.find(ctx, since, &pb.PurgeDocumentsMetadata{})
}

// dated is the metadata of an operation.
type dated interface {
	proto.Message
	GetCreateTime() *timestamppb.Timestamp
}

// find lists the operations with this kind of metadata that are not done. One
// without a creation time counts as recent.
func (s *Store) find(ctx context.Context, since time.Time, kind dated) (running []string, err error) {
	client, err := s.documents()
	if err != nil {
		return nil, err
	}
	call, cancel, retry := s.bounded(ctx)
	defer cancel()
	it := client.ListOperations(call, &longrunningpb.ListOperationsRequest{Name: s.branch, PageSize: 100}, retry)
	for {
		op, err := it.Next()
		if err == iterator.Done {
			return running, nil
		}
		if err != nil {
			return nil, s.explain(ctx, "list operations of", s.branch, err)
		}
		if op.GetDone() || !op.GetMetadata().MessageIs(kind) {
			continue
		}
		if err := op.GetMetadata().UnmarshalTo(kind); err != nil {
			return nil, fmt.Errorf("list operations of %s: %s: %w", s.branch, op.GetName(), err)
		}
		if created := kind.GetCreateTime(); created == nil || created.AsTime().After(since) {
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
