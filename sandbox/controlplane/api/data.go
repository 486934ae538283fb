package api

import (
	"net/http"
	"regexp"

	"vertexmetadata/sandbox/controlplane/engine"
)

// DataPlane serves what the control plane makes: the bytes of its buckets, the documents of its data stores, the databases of its
// instances. Its methods are called while the control plane is locked.
type DataPlane interface {
	CreateBucket(name string)
	// DeleteBucket removes an empty bucket; it reports whether the bucket was empty.
	DeleteBucket(name string) bool
	// Objects serves the requests about the objects of all buckets.
	Objects() http.Handler

	CreateDataStore(store DataStore)
	DeleteDataStore(store DataStore)

	CreateDatabase(instance, name string) error
	DeleteDatabase(instance, name string) error
	CreateUser(instance, name, password string) error
	DeleteUser(instance, name string) error
}

// DataStore is a data store of Vertex AI Search as its resource describes it.
type DataStore struct {
	Project, Number, Location, ID string
	Content                       string // CONTENT_REQUIRED, NO_CONTENT, PUBLIC_WEBSITE, or empty
}

// SetDataPlane sets what serves the resources that are made from now on.
func (s *Server) SetDataPlane(data DataPlane) {
	s.Lock()
	defer s.Unlock()
	s.data = data
}

// objectPath are the requests about objects: they go to the data plane.
var objectPath = regexp.MustCompile(`^(/storage/v1/b/[^/]+/o(/|$)|/(resumable/)?upload/storage/|/download/storage/|/batch/storage/)`)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	data := s.data
	s.Unlock()
	if data != nil && objectPath.MatchString(r.URL.Path) {
		// Unlocked: the data plane asks the control plane whether the caller may.
		data.Objects().ServeHTTP(w, r)
		return
	}
	s.Server.ServeHTTP(w, r)
}

// backend wraps what the data plane refused.
func backend(err error) *engine.Error {
	if err == nil {
		return nil
	}
	return engine.Failure(http.StatusInternalServerError, "INTERNAL", "%v", err)
}
