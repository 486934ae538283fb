package discoveryengine

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
// discoveryengine.documents.import on a resource. Its error's text is what the client is told, as
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
	// DropReply does the work, then answers UNAVAILABLE as a client sees a connection that was lost.
	DropReply bool
}

// permissions that a method needs, on the resource that it names.
var permissions = map[string]string{
	"ImportDocuments": "discoveryengine.documents.import",
	"PurgeDocuments":  "discoveryengine.documents.purge",
	"GetDocument":     "discoveryengine.documents.get",
	"ListDocuments":   "discoveryengine.documents.list",
	"CreateDocument":  "discoveryengine.documents.create",
	"UpdateDocument":  "discoveryengine.documents.update",
	"DeleteDocument":  "discoveryengine.documents.delete",
	"GetDataStore":    "discoveryengine.dataStores.get",
	"Search":          "discoveryengine.servingConfigs.search",
	"GetOperation":    "discoveryengine.operations.get",
	"WaitOperation":   "discoveryengine.operations.get",
	"ListOperations":  "discoveryengine.operations.list",
}

// calls is what every call goes through, whatever it asks for. The zero value lets all pass.
type calls struct {
	mu            sync.Mutex
	authorize     Authorize
	before, after Hook
	faults        []*Injection
	counts        map[string]int
}

// Injection is a fault in force.
type Injection struct {
	calls      *calls
	fault      Fault
	seen, hits int
	removed    bool
}

// Inject puts a fault in force. Of several faults that match a call, the oldest applies.
func (s *Server) Inject(fault Fault) *Injection {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	i := &Injection{calls: &s.calls, fault: fault}
	s.calls.faults = append(s.calls.faults, i)
	return i
}

// Hits is how many calls the fault has applied to so far.
func (i *Injection) Hits() int {
	i.calls.mu.Lock()
	defer i.calls.mu.Unlock()
	return i.hits
}

// Remove ends the fault.
func (i *Injection) Remove() {
	i.calls.mu.Lock()
	defer i.calls.mu.Unlock()
	i.removed = true
}

// SetAuthorize replaces Options.Authorize.
func (s *Server) SetAuthorize(authorize Authorize) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.authorize = authorize
}

// SetHooks sets what is called when a call has arrived (before anything was done) and when its work was done
// but the reply not yet sent. Either may be nil.
func (s *Server) SetHooks(before, after Hook) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.before, s.calls.after = before, after
}

// Calls counts the calls by method, refused ones too.
func (s *Server) Calls() map[string]int {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return maps.Clone(s.calls.counts)
}

func (c *calls) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	call := Call{Method: path.Base(info.FullMethod), Resource: resourceOf(request), Request: request}
	fault, before, after, authorize := c.arrive(call.Method)
	if before != nil {
		before(call)
	}
	time.Sleep(fault.Delay)
	if fault.Code != codes.OK {
		return nil, status.Error(fault.Code, fault.Message)
	}
	if err := allow(ctx, authorize, call); err != nil {
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
func (c *calls) arrive(method string) (fault Fault, before, after Hook, authorize Authorize) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[method]++
	for _, i := range c.faults {
		if i.removed || i.fault.Method != "" && i.fault.Method != method || i.fault.Count >= 0 && i.hits >= max(i.fault.Count, 1) {
			continue
		}
		if i.seen++; i.seen > i.fault.Skip {
			i.hits++
			fault = i.fault
			break
		}
	}
	return fault, c.before, c.after, c.authorize
}

func allow(ctx context.Context, authorize Authorize, call Call) error {
	permission := permissions[call.Method]
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

// resourceOf is the resource a request names, under whichever of the usual fields.
func resourceOf(request any) string {
	switch r := request.(type) {
	case interface{ GetParent() string }:
		return r.GetParent()
	case interface{ GetServingConfig() string }:
		return r.GetServingConfig()
	case interface{ GetName() string }:
		return r.GetName()
	case documentRequest:
		return r.GetDocument().GetName()
	}
	return ""
}
