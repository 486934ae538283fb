package controlplane

// keyKinds are the key rings and keys of Cloud KMS, as far as a job that is encrypted with one needs them.
func keyKinds() []*kind {
	named := func(c *call, _, resource object) error {
		put(resource, "name", c.on)
		return nil
	}
	const ring = "projects/{project}/locations/{location}/keyRings/{ring}"
	return []*kind{
		{
			service: "cloudkms", versions: []string{"v1"}, pattern: newPattern(ring), title: "key ring", list: "keyRings",
			permission: "cloudkms.keyRings", policed: true, stamps: []string{"createTime"}, prepare: named,
			newID: func(c *call) (string, error) { return c.http.URL.Query().Get("keyRingId"), nil },
		},
		{
			service: "cloudkms", versions: []string{"v1"}, pattern: newPattern(ring + "/cryptoKeys/{key}"), title: "key", list: "cryptoKeys",
			permission: "cloudkms.cryptoKeys", policed: true, stamps: []string{"createTime"}, prepare: named,
			newID: func(c *call) (string, error) { return c.http.URL.Query().Get("cryptoKeyId"), nil },
		},
	}
}

// checkKey refuses a key that Cloud Run's service agent may not encrypt with.
func (c *call) checkKey(key string) *Error {
	if key == "" {
		return nil
	}
	agent := "serviceAccount:" + agentAddress("run", c.project(c.vars["project"]).number)
	if c.resources["cloudkms/"+key] != nil && c.allowed(agent, "cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms/"+key) == nil {
		return nil
	}
	return failure(403, "PERMISSION_DENIED", "Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource '%s' (or it may not exist).", key)
}
