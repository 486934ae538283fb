package api

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

var bucketFormat = regexp.MustCompile(`^[a-z0-9][-_.a-z0-9]{1,61}[a-z0-9]$`)

// bucketProject is where a bucket keeps its project's id: its API does not name it otherwise.
const bucketProject = "sandboxProject"

// bucketKinds are buckets and their IAM policies; objects are served by sandbox/storage.
func (s *Server) bucketKinds() []*engine.Kind {
	return []*engine.Kind{{
		Service: "storage", Versions: []string{"v1"}, Pattern: engine.NewPattern("b/{bucket}"), Title: "bucket", List: "items",
		Permission: "storage.buckets", Replace: true, Format: bucketFormat,
		Stamps: []string{"timeCreated", "updated", "metageneration"}, Outputs: []string{"projectNumber", bucketProject},
		NewID: func(c *engine.Call) (string, error) { return fields.Text(c.Body, "name"), nil },
		Prepare: func(c *engine.Call, old, bucket object) error {
			if old != nil {
				mergeBucket(old, bucket)
				return nil
			}
			p := c.Project(c.HTTP.URL.Query().Get("project"))
			if p == nil {
				return engine.Invalid("Unknown project id: %s", c.HTTP.URL.Query().Get("project"))
			}
			bucket["kind"], bucket["id"], bucket["projectNumber"], bucket[bucketProject] = "storage#bucket", c.Vars["bucket"], p.Number, p.ID
			bucket["etag"] = "CAE="
			bucket["selfLink"] = "https://www.googleapis.com/storage/v1/b/" + c.Vars["bucket"]
			fields.OrElse(bucket, "location", "US")
			bucket["location"] = strings.ToUpper(fields.Text(bucket, "location"))
			fields.OrElse(bucket, "storageClass", "STANDARD")
			fields.OrElse(bucket, "locationType", "region")
			return nil
		},
		Written: func(c *engine.Call, _ string, _ object) *engine.Error {
			if s.data != nil {
				s.data.CreateBucket(c.Vars["bucket"])
			}
			return nil
		},
		Removing: func(c *engine.Call, _ string, _ object) error {
			if s.data != nil && !s.data.DeleteBucket(c.Vars["bucket"]) {
				return engine.Failure(http.StatusConflict, "conflict", "The bucket you tried to delete is not empty.")
			}
			return nil
		},
		Hidden: []string{bucketProject}, Owner: bucketProject,
		Absent: func(*engine.Call) string { return "The specified bucket does not exist." },
		Verbs: map[string]engine.Verb{
			// The provider looks for caches before it empties a bucket.
			"GET /anywhereCaches": {Permission: "storage.anywhereCaches.list", Run: func(*engine.Call) (any, error) {
				return object{"kind": "storage#anywhereCaches"}, nil
			}},
			"GET /iam": {Run: func(c *engine.Call) (any, error) { return bucketForm(c, c.GetPolicy) }},
			"PUT /iam": {Run: func(c *engine.Call) (any, error) {
				return bucketForm(c, func() (object, error) { return c.SetPolicy(c.Body) })
			}},
		},
	}}
}

// mergeBucket completes a change of a bucket with what it had: a change names what differs, and null takes a field away.
func mergeBucket(old, change object) {
	for name, value := range old {
		if _, named := change[name]; !named {
			change[name] = value
		}
	}
	for name, value := range change {
		if value == nil {
			delete(change, name)
		}
	}
}

// bucketForm is a policy as the storage API answers it.
func bucketForm(c *engine.Call, do func() (object, error)) (any, error) {
	policy, err := do()
	if err != nil {
		return nil, err
	}
	policy["kind"], policy["resourceId"] = "storage#policy", "projects/_/buckets/"+c.Vars["bucket"]
	return policy, nil
}

// NewBucket makes a bucket.
func (s *Server) NewBucket(projectID, name, location string) error {
	if _, err := s.Request("POST", "/storage/v1/b?project="+projectID, object{"name": name, "location": location}); err != nil {
		return fmt.Errorf("create bucket %s: %w", name, err)
	}
	return nil
}

// storedBucket turns the name that conditions and Authorize write, projects/_/buckets/B/objects/O, into that of the store.
func storedBucket(name string) string {
	name = strings.TrimPrefix(name, "projects/_/")
	name = strings.Replace(name, "buckets/", "b/", 1)
	name = strings.Replace(name, "/objects/", "/o/", 1)
	if bucket, object, isObject := strings.Cut(name, "/o/"); isObject {
		// Objects' names have slashes of their own; they inherit from the bucket alone.
		name = bucket + "/o/" + strings.ReplaceAll(object, "/", "%2F")
	}
	return name
}

// writtenBucket is the inverse of storedBucket.
func writtenBucket(name string) string {
	name = strings.Replace(strings.Replace("projects/_/"+name, "/b/", "/buckets/", 1), "/o/", "/objects/", 1)
	return strings.ReplaceAll(name, "%2F", "/")
}
