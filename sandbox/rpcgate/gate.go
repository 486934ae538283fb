// Package rpcgate is what every call to a gRPC sandbox goes through, whatever it asks for: permission checks, fault
// switches, hooks and counts.
package rpcgate

import (
	"context"
	"maps"
	"path"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Authorize decides whether the bearer of token may use a permission such as
// discoveryengine.documents.import on a resource. The client gets the text of its error, as
// PERMISSION_DENIED, or UNAUTHENTICATED when the token is empty.
type Authorize func(token, permission, resource string) error

// Hook is called with a call at a step of its way; it may block, or end the process that made the call.
type Hook func(Call)

// Call is what hooks see of one call.
type Call struct {
	Method   string // ImportDocuments, GetOperation, …
	Resource string // parent or name that it is about
	Request  any    // the request message
	Err      error  // its outcome, in the After hook
}

// Fault says what goes wrong with which calls.
type Fault struct {
	// Method the fault applies to; empty for any.
	Method string
	// Skip lets this many matching calls pass first.
	Skip int
	// Count is how many calls it applies to; 0 means 1, below 0 all.
	Count int
	// Delay the call before anything is done.
	Delay time.Duration
	// Code and Message refuse the call instead of doing the work.
	Code    codes.Code
	Message string
	// Err refuses the call with an error of its own, details included; see package refusals.
	Err error
	// DropReply does the work, then answers UNAVAILABLE as a client sees a connection that was lost.
	DropReply bool
}

// Gate lets calls pass, or not. Its methods may be called from several goroutines.
type Gate struct {
	permissions map[string]string
	resource    func(request any) string

	mu            sync.Mutex // guards all below, and every Injection
	authorize     Authorize
	before, after Hook
	faults        []*Injection
	counts        map[string]int
}

// New returns a gate that asks authorize, unless it is nil, for the permission that a method needs.
// permissions maps methods to them; a method that is not listed needs none. resource says what a request is
// about, usually ResourceOf.
func New(permissions map[string]string, resource func(request any) string, authorize Authorize) *Gate {
	return &Gate{permissions: permissions, resource: resource, authorize: authorize, counts: map[string]int{}}
}

// Injection is a fault in force.
type Injection struct {
	gate       *Gate
	fault      Fault
	seen, hits int
	removed    bool
}

// Inject puts a fault in force. Of several faults that match a call, the oldest applies.
func (d *Gate) Inject(fault Fault) *Injection {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := &Injection{gate: d, fault: fault}
	d.faults = append(d.faults, i)
	return i
}

// Hits is how many calls the fault has applied to so far.
func (i *Injection) Hits() int {
	i.gate.mu.Lock()
	defer i.gate.mu.Unlock()
	return i.hits
}

// Remove ends the fault.
func (i *Injection) Remove() {
	i.gate.mu.Lock()
	defer i.gate.mu.Unlock()
	i.removed = true
}

// SetAuthorize replaces what decides about permissions; nil allows all.
func (d *Gate) SetAuthorize(authorize Authorize) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.authorize = authorize
}

// SetHooks sets what is called when a call has arrived (before anything was done) and when its work was done
// but the reply not yet sent. Either may be nil.
func (d *Gate) SetHooks(before, after Hook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before, d.after = before, after
}

// Calls counts the calls by method, refused ones too.
func (d *Gate) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.counts)
}

// Intercept is the grpc.UnaryServerInterceptor of the gate.
func (d *Gate) Intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	call := Call{Method: path.Base(info.FullMethod), Resource: d.resource(request), Request: request}
	fault, before, after, authorize := d.arrive(call.Method)
	if before != nil {
		before(call)
	}
	time.Sleep(fault.Delay)
	if fault.Err != nil {
		return nil, fault.Err
	}
	if fault.Code != codes.OK {
		return nil, status.Error(fault.Code, fault.Message)
	}
	if err := d.allow(ctx, authorize, call); err != nil {
		return nil, err
	}
	reply, err := handle(ctx, request)
	if after != nil {
		call.Err = err
		after(call)
	}
	if fault.DropReply {
		return nil, status.Error(codes.Unavailable, "error reading from server: EOF")
	}
	return reply, err
}

// arrive counts a call and finds what applies to it.
func (d *Gate) arrive(method string) (fault Fault, before, after Hook, authorize Authorize) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[method]++
	for _, i := range d.faults {
		if i.removed || i.fault.Method != "" && i.fault.Method != method || i.fault.Count >= 0 && i.hits >= max(i.fault.Count, 1) {
			continue
		}
		if i.seen++; i.seen > i.fault.Skip {
			i.hits++
			fault = i.fault
			break
		}
	}
	return fault, d.before, d.after, d.authorize
}

func (d *Gate) allow(ctx context.Context, authorize Authorize, call Call) error {
	permission := d.permissions[call.Method]
	if authorize == nil || permission == "" {
		return nil
	}
	token := bearerToken(ctx)
	err := authorize(token, permission, call.Resource)
	switch {
	case err == nil:
		return nil
	case token == "":
		return status.Errorf(codes.Unauthenticated, "Request is missing required authentication credential: %v", err)
	}
	return status.Error(codes.PermissionDenied, err.Error())
}

// bearerToken is the token of a call's metadata, or empty.
func bearerToken(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, value := range md.Get("authorization") {
		if token, ok := strings.CutPrefix(value, "Bearer "); ok {
			return token
		}
	}
	return ""
}

// ResourceOf is the resource a request names, under whichever of the usual fields.
func ResourceOf(request any) string {
	switch r := request.(type) {
	case interface{ GetParent() string }:
		return r.GetParent()
	case interface{ GetServingConfig() string }:
		return r.GetServingConfig()
	case interface{ GetName() string }:
		return r.GetName()
	}
	return ""
}
