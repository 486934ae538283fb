package discoveryengine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxPending is the documented number of import operations that may wait or run at a time.
const maxPending = 300

// operation is one long-running operation.
type operation struct {
	name  string
	store *DataStore
	full  bool // a FULL import
	// behaviour of the service when it started
	behaviour Behaviour
	created   time.Time
	cancel    context.CancelFunc
	done      chan struct{} // closed at the end

	mu       sync.Mutex // guards all below
	updated  time.Time
	success  int64
	failure  int64
	response proto.Message
	err      *status.Status
	shown    bool // as done, in an answer
}

// OperationInfo describes an operation, for tests.
type OperationInfo struct {
	Name string
	Full bool // a FULL import
	Done bool
	Code codes.Code // of its error, OK without one
}

// Operations are all operations in the order in which they started.
func (s *Server) Operations() []OperationInfo {
	s.mu.Lock()
	order := slices.Clone(s.order)
	s.mu.Unlock()
	infos := make([]OperationInfo, 0, len(order))
	for _, op := range order {
		op.mu.Lock()
		infos = append(infos, OperationInfo{op.name, op.full, op.finished(), op.err.Code()})
		op.mu.Unlock()
	}
	return infos
}

// ForgetOperations makes every operation unknown, as the service does some time after they ended. Those that
// still run go on.
func (s *Server) ForgetOperations() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations, s.order = map[string]*operation{}, nil
}

// Wait returns when no operation runs any more, or with the context's error.
func (s *Server) Wait(ctx context.Context) error {
	s.mu.Lock()
	order := slices.Clone(s.order)
	s.mu.Unlock()
	for _, op := range order {
		select {
		case <-op.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for operation %s: %w", op.name, ctx.Err())
		}
	}
	return nil
}

// start registers an operation and runs work in the background, once the switches let it.
func (s *Server) start(op *operation, work func(ctx context.Context, op *operation) (proto.Message, error)) (*longrunningpb.Operation, error) {
	ctx, cancel := context.WithCancel(s.ctx)
	op.created, op.updated, op.cancel, op.done = time.Now(), time.Now(), cancel, make(chan struct{})
	s.mu.Lock()
	if ctx.Err() != nil {
		s.mu.Unlock()
		cancel()
		return nil, status.Error(codes.Unavailable, "the server is shutting down")
	}
	// The service's operations end in a number of this size too; they need not be in order.
	s.lastID = max(s.lastID+1, time.Now().UnixNano())
	op.name = fmt.Sprintf("%s/branches/0/operations/import-documents-%d", op.store.Name(), s.lastID)
	s.operations[op.name] = op
	s.order = append(s.order, op)
	s.work.Go(func() {
		defer cancel()
		response, err := s.perform(ctx, op, work)
		op.finish(response, err)
	})
	s.mu.Unlock()
	return op.proto()
}

func (s *Server) perform(ctx context.Context, op *operation, work func(context.Context, *operation) (proto.Message, error)) (proto.Message, error) {
	s.mu.Lock()
	latency := s.switches.latency
	s.mu.Unlock()
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for {
		s.mu.Lock()
		held := s.switches.held
		s.mu.Unlock()
		if held == nil {
			break
		}
		select {
		case <-held:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return work(ctx, op)
}

func (op *operation) finish(response proto.Message, err error) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.updated, op.response = time.Now(), response
	switch _, known := status.FromError(err); {
	case err == nil:
	case known:
		op.err = status.Convert(err)
	default:
		op.err = status.FromContextError(err) // CANCELLED, or UNKNOWN
	}
	close(op.done)
}

func (op *operation) finished() bool {
	select {
	case <-op.done:
		return true
	default:
		return false
	}
}

// progress is called as the work goes on.
func (op *operation) progress(success, failure int) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.updated = time.Now()
	op.success, op.failure = op.success+int64(success), op.failure+int64(failure)
}

// proto is the operation as the API shows it.
func (op *operation) proto() (*longrunningpb.Operation, error) {
	op.mu.Lock()
	defer op.mu.Unlock()
	result := &longrunningpb.Operation{Name: op.name, Done: op.finished()}
	var err error
	if result.Metadata, err = op.behaviour.pack(op.metadata()); err != nil {
		return nil, err
	}
	op.shown = op.shown || result.GetDone()
	switch {
	case !result.GetDone():
	case op.err != nil:
		result.Result = &longrunningpb.Operation_Error{Error: op.err.Proto()}
	default:
		response, err := op.behaviour.pack(op.response)
		if err != nil {
			return nil, err
		}
		result.Result = &longrunningpb.Operation_Response{Response: response}
	}
	return result, nil
}

// pack is a message as an operation carries it.
func (b Behaviour) pack(message proto.Message) (*anypb.Any, error) {
	packed, err := anypb.New(message)
	if err != nil {
		return nil, err
	}
	switch b.Metadata {
	case MetadataV1beta: // the versions differ in nothing that a message of theirs says
		packed.TypeUrl = strings.Replace(packed.GetTypeUrl(), ".v1.", ".v1beta.", 1)
	case MetadataV1alpha:
		packed.TypeUrl = strings.Replace(packed.GetTypeUrl(), ".v1.", ".v1alpha.", 1)
	case MetadataUnknown:
		packed = &anypb.Any{TypeUrl: "type.googleapis.com/google.cloud.discoveryengine.v2.OperationProgress", Value: []byte("\xff\x00?")}
	case MetadataAbsent:
		packed = nil
	}
	return packed, nil
}

func (op *operation) metadata() proto.Message {
	created, updated := timestamppb.New(op.created), timestamppb.New(op.updated)
	if op.behaviour.Counts == CountLate && !op.shown {
		return &discoveryenginepb.ImportDocumentsMetadata{CreateTime: created, UpdateTime: updated}
	}
	return &discoveryenginepb.ImportDocumentsMetadata{
		CreateTime: created, UpdateTime: updated,
		SuccessCount: op.success, FailureCount: op.failure, TotalCount: op.success + op.failure,
	}
}
