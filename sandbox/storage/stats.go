package storage

import (
	"slices"
	"strings"
	"sync"
)

// Stats are what requests cost, in the units that the service bills.
type Stats struct {
	Requests map[Op]int // all of them, failed ones too
	ClassA   int        // writes and lists; an upload counts once however many chunks it has
	ClassB   int        // reads of content and metadata
	Failed   int        // answered with 400 or more, or not at all
	BytesIn  int64      // bodies of requests
	BytesOut int64      // bodies of replies
}

// classes are the billing classes: deletes, cancellations and chunks after an upload's start are free.
var classes = map[Op]byte{
	OpBucketList: 'A', OpBucketInsert: 'A', OpBucketPatch: 'A', OpList: 'A', OpInsert: 'A', OpUploadStart: 'A',
	OpPatch: 'A', OpCompose: 'A', OpRewrite: 'A',
	OpBucketGet: 'B', OpBucketBindings: 'B', OpTestPermissions: 'B', OpGet: 'B', OpRead: 'B',
}

// Log is every request since the start or the last ResetLog, in the order of their ends.
func (s *Server) Log() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return slices.Clone(s.log.requests)
}

// ResetLog forgets the requests so far.
func (s *Server) ResetLog() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.requests = nil
}

// Stats adds up the logged requests on objects whose name begins with prefix; an empty prefix is all of
// them, those on buckets too.
func (s *Server) Stats(prefix string) Stats {
	stats := Stats{Requests: map[Op]int{}}
	for _, r := range s.Log() {
		if !strings.HasPrefix(r.Object, prefix) {
			continue
		}
		stats.Requests[r.Op]++
		switch classes[r.Op] {
		case 'A':
			stats.ClassA++
		case 'B':
			stats.ClassB++
		}
		if r.Status == 0 || r.Status >= 400 {
			stats.Failed++
		}
		stats.BytesIn += r.BytesIn
		stats.BytesOut += r.BytesOut
	}
	return stats
}

// requestLog is what was asked so far. The zero value is empty.
type requestLog struct {
	mu       sync.Mutex
	requests []Request
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
}
