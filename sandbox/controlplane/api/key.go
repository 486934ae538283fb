package api

import (
	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// keyKinds are the key rings and keys of Cloud KMS, as far as a job that is encrypted with one needs them.
func (s *Server) keyKinds() []*engine.Kind {
	named := func(c *engine.Call, _, resource object) error {
		fields.Put(resource, "name", c.On)
		return nil
	}
	const ring = "projects/{project}/locations/{location}/keyRings/{ring}"
	return []*engine.Kind{
		{
			Service: "cloudkms", Versions: []string{"v1"}, Pattern: engine.NewPattern(ring), Title: "key ring", List: "keyRings",
			Permission: "cloudkms.keyRings", Policed: true, Stamps: []string{"createTime"}, Prepare: named,
			NewID: func(c *engine.Call) (string, error) { return c.HTTP.URL.Query().Get("keyRingId"), nil },
		},
		{
			Service: "cloudkms", Versions: []string{"v1"}, Pattern: engine.NewPattern(ring + "/cryptoKeys/{key}"), Title: "key", List: "cryptoKeys",
			Permission: "cloudkms.cryptoKeys", Policed: true, Stamps: []string{"createTime"}, Prepare: named,
			NewID: func(c *engine.Call) (string, error) { return c.HTTP.URL.Query().Get("cryptoKeyId"), nil },
		},
	}
}

// checkKey refuses a key that Cloud Run's service agent may not encrypt with.
func (s *Server) checkKey(c *engine.Call, key string) *engine.Error {
	if key == "" {
		return nil
	}
	agent := "serviceAccount:" + agentAddress("run", c.Project(c.Vars["project"]).Number)
	if c.Find("cloudkms/"+key) != nil && c.Permitted(agent, "cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms/"+key) == nil {
		return nil
	}
	return engine.Failure(403, "PERMISSION_DENIED", "Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource '%s' (or it may not exist).", key)
}
