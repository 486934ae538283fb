package controlplane

import (
	"strconv"
	"strings"
)

func (c *call) create() (any, error) {
	id, err := c.kind.newID(c)
	if err != nil {
		return nil, err
	}
	return c.createAs(id)
}

func (c *call) createAs(id string) (any, error) {
	if c.kind.format != nil && !c.kind.format.MatchString(id) {
		return nil, invalid("Invalid %s id %q: it must match %s.", c.kind.title, id, c.kind.format)
	}
	if err := c.may(c.kind.permission+".create", c.kind.key(c.on)); err != nil {
		return nil, err
	}
	c.vars[c.kind.pattern.id()] = id
	c.on, c.whole = c.kind.pattern.fill(c.vars), false
	if c.resources[c.kind.key(c.on)] != nil {
		return nil, c.exists()
	}
	return c.write(nil, cloneObject(c.body))
}

func (c *call) exists() error {
	switch c.kind.title {
	case "service account":
		return alreadyExists("Service account %s already exists within project projects/%s.", accountID(c.vars["account"]), c.vars["project"])
	case "job":
		return alreadyExists("Job %s already exists.", c.on)
	}
	return alreadyExists("Resource '%s' already exists.", c.on)
}

func (c *call) update() (any, error) {
	if err := c.may(c.kind.permission+".update", c.kind.key(c.on)); err != nil {
		return nil, err
	}
	found, err := c.stored()
	if err != nil {
		return nil, err
	}
	if err := checkEtag(text(c.body, "etag"), found.resource); err != nil {
		return nil, err
	}
	return c.write(found.resource, applyMask(found.resource, c.body, c.http.URL.Query().Get("updateMask")))
}

// write checks and stores a resource and answers it or its operation.
func (c *call) write(old, resource object) (any, error) {
	for _, output := range append(c.kind.outputs, c.kind.stamps...) {
		drop(resource, output)
		if kept := field(old, output); kept != nil {
			put(resource, output, clone(kept))
		}
	}
	c.stamp(old, resource)
	if c.kind.prepare != nil {
		if err := c.kind.prepare(c, old, resource); err != nil {
			return nil, err
		}
	}
	key := c.kind.key(c.on)
	if old == nil {
		c.resources[key] = &entry{kind: c.kind, serial: c.next()}
	}
	c.resources[key].resource = resource
	var outcome *Error
	if c.kind.written != nil {
		outcome = c.kind.written(c, c.on, resource)
	}
	if c.kind.deferred != "" {
		return c.finished(c.present(resource), outcome), nil
	}
	return c.present(resource), nil
}

// stamp sets the fields that services set at every write.
func (c *call) stamp(old, resource object) {
	for _, name := range c.kind.stamps {
		switch name {
		case "createTime", "timeCreated":
			orElse(resource, name, c.timestamp())
		case "updateTime", "updated", "userUpdateTime":
			put(resource, name, c.timestamp())
		case "uid":
			orElse(resource, name, uuid())
		case "etag":
			put(resource, name, `"`+randomHex(8)+`"`)
		case "generation", "metageneration":
			put(resource, name, strconv.Itoa(whole(old, name, 0)+1))
		}
	}
}

func (c *call) remove() (any, error) {
	if err := c.may(c.kind.permission+".delete", c.kind.key(c.on)); err != nil {
		return nil, err
	}
	found, err := c.stored()
	if err != nil {
		return nil, err
	}
	if err := checkEtag(c.http.URL.Query().Get("etag"), found.resource); err != nil {
		return nil, err
	}
	if c.kind.removing != nil {
		if err := c.kind.removing(c, c.on, found.resource); err != nil {
			return nil, err
		}
	}
	c.forget(c.kind.key(c.on))
	if c.kind.deferred != "" {
		return c.finished(c.present(found.resource), nil), nil
	}
	return object{}, nil
}

// forget removes a resource, what lies below it, and their policies.
func (s *Server) forget(key string) {
	for other := range s.resources {
		if other == key || strings.HasPrefix(other, key+"/") {
			delete(s.resources, other)
			delete(s.policies, other)
		}
	}
}

func checkEtag(given string, resource object) error {
	if current := text(resource, "etag"); given != "" && current != "" && given != current {
		return aborted("Etag mismatch: the resource has been changed since it was read. Read it again and repeat the change.")
	}
	return nil
}
