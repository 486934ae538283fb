// Package controlplane stands in for the Google Cloud APIs that deploy and operate the system: one store of resources, told by
// a table what the collections of each API are, with their etags, IAM policies, long-running operations and error bodies.
// The real gcp provider of Pulumi and the real gcloud work against it. It is for tests and for trying things on one machine.
package controlplane

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Options of a Server; the zero value is usable.
type Options struct {
	Logger *slog.Logger     // where requests and, as errors, unknown requests are written; nil is silent
	Now    func() time.Time // the clock; nil is time.Now
	Runner Runner           // runs the executions of Cloud Run jobs; nil refuses to run any
}

// Server is the control plane. It is safe for concurrent use.
type Server struct {
	log    *slog.Logger
	now    func() time.Time
	runner Runner
	admin  string // the token that may do everything

	mu         sync.Mutex
	serial     int // orders resources and makes numbers
	projects   map[string]*project
	resources  map[string]*entry
	policies   map[string]object
	operations map[string]object
	bearers    map[string]string // token -> member
	logs       []object
	unknown    []string
	running    map[string]*run
	forced     func(trigger string) // fires a Scheduler job now
	done       sync.WaitGroup
	closed     bool
}

// entry is a stored resource.
type entry struct {
	kind     *kind
	serial   int
	resource object
}

// New makes an empty control plane.
func New(options Options) *Server {
	s := &Server{
		log: options.Logger, now: options.Now, runner: options.Runner,
		projects: map[string]*project{}, resources: map[string]*entry{}, policies: map[string]object{},
		operations: map[string]object{}, bearers: map[string]string{}, running: map[string]*run{},
		admin: "sandbox-admin-" + randomHex(8),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// SetRunner gives the control plane what runs its jobs, for a runner that needs the control plane itself.
func (s *Server) SetRunner(r Runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runner = r
}

// AdminToken is the access token that may do everything: the one an operator's gcloud or Pulumi uses.
func (s *Server) AdminToken() string { return s.admin }

// Unknown lists the requests that no part of the sandbox knew, as "METHOD path".
func (s *Server) Unknown() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.unknown...)
}

// Start serves on a port of the loopback interface and returns its address as host:port. The server ends with the context.
func (s *Server) Start(ctx context.Context, address string) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen for the control plane: %w", err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	// Serve's error is the closing of the listener, which is how it ends.
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() {
		s.Close()
		_ = server.Close()
	})
	return listener.Addr().String(), nil
}

// Close ends every running execution and waits until its processes are gone.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, r := range s.running {
		r.cancel()
	}
	s.mu.Unlock()
	s.done.Wait()
}

func (s *Server) timestamp() string { return s.now().UTC().Format("2006-01-02T15:04:05.000000Z") }

func (s *Server) next() int {
	s.serial++
	return s.serial
}

// number makes an id of digits, like the unique ids of accounts and dashboards.
func (s *Server) number() string { return strconv.Itoa(100000000000000000 + s.next()) }

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	// crypto/rand never fails on the systems that Go supports.
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func uuid() string {
	h := randomHex(16)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
