// Package api stands in for the Google Cloud APIs that deploy and operate the system. Each is a table of kinds for the engine, in a
// file of its own. The real gcp provider of Pulumi and the real gcloud work against it. It is for tests and for trying things on
// one machine.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

var _ http.Handler = (*Server)(nil)

// object is one JSON object.
type object = fields.Object

// Options of a Server; the zero value is usable.
type Options struct {
	Logger *slog.Logger     // where requests and, as errors, unknown requests are written; nil is silent
	Now    func() time.Time // the clock; nil is time.Now
	Runner Runner           // runs the executions of Cloud Run jobs; nil refuses to run any
}

// Server is the control plane. It is safe for concurrent use.
type Server struct {
	*engine.Server

	runner  Runner
	data    DataPlane // nil: nothing serves what is made
	logs    []object
	running map[string]*run
	forced  func(trigger string) // fires a Scheduler job now
	done    sync.WaitGroup
	closed  bool

	bareAgents bool // service agents may only do what is granted to them
}

// New makes an empty control plane.
func New(options Options) *Server {
	s := &Server{
		Server: engine.New(engine.Options{Logger: options.Logger, Now: options.Now}),
		runner: options.Runner, running: map[string]*run{},
	}
	s.Serve(engine.APIs{
		Titles: apiTitles, AlwaysOn: alwaysOn, Services: map[string]string{"cloudsql": "sqladmin"},
		Prefixes:    map[string]string{"sqladmin": "sql"},
		Stored:      map[string]func(string) string{"storage": storedBucket},
		Written:     map[string]func(string) string{"storage": writtenBucket, "secretmanager": s.numbered},
		Permissions: s.permissionsOf,
		OwnRole:     s.ownRole,
		Account: func(email string) bool {
			return s.account(email) != nil || s.isAgent(email) && !s.Lagging(lateAgent(email))
		},
	}, slices.Concat(
		s.projectKinds(), s.accountKinds(), s.serviceKinds(), s.repositoryKinds(), s.secretKinds(), s.runKinds(), s.knativeKinds(),
		s.schedulerKinds(), s.bucketKinds(), s.datastoreKinds(), s.sqlKinds(), s.keyKinds(), s.identityKinds(), s.monitoringKinds(), s.loggingKinds(),
	)...)
	return s
}

// SetRunner gives the control plane what runs its jobs, for a runner that needs the control plane itself.
func (s *Server) SetRunner(r Runner) {
	s.Lock()
	defer s.Unlock()
	s.runner = r
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
	s.Lock()
	s.closed = true
	for _, r := range s.running {
		r.cancel()
	}
	s.Unlock()
	s.done.Wait()
}
