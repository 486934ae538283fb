package engine

import (
	"net/http"
	"slices"
	"strings"

	"vertexmetadata/sandbox/controlplane/fields"
)

// Allowed reports whether a member (serviceAccount:…) has a permission on a resource, by the policies of the resource and of all
// that it lies in, up to the project. The error is Google's PERMISSION_DENIED.
//
// A resource is named in full, //storage.googleapis.com/projects/_/buckets/B/objects/O, or without the host, as its own API
// names it: then the permission names the service. What the sandbox does not store itself, a data store for instance, is covered
// by the policies of its project.
func (s *Server) Allowed(member, permission, resource string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Permitted(member, permission, s.keyFor(permission, resource))
}

// Authorize is Allowed for the bearer of an access token: the hook of the sandbox's endpoints. A token that the control plane did
// not mint is UNAUTHENTICATED; the admin's may do everything.
func (s *Server) Authorize(token, permission, resource string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	member, err := s.Bearer(token)
	if err != nil || member == "" {
		return err
	}
	return s.Permitted(member, permission, s.keyFor(permission, resource))
}

// Token mints an access token for a member (serviceAccount:…).
func (s *Server) Token(member string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Mint(member)
}

// Mint is Token for a locked server.
func (s *Server) Mint(member string) string {
	token := "ya29.sandbox-" + RandomHex(16)
	s.bearers[token] = member
	return token
}

// Bearer finds whose a token is; "" is the admin.
func (s *Server) Bearer(token string) (string, error) {
	if token == s.admin {
		return "", nil
	}
	if member, ok := s.bearers[token]; ok {
		return member, nil
	}
	return "", Failure(http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials. "+
		"Expected OAuth 2 access token, login cookie or other valid authentication credential. "+
		"See https://developers.google.com/identity/sign-in/web/devconsole-project.")
}

func (s *Server) caller(r *http.Request) (string, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return s.Bearer(token)
}

// May is allowed for the caller of a request.
func (c *Call) May(permission, key string) error {
	if c.Member == "" {
		return nil
	}
	return c.Permitted(c.Member, permission, key)
}

// Permitted is Allowed for a locked server and a key of its store.
func (s *Server) Permitted(member, permission, key string) error {
	return s.permitted(member, permission, key, s.attributes(key))
}

// permitted is Permitted for a call whose attributes are more than those of the resource.
func (s *Server) permitted(member, permission, key string, attributes map[string]string) error {
	if s.granted(member, permission, key, attributes, s.inForce) {
		return nil
	}
	if s.granted(member, permission, key, attributes, func(at string) object { return s.policies[at] }) {
		for at := key; at != ""; at = s.above(at) {
			s.Lagging(at) // count the call that was refused for a grant's being late
		}
	}
	_, name, _ := strings.Cut(key, "/")
	return Denied("Permission '%s' denied on resource '%s' (or it may not exist). %s lacks it.",
		permission, name, strings.TrimPrefix(member, "serviceAccount:"))
}

// granted reports whether a policy of what key names, or of what that lies in, grants a permission.
func (s *Server) granted(member, permission, key string, attributes map[string]string, policy func(key string) object) bool {
	for at := key; at != ""; at = s.above(at) {
		for _, binding := range fields.Items(policy(at), "bindings") {
			if s.roleHas(fields.Text(binding, "role"), permission) && holds(fields.Texts(binding, "members"), member) && applies(binding, attributes) {
				return true
			}
		}
		if project, ok := strings.CutPrefix(at, ProjectKey("")); ok && s.apis.OwnRole != nil {
			if role := s.apis.OwnRole(member, project); role != "" && s.roleHas(role, permission) {
				return true
			}
		}
	}
	return false
}

func (s *Server) roleHas(role, permission string) bool {
	permissions, _ := s.apis.Permissions(role)
	return slices.ContainsFunc(permissions, func(granted string) bool {
		prefix, all := strings.CutSuffix(granted, "*")
		return granted == permission || all && strings.HasPrefix(permission, prefix)
	})
}

func holds(members []string, member string) bool {
	return slices.ContainsFunc(members, func(m string) bool {
		return m == member || m == "allUsers" || m == "allAuthenticatedUsers"
	})
}

// above is the key of what a resource lies in; a project lies in nothing.
func (s *Server) above(key string) string {
	service, name, _ := strings.Cut(key, "/")
	segments := strings.Split(name, "/")
	switch {
	case len(segments) == 2 && s.Find(key) != nil && s.Find(key).Kind.Owner != "":
		return ProjectKey(fields.Text(s.Find(key).Resource, s.Find(key).Kind.Owner))
	case service == "cloudresourcemanager":
		return ""
	case len(segments) > 3:
		return service + "/" + strings.Join(segments[:len(segments)-2], "/")
	case len(segments) > 1 && segments[0] == "projects":
		return ProjectKey(segments[1])
	}
	return ""
}

// keyFor is keyOf for a name that may lack its service.
func (s *Server) keyFor(permission, resource string) string {
	if !strings.HasPrefix(resource, "projects/") {
		return s.KeyOf(resource)
	}
	service, _, _ := strings.Cut(permission, ".")
	if other := s.apis.Services[service]; other != "" {
		service = other
	}
	return s.KeyOf(service + "/" + resource)
}

// KeyOf turns a resource's name, with its service, into its key.
func (s *Server) KeyOf(resource string) string {
	key := strings.Replace(strings.TrimPrefix(resource, "//"), ".googleapis.com/", "/", 1)
	service, name, _ := strings.Cut(key, "/")
	if stored := s.apis.Stored[service]; stored != nil {
		return service + "/" + stored(name)
	}
	if segments := strings.Split(name, "/"); len(segments) > 1 && segments[0] == "projects" {
		if p := s.Project(segments[1]); p != nil {
			segments[1] = p.ID
		}
		name = strings.Join(segments, "/")
		if len(segments) == 2 {
			return "cloudresourcemanager/" + name
		}
	}
	return service + "/" + name
}

// ProjectKey is the key of a project.
func ProjectKey(id string) string { return "cloudresourcemanager/projects/" + id }
