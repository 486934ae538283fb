package engine

import (
	"strconv"

	"vertexmetadata/sandbox/controlplane/fields"
)

func (c *Call) create() (any, error) {
	id, err := c.Kind.NewID(c)
	if err != nil {
		return nil, err
	}
	return c.CreateAs(id)
}

// CreateAs creates the call's body as a resource with that id.
func (c *Call) CreateAs(id string) (any, error) {
	if c.Kind.Format != nil && !c.Kind.Format.MatchString(id) {
		return nil, Invalid("Invalid %s id %q: it must match %s.", c.Kind.Title, id, c.Kind.Format)
	}
	if err := c.May(c.Kind.Permission+".create", c.Kind.Key(c.On)); err != nil {
		return nil, err
	}
	c.Vars[c.Kind.Pattern.id()] = id
	c.On, c.Whole = c.Kind.Pattern.Fill(c.Vars), false
	if c.resources[c.Kind.Key(c.On)] != nil {
		return nil, c.exists()
	}
	return c.Write(nil, fields.CloneObject(c.Body))
}

func (c *Call) exists() error {
	if c.Kind.Taken != nil {
		return alreadyExists("%s", c.Kind.Taken(c))
	}
	return alreadyExists("Resource '%s' already exists.", c.On)
}

// Update changes the resource that the call is on.
func (c *Call) Update() (any, error) {
	if err := c.May(c.Kind.Permission+".update", c.Kind.Key(c.On)); err != nil {
		return nil, err
	}
	found, err := c.Stored()
	if err != nil {
		return nil, err
	}
	if err := CheckEtag(fields.Text(c.Body, "etag"), found.Resource); err != nil {
		return nil, err
	}
	return c.Write(found.Resource, fields.ApplyMask(found.Resource, c.Body, c.HTTP.URL.Query().Get("updateMask")))
}

// Write checks and stores a resource and answers it or its operation.
func (c *Call) Write(old, resource object) (any, error) {
	for _, output := range append(c.Kind.Outputs, c.Kind.Stamps...) {
		fields.Drop(resource, output)
		if kept := fields.Field(old, output); kept != nil {
			fields.Put(resource, output, fields.Clone(kept))
		}
	}
	c.stamp(old, resource)
	if c.Kind.Prepare != nil {
		if err := c.Kind.Prepare(c, old, resource); err != nil {
			return nil, err
		}
	}
	key := c.Kind.Key(c.On)
	if old == nil {
		c.Keep(c.Kind, c.On, nil)
	}
	c.resources[key].Resource = resource
	var outcome *Error
	if c.Kind.Written != nil {
		outcome = c.Kind.Written(c, c.On, resource)
	}
	switch {
	case c.Kind.Answer != nil && outcome == nil:
		return c.Kind.Answer(c, resource)
	case c.Kind.Deferred != "" && (old == nil || !c.Kind.AtOnce):
		return c.Finished(c.Present(resource), outcome), nil
	case outcome != nil:
		return nil, outcome
	}
	return c.Present(resource), nil
}

// stamp sets the fields that services set at every write.
func (c *Call) stamp(old, resource object) {
	for _, name := range c.Kind.Stamps {
		switch name {
		case "createTime", "timeCreated":
			fields.OrElse(resource, name, c.Timestamp())
		case "updateTime", "updated", "userUpdateTime":
			fields.Put(resource, name, c.Timestamp())
		case "uid":
			fields.OrElse(resource, name, UUID())
		case "etag":
			fields.Put(resource, name, `"`+RandomHex(8)+`"`)
		case "generation", "metageneration":
			fields.Put(resource, name, strconv.Itoa(fields.Whole(old, name, 0)+1))
		}
	}
}

// Remove deletes the resource that the call is on, and what lies below it.
func (c *Call) Remove() (any, error) {
	if err := c.May(c.Kind.Permission+".delete", c.Kind.Key(c.On)); err != nil {
		return nil, err
	}
	found, err := c.Stored()
	if err != nil {
		return nil, err
	}
	if err := CheckEtag(c.HTTP.URL.Query().Get("etag"), found.Resource); err != nil {
		return nil, err
	}
	if c.Kind.Removing != nil {
		if err := c.Kind.Removing(c, c.On, found.Resource); err != nil {
			return nil, err
		}
	}
	c.Forget(c.Kind.Key(c.On))
	if c.Kind.Answer != nil {
		return c.Kind.Answer(c, found.Resource)
	}
	if c.Kind.Deferred != "" {
		return c.Finished(c.Present(found.Resource), nil), nil
	}
	return object{}, nil
}

// CheckEtag refuses a change of what has been changed since it was read.
func CheckEtag(given string, resource object) error {
	if current := fields.Text(resource, "etag"); given != "" && current != "" && given != current {
		return aborted("Etag mismatch: the resource has been changed since it was read. Read it again and repeat the change.")
	}
	return nil
}
