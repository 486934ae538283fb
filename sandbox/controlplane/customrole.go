package controlplane

import (
	"net/http"
	"regexp"
)

var (
	roleFormat       = regexp.MustCompile(`^[a-zA-Z0-9_.]{3,64}$`)
	permissionFormat = regexp.MustCompile(`^[a-z]+\.[a-zA-Z]+\.[a-zA-Z]+$`)
)

// customRoleKind are the roles that a project defines for itself. A deleted one stays for a while, marked, and can be had back.
func customRoleKind() *kind {
	return &kind{
		service: "iam", versions: []string{"v1"}, pattern: newPattern("projects/{project}/roles/{role}"), title: "custom role",
		list: "roles", permission: "iam.roles", format: roleFormat, stamps: []string{"etag"}, outputs: []string{"deleted"},
		newID: func(c *call) (string, error) {
			id, role := text(c.body, "roleId"), child(c.body, "role")
			if role == nil {
				role = object{}
			}
			c.body = role
			return id, nil
		},
		prepare: func(c *call, old, role object) error {
			if deleted, _ := old["deleted"].(bool); deleted {
				return precondition("You can't update the role %s because it is deleted. Undelete it first.", c.on)
			}
			for _, permission := range texts(role, "includedPermissions") {
				if !permissionFormat.MatchString(permission) {
					return invalid("Permission %s is not valid.", permission)
				}
			}
			put(role, "name", c.on)
			put(role, "etag", policyEtag())
			orElse(role, "stage", "ALPHA")
			return nil
		},
		handle: handleRole,
	}
}

func handleRole(c *call) (any, error) {
	method := c.http.Method
	if c.whole || method == http.MethodPatch || method == http.MethodGet && c.verb == "" {
		return c.plain()
	}
	deleting := method == http.MethodDelete && c.verb == ""
	if !deleting && (method != http.MethodPost || c.verb != "undelete") {
		return nil, errNoSuchMethod
	}
	permission := "iam.roles.undelete"
	if deleting {
		permission = "iam.roles.delete"
	}
	if err := c.may(permission, c.kind.key(c.on)); err != nil {
		return nil, err
	}
	found, err := c.stored()
	if err != nil {
		return nil, err
	}
	drop(found.resource, "deleted")
	if deleting {
		found.resource["deleted"] = true
	}
	return c.present(found.resource), nil
}

// customRole finds a role of a project by its full name; nil when there is none or it was deleted.
func (s *Server) customRole(name string) object {
	found := s.resources["iam/"+name]
	if found == nil || found.resource["deleted"] == true {
		return nil
	}
	return found.resource
}
