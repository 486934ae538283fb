package datastore

import (
	"regexp"
	"strings"
	"sync"
)

var operationName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^projects/([A-Za-z0-9:._-]+)/locations/([a-z0-9-]+)(?:/collections/[A-Za-z0-9_-]+)?(?:/dataStores/([A-Za-z0-9_-]+))?(?:/branches/[A-Za-z0-9_-]+)?/operations/[A-Za-z0-9._-]+$`)
})

// owns reports whether an operation can be one of this data store: a name that others wrote must not be polled. It comes
// back with the project's number in place of its id, which cannot be compared, and may come without the data store.
func (c Config) owns(operation string) bool {
	step := operationName().FindStringSubmatch(operation)
	return step != nil && (step[1] == c.Project || isNumber(step[1]) != isNumber(c.Project)) && step[2] == c.Location &&
		(step[3] == "" || step[3] == c.DataStore)
}

func isNumber(project string) bool { return strings.Trim(project, "0123456789") == "" }
