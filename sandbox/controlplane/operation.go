package controlplane

import (
	"fmt"
	"slices"
	"strings"
)

// operation records a long-running operation. A response of nil leaves it running, until complete.
func (c *call) operation(response object, failed *Error) object {
	name := "operations/" + uuid()
	if location := c.vars["location"]; location != "" {
		name = fmt.Sprintf("projects/%s/locations/%s/%s", c.vars["project"], location, name)
	}
	op := object{"name": name, "done": false, "metadata": object{
		"@type": c.kind.deferred, "createTime": c.timestamp(), "target": c.on,
	}}
	c.operations[c.service+"/"+name] = op
	if response != nil || failed != nil {
		complete(op, c.kind.deferred, response, failed)
	}
	return op
}

// finished is an operation that is done at once: the sandbox has nothing to wait for.
func (c *call) finished(response object, failed *Error) object {
	return cloneObject(c.operation(response, failed))
}

// complete ends an operation, with the error if there is one.
func complete(op object, kind string, response object, failed *Error) {
	op["done"] = true
	if failed != nil {
		op["error"] = object{"code": failed.rpcCode(), "message": failed.Message}
		return
	}
	response = cloneObject(response)
	response["@type"] = kind
	op["response"] = response
}

// operationPath answers a request for an operation, whichever service it is of.
func (c *call) operationPath(path []string) (object, bool) {
	i := slices.Index(path, "operations")
	if i < 0 || i+2 != len(path) {
		return nil, false
	}
	name, _, _ := strings.Cut(strings.Join(path, "/"), ":")
	op := c.operations[c.service+"/"+name]
	if op == nil {
		return nil, false
	}
	return cloneObject(op), true
}
