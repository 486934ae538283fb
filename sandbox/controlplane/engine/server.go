// Package engine is what all Google Cloud APIs have in common, and knows none of them: a store of resources, driven by a table of
// kinds what the collections of each API are, with their routes, etags, IAM policies, long-running operations and error bodies.
package engine

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"vertexmetadata/sandbox/controlplane/fields"
)

// Options of a Server.
type Options struct {
	Logger *slog.Logger     // where requests and, as errors, unknown requests are written; nil is silent
	Now    func() time.Time // the clock; nil is time.Now
}

// Server serves the kinds that it was given. It is safe for concurrent use; what is exported without saying so is for the
// APIs, whose functions the server calls while it is locked.
type Server struct {
	log   *slog.Logger
	Now   func() time.Time
	admin string // the token that may do everything
	apis  APIs
	kinds []*Kind // in the order in which paths are tried

	mu         sync.Mutex
	serial     int // orders resources and makes numbers
	projects   map[string]*Project
	resources  map[string]*Entry
	policies   map[string]object
	operations map[string]object
	bearers    map[string]string // token -> member
	unknown    []string
	spread     Spread
	lags       lags // by key of a policy, or of Late
}

// object is one JSON object.
type object = fields.Object

// New makes a server without kinds: Serve adds them.
func New(options Options) *Server {
	s := &Server{
		log: options.Logger, Now: options.Now, admin: "sandbox-admin-" + RandomHex(8),
		projects: map[string]*Project{}, resources: map[string]*Entry{}, policies: map[string]object{},
		operations: map[string]object{}, bearers: map[string]string{}, lags: lags{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return s
}

// Serve gives the server what it serves; paths are tried in the order of the kinds.
func (s *Server) Serve(apis APIs, kinds ...*Kind) { s.apis, s.kinds = apis, kinds }

// AdminToken is the access token that may do everything: the one an operator's gcloud or Pulumi uses.
func (s *Server) AdminToken() string { return s.admin }

// Unknown lists the requests that no part of the sandbox knew, as "METHOD path".
func (s *Server) Unknown() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.unknown...)
}

// Timestamp is the time now, as the APIs write it.
func (s *Server) Timestamp() string { return s.Now().UTC().Format("2006-01-02T15:04:05.000000Z") }

// Next counts: it orders resources and makes numbers.
func (s *Server) Next() int {
	s.serial++
	return s.serial
}

// Number makes an id of digits, like the unique ids of accounts and dashboards.
func (s *Server) Number() string { return strconv.Itoa(100000000000000000 + s.Next()) }

// RandomHex is so many random bytes in hexadecimal.
func RandomHex(bytes int) string {
	b := make([]byte, bytes)
	// crypto/rand never fails on the systems that Go supports.
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// UUID is a random identifier in the form of a UUID.
func UUID() string {
	h := RandomHex(16)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Lock keeps every request out until Unlock.
func (s *Server) Lock() { s.mu.Lock() }

// Unlock ends Lock.
func (s *Server) Unlock() { s.mu.Unlock() }
