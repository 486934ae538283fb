package controlplane

import (
	"fmt"
	"regexp"
	"strings"
)

var bucketFormat = regexp.MustCompile(`^[a-z0-9][-_.a-z0-9]{1,61}[a-z0-9]$`)

// bucketProject is where a bucket keeps its project's id: its API does not name it otherwise.
const bucketProject = "sandboxProject"

// bucketKinds are buckets and their IAM policies; objects are behind the storage door.
func bucketKinds() []*kind {
	return []*kind{{
		service: "storage", versions: []string{"v1"}, pattern: newPattern("b/{bucket}"), title: "bucket", list: "items",
		permission: "storage.buckets", replace: true, format: bucketFormat,
		stamps: []string{"timeCreated", "updated", "metageneration"}, outputs: []string{"projectNumber", bucketProject},
		newID: func(c *call) (string, error) { return text(c.body, "name"), nil },
		prepare: func(c *call, old, bucket object) error {
			if old != nil {
				for name, value := range old {
					orElse(bucket, name, value)
				}
				return nil
			}
			p := c.project(c.http.URL.Query().Get("project"))
			if p == nil {
				return invalid("Unknown project id: %s", c.http.URL.Query().Get("project"))
			}
			bucket["kind"], bucket["id"], bucket["projectNumber"], bucket[bucketProject] = "storage#bucket", c.vars["bucket"], p.number, p.id
			bucket["etag"] = "CAE="
			bucket["selfLink"] = "https://www.googleapis.com/storage/v1/b/" + c.vars["bucket"]
			orElse(bucket, "location", "US")
			bucket["location"] = strings.ToUpper(text(bucket, "location"))
			orElse(bucket, "storageClass", "STANDARD")
			orElse(bucket, "locationType", "region")
			return nil
		},
		shown: func(_ *Server, bucket object) object {
			drop(bucket, bucketProject)
			return bucket
		},
		verbs: map[string]verb{
			"GET /iam": {run: func(c *call) (any, error) { return c.bucketForm(c.getPolicy()) }},
			"PUT /iam": {run: func(c *call) (any, error) { return c.bucketForm(c.setPolicy(c.body)) }},
		},
	}}
}

// bucketForm is a policy as the storage API answers it.
func (c *call) bucketForm(policy object, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	policy["kind"], policy["resourceId"] = "storage#policy", "projects/_/buckets/"+c.vars["bucket"]
	return policy, nil
}

// NewBucket makes a bucket.
func (s *Server) NewBucket(projectID, name, location string) error {
	if _, err := s.request("POST", "/storage/v1/b?project="+projectID, object{"name": name, "location": location}); err != nil {
		return fmt.Errorf("create bucket %s: %w", name, err)
	}
	return nil
}
