package datastore

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

const branchName = "projects/p1/locations/global/collections/default_collection/dataStores/posts/branches/default_branch"

// service is a Discovery Engine that answers as a test asks it to.
type service struct {
	pb.UnimplementedDocumentServiceServer
	pb.UnimplementedDataStoreServiceServer
	pb.UnimplementedSearchServiceServer
	pb.UnimplementedSchemaServiceServer
	longrunningpb.UnimplementedOperationsServer

	mu         sync.Mutex
	refusals   map[string][]error // per method, given before the work, one call each
	forever    map[string]error   // per method, to every call
	hang       map[string]bool    // methods that never answer
	calls      map[string]int
	imports    []*pb.ImportDocumentsRequest
	documents  []string
	more       func() string                         // nil, or the token of a page after the last
	operations []*longrunningpb.Operation            // what GetOperation answers, in turn; the last stays
	listed     []*longrunningpb.Operation            // on the branch and on the data store
	listedOn   map[string][]*longrunningpb.Operation // more, on one of the two
	unlisted   map[string]error                      // why a parent has no list
	store      *pb.DataStore
	schema     *pb.Schema
	masks      []string
	searches   []*pb.SearchRequest
}

// start serves until the test ends, and returns a Store that talks to it.
func start(t testing.TB, s *service, budget time.Duration) *Store {
	t.Helper()
	s.calls = map[string]int{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
	pb.RegisterDocumentServiceServer(server, s)
	pb.RegisterDataStoreServiceServer(server, s)
	pb.RegisterSearchServiceServer(server, s)
	pb.RegisterSchemaServiceServer(server, s)
	longrunningpb.RegisterOperationsServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	store, err := Open(t.Context(), Config{Project: "p1", DataStore: "posts", Endpoint: listener.Addr().String(), Budget: budget})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func (s *service) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	method := info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]
	s.mu.Lock()
	s.calls[method]++
	err := s.forever[method]
	if queue := s.refusals[method]; len(queue) > 0 {
		err, s.refusals[method] = queue[0], queue[1:]
	}
	hang := s.hang[method]
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return handle(ctx, req)
}

func (s *service) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

func (s *service) ImportDocuments(_ context.Context, req *pb.ImportDocumentsRequest) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.imports = append(s.imports, req)
	return &longrunningpb.Operation{Name: fmt.Sprintf("%s/operations/import-documents-%d", req.GetParent(), len(s.imports))}, nil
}

func (s *service) DeleteDocument(_ context.Context, req *pb.DeleteDocumentRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := strings.CutPrefix(req.GetName(), branchName+"/documents/")
	i := slices.Index(s.documents, id)
	switch {
	case !ok:
		return nil, status.Errorf(codes.InvalidArgument, "name %q", req.GetName())
	case id == "stuck":
		return nil, status.Error(codes.FailedPrecondition, "document has children")
	case i < 0:
		return nil, status.Errorf(codes.NotFound, "Document %s not found.", req.GetName())
	}
	s.documents = slices.Delete(s.documents, i, i+1)
	return &emptypb.Empty{}, nil
}

func (s *service) ListDocuments(ctx context.Context, req *pb.ListDocumentsRequest) (*pb.ListDocumentsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	md, _ := metadata.FromIncomingContext(ctx)
	s.masks = append(s.masks, md.Get("x-goog-fieldmask")...)
	from := 0
	if req.GetPageToken() != "" {
		_, _ = fmt.Sscan(req.GetPageToken(), &from)
	}
	to := min(from+int(req.GetPageSize()), len(s.documents))
	resp := &pb.ListDocumentsResponse{}
	for _, id := range s.documents[from:to] {
		doc := &pb.Document{Name: req.GetParent() + "/documents/" + id}
		if len(id)%2 == 0 {
			doc.Id = id
		}
		resp.Documents = append(resp.Documents, doc)
	}
	if to < len(s.documents) {
		resp.NextPageToken = fmt.Sprint(to)
	} else if s.more != nil {
		resp.NextPageToken = s.more()
	}
	return resp, nil
}

func (s *service) GetOperation(_ context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.operations) == 0 {
		return nil, status.Errorf(codes.NotFound, "Operation %s does not exist.", req.GetName())
	}
	op := s.operations[0]
	if len(s.operations) > 1 {
		s.operations = s.operations[1:]
	}
	return op, nil
}

func (s *service) ListOperations(_ context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	if req.GetName() != branchName && req.GetName() != storeName {
		return nil, status.Errorf(codes.InvalidArgument, "name %q", req.GetName())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.unlisted[req.GetName()]; err != nil {
		return nil, err
	}
	all := slices.Concat(s.listed, s.listedOn[req.GetName()])
	i := 0
	_, _ = fmt.Sscan(req.GetPageToken(), &i)
	resp := &longrunningpb.ListOperationsResponse{Operations: all[i:min(i+1, len(all))]}
	if i+1 < len(all) {
		resp.NextPageToken = fmt.Sprint(i + 1)
	}
	return resp, nil
}

func (s *service) GetDocument(_ context.Context, req *pb.GetDocumentRequest) (*pb.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := strings.CutPrefix(req.GetName(), branchName+"/documents/")
	switch {
	case id == "raw":
		return &pb.Document{Id: id, Data: &pb.Document_JsonData{JsonData: `{ "answer": 1 }`}}, nil
	case !slices.Contains(s.documents, id):
		return nil, status.Errorf(codes.NotFound, "Document with name %q does not exist.", req.GetName())
	}
	return &pb.Document{
		Id: id, Name: req.GetName(), Data: &pb.Document_StructData{StructData: fields("answer", "鳥 "+id)},
		Content: &pb.Document_Content{MimeType: "image/png", Content: &pb.Document_Content_Uri{Uri: "gs://images/" + id}},
	}, nil
}

func (s *service) GetDataStore(_ context.Context, req *pb.GetDataStoreRequest) (*pb.DataStore, error) {
	if s.store == nil {
		return nil, status.Errorf(codes.NotFound, "DataStore %s not found.", req.GetName())
	}
	return s.store, nil
}

func (s *service) GetSchema(context.Context, *pb.GetSchemaRequest) (*pb.Schema, error) {
	return s.schema, nil
}

func (s *service) Search(_ context.Context, req *pb.SearchRequest) (*pb.SearchResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.searches = append(s.searches, req)
	resp := &pb.SearchResponse{}
	for _, id := range s.documents[:min(len(s.documents), int(req.GetPageSize()))] {
		resp.Results = append(resp.Results, &pb.SearchResponse_SearchResult{Id: id, Document: &pb.Document{
			Data:    &pb.Document_StructData{StructData: fields("answer", "鳥 "+id)},
			Content: &pb.Document_Content{Content: &pb.Document_Content_Uri{Uri: "gs://images/" + id}},
		}})
	}
	return resp, nil
}

// packed is m as an operation carries it.
func packed(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil {
		panic(err)
	}
	return a
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// contextThatEnds ends by the caller's wish, with no deadline to see before.
func contextThatEnds(t *testing.T, after time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(after, func() { cancel(fmt.Errorf("SIGTERM")) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}
