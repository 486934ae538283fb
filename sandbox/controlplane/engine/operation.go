package engine

import (
	"fmt"
	"slices"
	"strings"

	"vertexmetadata/sandbox/controlplane/fields"
)

// Operation records a long-running operation. A response of nil leaves it running, until complete.
func (c *Call) Operation(response object, failed *Error) object {
	name := "operations/" + UUID()
	if location := c.Vars["location"]; location != "" {
		name = fmt.Sprintf("projects/%s/locations/%s/%s", c.Vars["project"], location, name)
	}
	op := object{"name": name, "done": false, "metadata": object{
		"@type": c.Kind.Deferred, "createTime": c.Timestamp(), "target": c.On,
	}}
	c.KeepOperation(name, op)
	if response != nil || failed != nil {
		Complete(op, c.Kind.Deferred, response, failed)
	}
	return op
}

// KeepOperation stores an operation, in whatever form its service writes it, under the name by which it is asked for.
func (c *Call) KeepOperation(name string, op object) { c.operations[c.Service+"/"+name] = op }

// Finished is an operation that is done at once: the sandbox has nothing to wait for.
func (c *Call) Finished(response object, failed *Error) object {
	return fields.CloneObject(c.Operation(response, failed))
}

// Complete ends an operation, with the error if there is one.
func Complete(op object, kind string, response object, failed *Error) {
	op["done"] = true
	if failed != nil {
		op["error"] = object{"code": failed.RPCCode(), "message": failed.Message}
		return
	}
	response = fields.CloneObject(response)
	response["@type"] = kind
	op["response"] = response
}

// OperationNamed is the operation of that name as it is now; nil when there is none.
func (c *Call) OperationNamed(name string) object {
	op := c.operations[c.Service+"/"+name]
	if op == nil {
		return nil
	}
	return fields.CloneObject(op)
}

// operationPath answers a request for an operation, whichever service it is of.
func (c *Call) operationPath(path []string) (object, bool) {
	i := slices.Index(path, "operations")
	if i < 0 || i+2 != len(path) {
		return nil, false
	}
	name, _, _ := strings.Cut(strings.Join(path, "/"), ":")
	op := c.OperationNamed(name)
	return op, op != nil
}
