package api

import (
	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

const (
	ringPattern = "projects/{project}/locations/{location}/keyRings/{ring}"
	keyPattern  = ringPattern + "/cryptoKeys/{key}"
)

// keyKinds are the key rings and keys of Cloud KMS. Neither can be deleted; a key's versions are destroyed instead.
func (s *Server) keyKinds() []*engine.Kind {
	named := func(c *engine.Call, _, resource object) error {
		fields.Put(resource, "name", c.On)
		return nil
	}
	versions := keyPattern + "/cryptoKeyVersions/{version}"
	return []*engine.Kind{
		{
			Service: "cloudkms", Versions: []string{"v1"}, Pattern: engine.NewPattern(ringPattern), Title: "key ring", List: "keyRings",
			Permission: "cloudkms.keyRings", Policed: true, Undeleted: true, Stamps: []string{"createTime"}, NewID: queryID("keyRingId"), Prepare: named,
		},
		{
			Service: "cloudkms", Versions: []string{"v1"}, Pattern: engine.NewPattern(keyPattern), Title: "key", List: "cryptoKeys",
			Permission: "cloudkms.cryptoKeys", Policed: true, Undeleted: true, Stamps: []string{"createTime"}, NewID: queryID("cryptoKeyId"),
			Outputs: []string{"primary"}, Prepare: s.prepareKey,
		},
		{
			Service: "cloudkms", Versions: []string{"v1"}, Pattern: engine.NewPattern(versions), Title: "key version", List: "cryptoKeyVersions",
			Permission: "cloudkms.cryptoKeyVersions", Fixed: true,
			Verbs: map[string]engine.Verb{"POST destroy": {Permission: "cloudkms.cryptoKeyVersions.destroy", Run: destroyKeyVersion}},
		},
	}
}

func (s *Server) prepareKey(c *engine.Call, old, key object) error {
	fields.Put(key, "name", c.On)
	fields.OrElse(key, "purpose", "ENCRYPT_DECRYPT")
	fields.OrElse(key, "destroyScheduledDuration", "2592000s")
	fields.OrElse(key, "versionTemplate", object{"protectionLevel": "SOFTWARE", "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION"})
	if old == nil && c.HTTP.URL.Query().Get("skipInitialVersionCreation") != "true" {
		version := object{
			"name": c.On + "/cryptoKeyVersions/1", "state": "ENABLED", "createTime": c.Timestamp(),
			"protectionLevel": "SOFTWARE", "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION",
		}
		c.Keep(s.KindOf("cloudkms", keyPattern+"/cryptoKeyVersions/{version}"), fields.Text(version, "name"), version)
		fields.Put(key, "primary", version)
	}
	return nil
}

// destroyKeyVersion schedules the destruction of a version, which is what the service does when it is asked to destroy one.
func destroyKeyVersion(c *engine.Call) (any, error) {
	found, err := c.Stored()
	if err != nil {
		return nil, err
	}
	if state := fields.Text(found.Resource, "state"); state != "ENABLED" && state != "DISABLED" {
		return nil, engine.Precondition("CryptoKeyVersion %s has state %s and cannot be destroyed.", c.On, state)
	}
	fields.Put(found.Resource, "state", "DESTROY_SCHEDULED")
	fields.Put(found.Resource, "destroyTime", c.Timestamp())
	return c.Present(found.Resource), nil
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
