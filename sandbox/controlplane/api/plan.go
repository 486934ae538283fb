package api

import (
	"context"
	"fmt"
	"strings"

	"vertexmetadata/sandbox/controlplane/fields"
)

// planned is a resource of a plan as infra/plan prints it: what the Pulumi program registers.
type planned struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Custom bool   `json:"custom"`
	Inputs object `json:"inputs"`
}

// DeployPlan makes what a plan (the JSON of infra/plan) declares, in the plan's order, by the REST calls that the Pulumi provider
// would make: for a demonstration without Pulumi. rename are pairs of old and new text, for instance a project's id, replaced
// everywhere in the plan first. An image counts as pushed. It answers what it made, as "TYPE NAME", one for each resource.
func (s *Server) DeployPlan(ctx context.Context, plan []byte, rename ...string) ([]string, error) {
	resources, err := readPlan([]byte(strings.NewReplacer(rename...).Replace(string(plan))))
	if err != nil {
		return nil, err
	}
	d := &deployer{Server: s, channels: map[string]string{}}
	var made []string
	for _, r := range resources {
		if !r.Custom {
			continue // a component only groups others
		}
		if err := ctx.Err(); err != nil {
			return made, fmt.Errorf("deploy plan: %w", err)
		}
		deploy, ok := deployers[r.Type]
		if !ok {
			return made, fmt.Errorf("deploy %s: the sandbox does not know resources of type %s", r.Name, r.Type)
		}
		if err := deploy(d, r.Inputs); err != nil {
			return made, fmt.Errorf("deploy %s %s: %w", r.Type, r.Name, err)
		}
		made = append(made, r.Type+" "+r.Name)
	}
	return made, nil
}

// deployer remembers what a plan cannot know: the names that Monitoring gives its channels, by the address that they reach.
type deployer struct {
	*Server
	channels map[string]string
}

func (d *deployer) send(method, path string, body object) error {
	_, err := d.Request(method, path, body)
	return err
}

// grant makes a deployer of a member's role on something: the resource is a pattern over the inputs.
func grantOn(service, version, resource string) func(*deployer, object) error {
	return func(d *deployer, in object) error {
		path := "/" + service + "/" + version + "/" + fillInputs(resource, in)
		read, write := path+":getIamPolicy", path+":setIamPolicy"
		reading, writing := "GET", "POST"
		switch service {
		case "storage":
			read, write, writing = path+"/iam", path+"/iam", "PUT"
		case "iam", "cloudresourcemanager":
			reading = "POST"
		}
		policy, err := d.Request(reading, read, nil)
		if err != nil {
			return err
		}
		binding := object{"role": in["role"], "members": []any{in["member"]}}
		if condition := in["condition"]; condition != nil {
			binding["condition"] = condition
		}
		bindings, _ := policy["bindings"].([]any)
		policy["bindings"] = append(bindings, binding)
		if service != "storage" {
			policy = object{"policy": policy}
		}
		return d.send(writing, write, policy)
	}
}

// fillInputs puts inputs into the places of a pattern. An input that is a full name fills a place by itself.
func fillInputs(shape string, in object) string {
	for name, value := range in {
		if s, ok := value.(string); ok {
			shape = strings.ReplaceAll(shape, "{"+name+"}", s)
		}
	}
	return shape
}

// without copies the inputs less those that are no part of the resource itself.
func without(in object, names ...string) object {
	body := fields.CloneObject(in)
	for _, name := range names {
		delete(body, name)
	}
	return body
}

// post makes a deployer of a resource whose body is its inputs, less the ones that stand in the path alone.
func post(path string, drops ...string) func(*deployer, object) error {
	return func(d *deployer, in object) error {
		return d.send("POST", fillInputs(path, in), without(in, append(drops, "project")...))
	}
}
