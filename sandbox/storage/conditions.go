package storage

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// conditions are a request's preconditions on an object's generation. nil is none.
type conditions struct {
	match, notMatch *int64
}

// readConditions takes the preconditions of a query; prefix is "if", or "ifSource" for a rewrite's source.
func readConditions(query url.Values, prefix string) (c conditions, err error) {
	for _, name := range []string{"MetagenerationMatch", "MetagenerationNotMatch"} {
		if query.Has(prefix + name) {
			return c, notImplemented(prefix + name)
		}
	}
	if c.match, err = number(query, prefix+"GenerationMatch"); err != nil {
		return c, err
	}
	c.notMatch, err = number(query, prefix+"GenerationNotMatch")
	return c, err
}

// readXMLConditions takes them from the headers of the XML API.
func readXMLConditions(header http.Header) (conditions, error) {
	query := url.Values{}
	for name, parameter := range map[string]string{
		"X-Goog-If-Generation-Match":     "ifGenerationMatch",
		"X-Goog-If-Metageneration-Match": "ifMetagenerationMatch",
	} {
		if value := header.Get(name); value != "" {
			query.Set(parameter, value)
		}
	}
	return readConditions(query, "if")
}

func number(query url.Values, name string) (*int64, error) {
	if !query.Has(name) {
		return nil, nil
	}
	n, err := strconv.ParseInt(query.Get(name), 10, 64)
	if err != nil || n < 0 {
		return nil, badRequest("Invalid value for %s: %q", name, query.Get(name))
	}
	return &n, nil
}

// hold reports whether the conditions hold for the live generation, 0 when there is no live object. reading
// makes a generation that should have changed but did not a 304 instead of a 412.
func (c conditions) hold(generation int64, reading bool) error {
	if c.match != nil && *c.match != generation {
		return errPrecondition
	}
	if c.notMatch != nil && *c.notMatch == generation {
		if reading {
			return errNotModified
		}
		return errPrecondition
	}
	return nil
}

// holdForExisting is hold for operations that need the object to be there. Without an object they answer
// 404 whatever generation they hope for, as the service does.
func (s *Server) holdForExisting(c conditions, bucket, object string, generation int64, reading bool) error {
	attrs, found := s.attrs(bucket, object)
	if !found {
		return noObject(bucket, object)
	}
	if generation != 0 && attrs.Generation != generation {
		return noObject(bucket, object)
	}
	return c.hold(attrs.Generation, reading)
}

// attrs describes the live object.
func (s *Server) attrs(bucket, object string) (fakestorage.ObjectAttrs, bool) {
	if h, found := s.heldObject(bucket, object); found {
		return h.attrs, true
	}
	found, err := s.fake.GetObjectStreaming(bucket, object)
	if err != nil {
		return fakestorage.ObjectAttrs{}, false
	}
	_ = found.Close() // in memory: nothing to close
	return found.ObjectAttrs, true
}

func (s *Server) liveGeneration(bucket, object string) int64 {
	attrs, _ := s.attrs(bucket, object)
	return attrs.Generation
}

func (s *Server) bucketExists(name string) bool {
	_, err := s.fake.Backend().GetBucket(name)
	return err == nil
}
