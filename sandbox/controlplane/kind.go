package controlplane

import "regexp"

// kind is one row of the table of what the store serves: a collection of resources, and where its API has habits of its own.
type kind struct {
	service  string   // the API's host name before .googleapis.com, and the first segment of a path here
	versions []string // v1, v2beta1
	pattern  pattern  // the resource's name
	title    string   // what error messages call it

	// newID finds the id that a create request asks for; it may look at the query and the body.
	newID  func(c *call) (string, error)
	format *regexp.Regexp // of an id; nil takes any

	list       string // the key of the array in a list's answer
	permission string // prefix of .create, .get, .list, .update, .delete
	deferred   string // the type of resource that long-running operations answer; "" answers at once
	replace    bool   // PUT changes a resource as well as PATCH does
	fixed      bool   // cannot be created or deleted by a request
	policed    bool   // has an IAM policy of its own
	newest     bool   // list shows the newest first

	// stamps are the output-only fields that every write sets by the usual rules, see stamp.
	stamps []string
	// outputs are further fields that only the service sets: taken out of a request, kept from the old resource.
	outputs []string

	// prepare checks a resource that is about to be written and fills in defaults; old is nil for a new one.
	prepare func(c *call, old, new object) error
	// written runs after a write; it may set the outcome that a long-running operation ends with.
	written func(c *call, name string, resource object) *Error
	// removing runs before a delete and may refuse it.
	removing func(c *call, name string, resource object) error
	// shown turns what is stored into what a client sees; nil shows it as it is.
	shown func(s *Server, resource object) object

	// handle answers every request by itself: for the forms of an API that translate to another.
	handle func(c *call) (any, error)

	verbs           map[string]verb // "POST pause" on one resource
	collectionVerbs map[string]verb // "POST batchEnable" on the collection
}

// verb is a custom method. The permission is what a caller needs on the resource; "" leaves the check to the verb.
type verb struct {
	permission string
	run        func(c *call) (any, error)
}

// key is where the store holds a resource: its service and its name, with the project's id.
func (k *kind) key(name string) string { return k.service + "/" + name }

// index of all kinds, in the order in which paths are tried.
var kinds []*kind

func init() {
	kinds = append(kinds, projectKinds()...)
	kinds = append(kinds, accountKinds()...)
	kinds = append(kinds, serviceKinds()...)
	kinds = append(kinds, repositoryKinds()...)
	kinds = append(kinds, secretKinds()...)
	kinds = append(kinds, runKinds()...)
	kinds = append(kinds, knativeKinds()...)
	kinds = append(kinds, schedulerKinds()...)
	kinds = append(kinds, bucketKinds()...)
	kinds = append(kinds, keyKinds()...)
	kinds = append(kinds, monitoringKinds()...)
	kinds = append(kinds, loggingKinds()...)
}
