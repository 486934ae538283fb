package api

import (
	"fmt"
	"regexp"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

var (
	roleFormat       = regexp.MustCompile(`^[a-zA-Z0-9_.]{3,64}$`)
	permissionFormat = regexp.MustCompile(`^[a-z]+\.[a-zA-Z]+\.[a-zA-Z]+$`)
)

// customRoleKind are the roles that a project defines for itself. A deleted one stays for a while, marked, and can be had back.
func (s *Server) customRoleKind() *engine.Kind {
	return &engine.Kind{
		Service: "iam", Versions: []string{"v1"}, Pattern: engine.NewPattern("projects/{project}/roles/{role}"), Title: "custom role",
		List: "roles", Permission: "iam.roles", Format: roleFormat, Stamps: []string{"etag"}, Outputs: []string{"deleted"},
		NewID: func(c *engine.Call) (string, error) {
			id, role := fields.Text(c.Body, "roleId"), fields.Child(c.Body, "role")
			if role == nil {
				role = object{}
			}
			c.Body = role
			return id, nil
		},
		Prepare: func(c *engine.Call, old, role object) error {
			if deleted, _ := old["deleted"].(bool); deleted {
				return engine.Precondition("You can't update the role %s because it is deleted. Undelete it first.", c.On)
			}
			for _, permission := range fields.Texts(role, "includedPermissions") {
				if !permissionFormat.MatchString(permission) {
					return engine.Invalid("Permission %s is not valid.", permission)
				}
			}
			fields.Put(role, "name", c.On)
			fields.Put(role, "etag", engine.PolicyEtag())
			fields.OrElse(role, "stage", "ALPHA")
			return nil
		},
		Absent: func(c *engine.Call) string { return fmt.Sprintf("The role named %s was not found.", c.On) },
		Handle: softDeleted(func(role object, deleted bool) {
			fields.Drop(role, "deleted")
			if deleted {
				role["deleted"] = true
			}
		}),
	}
}

// customRole finds a role of a project by its full name; nil when there is none or it was deleted.
func (s *Server) customRole(name string) object {
	found := s.Find("iam/" + name)
	if found == nil || found.Resource["deleted"] == true {
		return nil
	}
	return found.Resource
}
