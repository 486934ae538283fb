package engine

import (
	"net/http"
	"sort"
	"strings"

	"vertexmetadata/sandbox/controlplane/fields"
)

// dispatch does what the request asks for.
func (c *Call) dispatch() (any, error) {
	if c.Kind.Handle != nil {
		return c.Kind.Handle(c)
	}
	return c.Plain()
}

// Plain does it by the common rules.
func (c *Call) Plain() (any, error) {
	method := c.HTTP.Method
	switch {
	case c.Whole && c.Verb != "":
		return c.custom(c.Kind.CollectionVerbs)
	case c.Verb != "":
		if c.Kind.Policed {
			if answer, err, ok := c.policyVerb(); ok {
				return answer, err
			}
		}
		return c.custom(c.Kind.Verbs)
	case c.Whole && method == http.MethodGet && c.Kind.List != "":
		return c.listAll()
	case c.Whole && method == http.MethodPost && !c.Kind.Fixed:
		return c.create()
	case c.Whole:
		return nil, ErrNoSuchMethod
	case method == http.MethodGet:
		return c.Get()
	case method == http.MethodPatch, method == http.MethodPut && c.Kind.Replace:
		return c.Update()
	case method == http.MethodDelete && !c.Kind.Fixed && !c.Kind.Undeleted:
		return c.Remove()
	}
	return nil, ErrNoSuchMethod
}

func (c *Call) custom(verbs map[string]Verb) (any, error) {
	v, ok := verbs[c.HTTP.Method+" "+c.Verb]
	if !ok {
		return nil, ErrNoSuchMethod
	}
	if v.Permission != "" {
		if err := c.May(v.Permission, c.Kind.Key(c.On)); err != nil {
			return nil, err
		}
	}
	return v.Run(c)
}

// Stored is the entry that the request names, or Google's 404.
func (c *Call) Stored() (*Entry, error) {
	if found := c.resources[c.Kind.Key(c.On)]; found != nil {
		return found, nil
	}
	return nil, c.missing()
}

func (c *Call) missing() error {
	if c.Kind.Absent != nil {
		return NotFound("%s", c.Kind.Absent(c))
	}
	return NotFound("Resource '%s' of kind '%s' does not exist.", c.On, strings.ToUpper(c.Kind.Title))
}

// Present is a resource as its API answers it.
func (c *Call) Present(resource object) object {
	return c.Kind.Present(resource)
}

// Present is a resource as the API of its kind answers it.
func (k *Kind) Present(resource object) object {
	resource = fields.CloneObject(resource)
	for _, name := range k.Hidden {
		fields.Drop(resource, name)
	}
	if k.Shown != nil {
		return k.Shown(resource)
	}
	return resource
}

// Get answers the resource that the call is on.
func (c *Call) Get() (any, error) {
	if err := c.May(c.Kind.Permission+".get", c.Kind.Key(c.On)); err != nil {
		return nil, err
	}
	found, err := c.Stored()
	if err != nil {
		return nil, err
	}
	return c.Present(found.Resource), nil
}

func (c *Call) listAll() (any, error) {
	if err := c.May(c.Kind.Permission+".list", c.Kind.Key(c.On)); err != nil {
		return nil, err
	}
	var found []*Entry
	for key, e := range c.resources {
		// Below the parent, and one variable further.
		prefix := c.Kind.Key(c.Kind.Pattern.collection().Fill(c.Vars)) + "/"
		if rest, ok := strings.CutPrefix(key, prefix); e.Kind == c.Kind && ok && !strings.Contains(rest, "/") {
			found = append(found, e)
		}
	}
	sort.Slice(found, func(i, j int) bool { return (found[i].serial < found[j].serial) != c.Kind.Newest })
	shown := []any{}
	for _, e := range found {
		shown = append(shown, c.Present(e.Resource))
	}
	if len(shown) == 0 {
		return object{}, nil
	}
	return object{c.Kind.List: shown}, nil
}
