package engine

import (
	"regexp"
	"slices"
)

// Kind is one row of the table of what the store serves: a collection of resources, and where its API has habits of its own.
type Kind struct {
	Service  string   // the API's host name before .googleapis.com, and the first segment of a path here
	Versions []string // v1, v2beta1
	Pattern  Pattern  // the resource's name
	Title    string   // what error messages call it

	// NewID finds the id that a create request asks for; it may look at the query and the body.
	NewID  func(c *Call) (string, error)
	Format *regexp.Regexp // of an id; nil takes any

	List       string // the key of the array in a list's answer
	Permission string // prefix of .create, .get, .list, .update, .delete
	Deferred   string // the type of resource that long-running operations answer; "" answers at once
	AtOnce     bool   // an update is answered at once, although Deferred says that the others are not
	Replace    bool   // PUT changes a resource as well as PATCH does
	Fixed      bool   // cannot be created or deleted by a request
	Undeleted  bool   // cannot be deleted by a request
	Policed    bool   // has an IAM policy of its own
	Newest     bool   // list shows the newest first
	Transient  bool   // comes and goes by itself: no part of a snapshot
	Owner      string // the field that holds the project's id, where the name does not; it has to be hidden too

	// Stamps are the output-only fields that every write sets by the usual rules, see stamp.
	Stamps []string
	// Outputs are further fields that only the service sets: taken out of a request, kept from the old resource.
	Outputs []string
	// Hidden are the fields that no answer shows.
	Hidden []string

	// Absent and taken word the refusals of a name that is not there, and of one that is; nil words them as most services do.
	Absent, Taken func(c *Call) string

	// Prepare checks a resource that is about to be written and fills in defaults; old is nil for a new one.
	Prepare func(c *Call, old, new object) error
	// Written runs after a write; it may set the outcome that a long-running operation ends with.
	Written func(c *Call, name string, resource object) *Error
	// Answer is how a create, update or delete is answered; nil answers the resource, or as Deferred says.
	Answer func(c *Call, resource object) (any, error)
	// Removing runs before a delete and may refuse it.
	Removing func(c *Call, name string, resource object) error
	// Shown turns what is stored into what a client sees; nil shows it as it is.
	Shown func(resource object) object

	// Handle answers every request by itself: for the forms of an API that translate to another.
	Handle func(c *Call) (any, error)

	Verbs           map[string]Verb // "POST pause" on one resource
	CollectionVerbs map[string]Verb // "POST batchEnable" on the collection
}

// Verb is a custom method. The permission is what a caller needs on the resource; "" leaves the check to the verb.
type Verb struct {
	Permission string
	Run        func(c *Call) (any, error)
}

// Key is where the store holds a resource: its service and its name, with the project's id.
func (k *Kind) Key(name string) string { return k.Service + "/" + name }

// KindOf is the row of the table for a pattern.
func (s *Server) KindOf(service, shape string) *Kind {
	i := slices.IndexFunc(s.kinds, func(k *Kind) bool { return k.Service == service && slices.Equal(k.Pattern, NewPattern(shape)) })
	return s.kinds[i]
}
