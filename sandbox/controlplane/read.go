package controlplane

import (
	"net/http"
	"sort"
	"strings"
)

// dispatch does what the request asks for.
func (c *call) dispatch() (any, error) {
	if c.kind.handle != nil {
		return c.kind.handle(c)
	}
	return c.plain()
}

// plain does it by the common rules.
func (c *call) plain() (any, error) {
	method := c.http.Method
	switch {
	case c.whole && c.verb != "":
		return c.custom(c.kind.collectionVerbs)
	case c.verb != "":
		if c.kind.policed {
			if answer, err, ok := c.policyVerb(); ok {
				return answer, err
			}
		}
		return c.custom(c.kind.verbs)
	case c.whole && method == http.MethodGet && c.kind.list != "":
		return c.listAll()
	case c.whole && method == http.MethodPost && !c.kind.fixed:
		return c.create()
	case c.whole:
		return nil, errNoSuchMethod
	case method == http.MethodGet:
		return c.get()
	case method == http.MethodPatch, method == http.MethodPut && c.kind.replace:
		return c.update()
	case method == http.MethodDelete && !c.kind.fixed:
		return c.remove()
	}
	return nil, errNoSuchMethod
}

func (c *call) custom(verbs map[string]verb) (any, error) {
	v, ok := verbs[c.http.Method+" "+c.verb]
	if !ok {
		return nil, errNoSuchMethod
	}
	if v.permission != "" {
		if err := c.may(v.permission, c.kind.key(c.on)); err != nil {
			return nil, err
		}
	}
	return v.run(c)
}

// stored is the entry that the request names, or Google's 404.
func (c *call) stored() (*entry, error) {
	if found := c.resources[c.kind.key(c.on)]; found != nil {
		return found, nil
	}
	return nil, c.missing()
}

func (c *call) missing() error {
	switch c.kind.title {
	case "service account":
		return notFound("Unknown service account")
	case "bucket":
		return notFound("The specified bucket does not exist.")
	case "custom role":
		return notFound("The role named %s was not found.", c.on)
	}
	return notFound("Resource '%s' of kind '%s' does not exist.", c.on, strings.ToUpper(c.kind.title))
}

func (c *call) present(resource object) object {
	if c.kind.shown != nil {
		return c.kind.shown(c.Server, cloneObject(resource))
	}
	return cloneObject(resource)
}

func (c *call) get() (any, error) {
	if err := c.may(c.kind.permission+".get", c.kind.key(c.on)); err != nil {
		return nil, err
	}
	found, err := c.stored()
	if err != nil {
		return nil, err
	}
	return c.present(found.resource), nil
}

func (c *call) listAll() (any, error) {
	if err := c.may(c.kind.permission+".list", c.kind.key(c.on)); err != nil {
		return nil, err
	}
	var found []*entry
	for key, e := range c.resources {
		// Below the parent, and one variable further.
		prefix := c.kind.key(c.kind.pattern.collection().fill(c.vars)) + "/"
		if rest, ok := strings.CutPrefix(key, prefix); e.kind == c.kind && ok && !strings.Contains(rest, "/") {
			found = append(found, e)
		}
	}
	sort.Slice(found, func(i, j int) bool { return (found[i].serial < found[j].serial) != c.kind.newest })
	shown := []any{}
	for _, e := range found {
		shown = append(shown, c.present(e.resource))
	}
	if len(shown) == 0 {
		return object{}, nil
	}
	return object{c.kind.list: shown}, nil
}
