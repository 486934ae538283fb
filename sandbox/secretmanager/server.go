package secretmanager

import (
	"context"
	"fmt"
	"hash/crc32"
	"net"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/sandbox/rpcgate"
)

// What calls go through is the same for every gRPC sandbox.
type (
	// Authorize decides whether the bearer of a token may use a permission such as
	// secretmanager.versions.access on a resource.
	Authorize = rpcgate.Authorize
	// Call is one call, as hooks see it.
	Call = rpcgate.Call
	// Hook is called with a call at a step of its way.
	Hook = rpcgate.Hook
	// Fault says what goes wrong with which calls.
	Fault = rpcgate.Fault
	// Injection is a fault in force.
	Injection = rpcgate.Injection
)

// permissions that a method needs, on the resource that it names.
var permissions = map[string]string{
	"AccessSecretVersion": "secretmanager.versions.access",
	"GetSecretVersion":    "secretmanager.versions.get",
}

// Secrets is where the server's secrets come from. A Store is one; a control plane that keeps its own is
// another. Errors should carry a gRPC status.
type Secrets interface {
	// Access returns a version's data and the name that it resolves to.
	Access(name string) (data []byte, resolved string, err error)
}

var _ Secrets = (*Store)(nil)

// Options say how a server starts.
type Options struct {
	// Addr to listen on, default "127.0.0.1:0".
	Addr string
	// Secrets to serve; required.
	Secrets Secrets
	// Authorize is asked for every call; nil allows all.
	Authorize Authorize
}

// Server is a running service. Its gate has the switches for single calls: Inject, SetHooks, SetAuthorize and
// Calls.
type Server struct {
	*rpcgate.Gate
	secrets Secrets
	grpc    *grpc.Server
	addr    string
}

// Start returns a server that listens.
func Start(options Options) (*Server, error) {
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", options.Addr)
	if err != nil {
		return nil, fmt.Errorf("start secret manager: %w", err)
	}
	s := &Server{
		Gate:    rpcgate.New(permissions, rpcgate.ResourceOf, options.Authorize),
		secrets: options.Secrets, addr: listener.Addr().String(),
	}
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.Intercept))
	secretmanagerpb.RegisterSecretManagerServiceServer(s.grpc, &service{s: s})
	go func() { _ = s.grpc.Serve(listener) }() // ends when Close is called
	return s, nil
}

// Addr is the host:port that SECRETMANAGER_ENDPOINT takes.
func (s *Server) Addr() string { return s.addr }

// Close ends the server.
func (s *Server) Close() error {
	s.grpc.Stop()
	return nil
}

type service struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	s *Server
}

func (v *service) AccessSecretVersion(_ context.Context, r *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	data, resolved, err := v.s.secrets.Access(r.GetName())
	if err != nil {
		return nil, err
	}
	sum := int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	return &secretmanagerpb.AccessSecretVersionResponse{
		Name:    resolved,
		Payload: &secretmanagerpb.SecretPayload{Data: data, DataCrc32C: &sum},
	}, nil
}

// GetSecretVersion returns a version's state, where the secrets know it.
func (v *service) GetSecretVersion(_ context.Context, r *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	store, ok := v.s.secrets.(*Store)
	if !ok {
		return nil, status.Error(codes.Unimplemented, "the sandbox's secrets only implement access")
	}
	state, resolved, err := store.State(r.GetName())
	if err != nil {
		return nil, err
	}
	return &secretmanagerpb.SecretVersion{Name: resolved, State: state}, nil
}
