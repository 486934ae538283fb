package storage

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Fault says what goes wrong with which requests.
type Fault struct {
	// Op the fault applies to; empty for any.
	Op Op
	// Bucket is the name of the one that it is about; empty for any.
	Bucket string
	// Object is a pattern of names, in which * stands for anything, slashes too; empty for any.
	Object string
	// Skip lets this many matching requests pass first.
	Skip int
	// Count is how many requests it applies to; 0 means 1, below 0 means all until Remove.
	Count int

	// Delay the request before anything is done.
	Delay time.Duration
	// Status refuses the request with this HTTP status instead of doing the work.
	Status int
	// Message of the refusal; default the status's text.
	Message string
	// Reason of the refusal, in the service's errors[].reason; default the status's.
	Reason string
	// DropReply does the work, then closes the connection without an answer.
	DropReply bool
	// Cut closes the connection after CutAfter bytes: of an upload's body, which then did not arrive, or of
	// the content that a read answers with.
	Cut      bool
	CutAfter int64
}

func (f Fault) isAbout(req Request) bool {
	return (f.Op == "" || f.Op == req.Op) && (f.Bucket == "" || f.Bucket == req.Bucket)
}

func (f Fault) message() string {
	if f.Message != "" {
		return f.Message
	}
	return http.StatusText(f.Status)
}

func (f Fault) reason() string {
	if f.Reason != "" {
		return f.Reason
	}
	return reasons[f.Status]
}

// Injection is a fault in force.
type Injection struct {
	owner *faults
	fault Fault
	name  *regexp.Regexp // nil for any object
	hits  int
	seen  int
}

// Inject puts a fault in force. Of several faults that match a request, the oldest applies.
func (s *Server) Inject(fault Fault) *Injection {
	injection := &Injection{owner: &s.faults, fault: fault}
	if fault.Object != "" {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(fault.Object), `\*`, "(?s:.*)")
		injection.name = regexp.MustCompile("^" + pattern + "$")
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, injection)
	return injection
}

// Hits is how many requests the fault has applied to so far.
func (i *Injection) Hits() int {
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	return i.hits
}

// Remove ends the fault.
func (i *Injection) Remove() {
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	for n, other := range i.owner.active {
		if other == i {
			i.owner.active = append(i.owner.active[:n:n], i.owner.active[n+1:]...)
			return
		}
	}
}

// faults are those in force. The zero value has none.
type faults struct {
	mu     sync.Mutex
	active []*Injection
}

// take finds the fault that applies to a request and counts it as applied.
func (f *faults) take(req Request) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.active {
		if !i.fault.isAbout(req) || i.name != nil && !i.name.MatchString(req.Object) {
			continue
		}
		if i.fault.Count >= 0 && i.hits >= max(i.fault.Count, 1) {
			continue
		}
		i.seen++
		if i.seen <= i.fault.Skip {
			continue
		}
		i.hits++
		return i.fault, true
	}
	return Fault{}, false
}
