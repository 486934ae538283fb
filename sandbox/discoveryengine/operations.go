package discoveryengine

import (
	"context"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// operationService is google.longrunning.Operations, on the same address as the rest.
type operationService struct {
	longrunningpb.UnimplementedOperationsServer
	s *Server
}

func (o *operationService) find(name string) (*operation, error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	// A name with the project's id stands for the same operation.
	if op, found := o.s.operations[name]; found {
		return op, nil
	}
	if store, rest, ok := strings.Cut(name, "/branches/"); ok {
		if parsed, _, err := parseName(store); err == nil {
			if known := o.s.stores[parsed.String()]; known != nil {
				if op, found := o.s.operations[known.Name()+"/branches/"+rest]; found {
					return op, nil
				}
			}
		}
	}
	return nil, status.Errorf(codes.NotFound, "Operation %q not found.", name)
}

func (o *operationService) GetOperation(_ context.Context, r *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	op, err := o.find(r.GetName())
	if err != nil {
		return nil, err
	}
	return op.proto()
}

func (o *operationService) WaitOperation(ctx context.Context, r *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	op, err := o.find(r.GetName())
	if err != nil {
		return nil, err
	}
	if timeout := r.GetTimeout(); timeout != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout.AsDuration())
		defer cancel()
	}
	select {
	case <-op.done:
	case <-ctx.Done():
	}
	return op.proto()
}

// ListOperations lists those whose name begins with the request's, newest first, filtered by "done=true" or
// "done=false" if asked.
func (o *operationService) ListOperations(_ context.Context, r *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	store, rest, err := o.s.store(r.GetName())
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 && rest[0] != "branches" {
		return nil, invalid("Invalid resource name: %q", r.GetName())
	}
	behaviour := o.s.behaviour()
	onBranch := len(rest) > 0
	unlisted := behaviour.Listing == ListedOnDataStore && onBranch || behaviour.Listing == ListedOnBranch && !onBranch
	if unlisted {
		if behaviour.Unlisted != codes.OK {
			return nil, status.Errorf(behaviour.Unlisted, "Operations of %q cannot be listed.", r.GetName())
		}
		return &longrunningpb.ListOperationsResponse{}, nil
	}
	var wantDone *bool
	switch filter := strings.ToLower(strings.ReplaceAll(r.GetFilter(), " ", "")); filter {
	case "":
	case "done=true", "done:true", "done=false", "done:false":
		done := strings.HasSuffix(filter, "true")
		wantDone = &done
	default:
		return nil, invalid("Invalid filter: %q", r.GetFilter())
	}
	var matching []*operation
	o.s.mu.Lock()
	for i := len(o.s.order) - 1; i >= 0; i-- {
		op := o.s.order[i]
		if op.store == store && (wantDone == nil || *wantDone == op.finished()) {
			matching = append(matching, op)
		}
	}
	o.s.mu.Unlock()
	from, to, next, err := page(r.GetName()+r.GetFilter(), r.GetPageToken(), int(r.GetPageSize()), 100, len(matching))
	if err != nil {
		return nil, err
	}
	response := &longrunningpb.ListOperationsResponse{NextPageToken: next}
	for _, op := range matching[from:to] {
		shown, err := op.proto()
		if err != nil {
			return nil, err
		}
		response.Operations = append(response.Operations, shown)
	}
	return response, nil
}

func (o *operationService) CancelOperation(_ context.Context, r *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	op, err := o.find(r.GetName())
	if err != nil {
		return nil, err
	}
	op.cancel()
	return &emptypb.Empty{}, nil
}

func (o *operationService) DeleteOperation(_ context.Context, r *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	op, err := o.find(r.GetName())
	if err != nil {
		return nil, err
	}
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	delete(o.s.operations, op.name)
	return &emptypb.Empty{}, nil
}
