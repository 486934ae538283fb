package discoveryengine

import (
	"hash/fnv"
	"time"

	"google.golang.org/grpc/codes"
)

// OperationFault lets an operation begin well and then end in failure.
type OperationFault struct {
	// Code and Message of the operation's error; code 0 means INTERNAL.
	Code    codes.Code
	Message string
	// Applied is the part of the work, from 0 to 1, that was done before. Half a FULL import writes documents
	// and removes none.
	Applied float64
	// Count is how many operations fail; 0 means 1.
	Count int
}

// FailOperations makes the next operations fail when they come to an end, until undo is called.
func (s *Server) FailOperations(fault OperationFault) (undo func()) {
	fault.Count = max(fault.Count, 1)
	if fault.Code == codes.OK {
		fault.Code = codes.Internal
	}
	if fault.Message == "" {
		fault.Message = "Internal error encountered."
	}
	s.set(func(w *switches) { w.operationFaults = append(w.operationFaults, &fault) })
	return func() { s.set(func(*switches) { fault.Count = 0 }) }
}

// Hold keeps every operation, running ones too, from reading or changing anything until Release.
func (s *Server) Hold() {
	s.set(func(w *switches) {
		if w.held == nil {
			w.held = make(chan struct{})
		}
	})
}

// Release lets held operations go on.
func (s *Server) Release() {
	s.set(func(w *switches) {
		if w.held != nil {
			close(w.held)
			w.held = nil
		}
	})
}

// SetLatency makes every operation take at least d before it reads or changes anything.
func (s *Server) SetLatency(d time.Duration) { s.set(func(w *switches) { w.latency = d }) }

// FailDocuments makes imports fail the documents that choose returns true for; nil ends it.
func (s *Server) FailDocuments(choose func(id string) bool) {
	s.set(func(w *switches) { w.failDocument = choose })
}

// Percent chooses p percent of all ids, always the same ones, for FailDocuments.
func Percent(p int) func(id string) bool {
	return func(id string) bool {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(id))
		return int(hash.Sum32()%100) < p
	}
}

// RejectWebP makes documents of type image/webp fail: the documentation does not list it, although a data
// store may take it in practice.
func (s *Server) RejectWebP(on bool) { s.set(func(w *switches) { w.rejectWebP = on }) }

func (s *Server) set(change func(*switches)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.switches)
}

// takeFault returns the fault that applies to an operation, or nil.
func (s *Server) takeFault() *OperationFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range s.switches.operationFaults {
		if fault.Count > 0 {
			fault.Count--
			return fault
		}
	}
	return nil
}
