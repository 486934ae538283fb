// Package discoveryengine is Vertex AI Search on loopback: documents, imports, purges, search and long-running
// operations over gRPC, with the real service's own checks, for as many data stores as a test needs.
//
// It reads imports from the storage sandbox of the same process. What the public documentation says of the
// service is kept; where it is silent the comment says what was chosen.
package discoveryengine

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	"vertexmetadata/sandbox/rpcgate"
	"vertexmetadata/sandbox/storage"
)

// maxRequestBytes bounds one request, inline documents included. The documentation names no figure.
const maxRequestBytes = 16 << 20

// Options say how a server starts.
type Options struct {
	// Addr to listen on, default "127.0.0.1:0".
	Addr string
	// Storage is where imports are read from and error files written to. Without it only inline sources work.
	Storage *storage.Server
	// Authorize is asked for every call; nil allows all.
	Authorize Authorize
	// MaxFileBytes is the size above which a file is refused; default 2 GB, the service's own limit.
	MaxFileBytes int64
}

// Server is a running service. Its methods may be called from several goroutines. Its gate has the switches for
// single calls: Inject, SetHooks, SetAuthorize and Calls.
type Server struct {
	*rpcgate.Gate
	options Options
	grpc    *grpc.Server
	addr    string
	work    sync.WaitGroup
	ctx     context.Context // ends with Close, and all running operations with it
	cancel  context.CancelFunc

	mu         sync.Mutex // guards all below
	stores     map[string]*DataStore
	operations map[string]*operation
	order      []*operation // of their starts
	lastID     int64        // of operations
	switches   switches
}

// Start returns a server that listens.
func Start(options Options) (*Server, error) {
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	if options.MaxFileBytes == 0 {
		options.MaxFileBytes = 2_000_000_000
	}
	listener, err := net.Listen("tcp", options.Addr)
	if err != nil {
		return nil, fmt.Errorf("start discovery engine: %w", err)
	}
	s := &Server{
		Gate:    rpcgate.New(permissions, resourceOf, options.Authorize),
		options: options, addr: listener.Addr().String(),
		stores: map[string]*DataStore{}, operations: map[string]*operation{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.Intercept), grpc.MaxRecvMsgSize(maxRequestBytes))
	discoveryenginepb.RegisterDocumentServiceServer(s.grpc, &documentService{s: s})
	discoveryenginepb.RegisterDataStoreServiceServer(s.grpc, &dataStoreService{s: s})
	discoveryenginepb.RegisterSearchServiceServer(s.grpc, &searchService{s: s})
	longrunningpb.RegisterOperationsServer(s.grpc, &operationService{s: s})
	go func() { _ = s.grpc.Serve(listener) }() // ends when Close is called
	return s, nil
}

// Addr is the host:port that DISCOVERYENGINE_ENDPOINT takes.
func (s *Server) Addr() string { return s.addr }

// Close ends the server and all running operations.
func (s *Server) Close() error {
	s.mu.Lock() // against an operation that starts at this moment
	s.cancel()
	s.mu.Unlock()
	s.grpc.Stop()
	s.work.Wait()
	return nil
}

// switches are the behaviours that tests turn on and off.
type switches struct {
	held              chan struct{} // closed by Release; nil while operations run freely
	latency           time.Duration
	operationFaults   []*OperationFault
	failDocument      func(id string) bool
	rejectWebP        bool
	anonymousErrors   bool
	errorFolderExists bool
	importsPerMinute  int
	imports           []time.Time // starts of recent imports from Cloud Storage
	serialImports     bool
}
