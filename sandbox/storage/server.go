// Package storage is Google Cloud Storage on loopback: fake-gcs-server in process, behind a layer that makes
// up for what the job relies on and the fake lacks: preconditions on every call, cheap resumable uploads,
// error bodies as the real service writes them, permission checks, a request log, and fault switches.
package storage

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Authorize decides whether the bearer of token may use a permission such as storage.objects.create on a
// resource such as projects/_/buckets/b/objects/o. Its error's text is what the client receives, with status
// 403, or 401 when the token is empty.
type Authorize func(token, permission, resource string) error

// Hook is called with a request at a step of its way; it may block, or end the process that sent it.
type Hook func(Request)

// Options say how a server starts. The zero value is an empty server that allows everything.
type Options struct {
	// Addr to listen on, default "127.0.0.1:0".
	Addr string
	// Buckets that exist from the start.
	Buckets []string
	// Authorize is asked for every request; nil allows all.
	Authorize Authorize
}

// Server is a running storage service. Its methods may be called from several goroutines.
type Server struct {
	fake   *fakestorage.Server
	http   *http.Server
	addr   string
	faults faults
	log    requestLog

	// change serialises every check of a precondition with the change that depends on it.
	change         sync.Mutex
	lastGeneration int64           // guarded by change
	marks          map[string]mark // by heldKey; guarded by change

	mu        sync.Mutex // guards the fields below
	sessions  map[string]*session
	held      map[string]held // by heldKey; changed under change too
	authorize Authorize
	before    Hook
	after     Hook
	policies  map[string]Policy // by bucket
	clock     func() time.Time  // nil: time.Now
}

// Start returns a server that listens.
func Start(options Options) (*Server, error) {
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, Writer: io.Discard})
	if err != nil {
		return nil, fmt.Errorf("start storage: %w", err)
	}
	addr := options.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		fake.Stop()
		return nil, fmt.Errorf("start storage: %w", err)
	}
	s := &Server{
		fake:      fake,
		addr:      listener.Addr().String(),
		sessions:  map[string]*session{},
		held:      map[string]held{},
		marks:     map[string]mark{},
		policies:  map[string]Policy{},
		authorize: options.Authorize,
	}
	for _, bucket := range options.Buckets {
		s.CreateBucket(bucket)
	}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		// A client that a test kills in the middle of a request is no news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { _ = s.http.Serve(listener) }() // ends with ErrServerClosed when Close is called
	return s, nil
}

// Addr is the host:port that STORAGE_EMULATOR_HOST takes.
func (s *Server) Addr() string { return s.addr }

// Endpoint is the URL for option.WithEndpoint.
func (s *Server) Endpoint() string { return "http://" + s.addr + "/storage/v1/" }

// Close ends the server and every open connection.
func (s *Server) Close() error {
	err := s.http.Close()
	s.fake.Stop()
	return err
}

// SetAuthorize replaces Options.Authorize.
func (s *Server) SetAuthorize(authorize Authorize) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.authorize = authorize
}

// SetHooks sets what is called when a request has arrived (before anything was done) and when its work was
// done but the reply not yet sent. Either may be nil.
func (s *Server) SetHooks(before, after Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// ServeHTTP answers one request; it lets another server mount this one under its own address.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req, known := parseRequest(r)
	s.mu.Lock()
	before, after, authorize := s.before, s.after, s.authorize
	s.mu.Unlock()
	if before != nil {
		before(req)
	}
	reply := &reply{ResponseWriter: w, request: req, after: after, cutAfter: -1}
	body := &countingBody{ReadCloser: r.Body}
	r.Body = body
	defer func() {
		req = reply.request
		req.BytesIn, req.BytesOut = body.n, reply.sent
		s.log.add(req)
	}()
	if !known {
		reply.fail(r, notFound(fmt.Sprintf("The storage sandbox does not know %s %s.", r.Method, r.URL.Path)))
		return
	}
	if fault, hit := s.faults.take(req); hit {
		time.Sleep(fault.Delay)
		if fault.Status != 0 {
			reply.fail(r, apiError{fault.Status, fault.reason(), fault.message()})
			return
		}
		reply.drop = fault.DropReply
		if fault.Cut {
			reply.cutAfter = fault.CutAfter
			body.cut(fault.CutAfter, req.Op.uploads())
		}
	}
	if err := s.allow(authorize, req); err != nil {
		reply.fail(r, err)
		return
	}
	s.dispatch(reply, r, req)
}

// dispatch hands the request to what serves it.
func (s *Server) dispatch(w *reply, r *http.Request, req Request) {
	if err := s.handle(w, r, req); err != nil {
		if err == errCutOff {
			panic(http.ErrAbortHandler)
		}
		w.fail(r, err)
	}
}

func (s *Server) handle(w *reply, r *http.Request, req Request) error {
	if req.Bucket != "" && !s.bucketExists(req.Bucket) {
		return errNoBucket
	}
	if err := s.checkPayer(r, req.Bucket); err != nil {
		return err
	}
	switch req.Op {
	case OpInsert:
		return s.insert(w, r, req)
	case OpUploadStart:
		return s.uploadStart(w, r, req)
	case OpUploadChunk:
		return s.uploadChunk(w, r, req)
	case OpUploadCancel:
		return s.uploadCancel(w, r)
	case OpTestPermissions:
		return s.testPermissions(w, r, req)
	default:
		return s.forward(w, r, req)
	}
}
