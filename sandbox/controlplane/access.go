package controlplane

import (
	"net/http"
	"slices"
	"strings"
)

// Allowed tells whether a member (serviceAccount:…) has a permission on a resource, by the policies of the resource and of all
// that it lies in, up to the project. The error is Google's PERMISSION_DENIED.
//
// A resource is named in full, //storage.googleapis.com/projects/_/buckets/B/objects/O, or without the host, as its own API
// names it: then the permission tells the service. What the sandbox does not store itself, a data store for instance, is covered
// by the policies of its project.
func (s *Server) Allowed(member, permission, resource string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.allowed(member, permission, s.keyFor(permission, resource))
}

// Authorize is Allowed for the bearer of an access token: the hook of the sandbox's doors. A token that the control plane did
// not mint is UNAUTHENTICATED; the admin's may do everything.
func (s *Server) Authorize(token, permission, resource string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	member, err := s.bearer(token)
	if err != nil || member == "" {
		return err
	}
	return s.allowed(member, permission, s.keyFor(permission, resource))
}

// Token mints an access token for a member (serviceAccount:…).
func (s *Server) Token(member string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mint(member)
}

func (s *Server) mint(member string) string {
	token := "ya29.sandbox-" + randomHex(16)
	s.bearers[token] = member
	return token
}

// bearer finds whose a token is; "" is the admin.
func (s *Server) bearer(token string) (string, error) {
	if token == s.admin {
		return "", nil
	}
	if member, ok := s.bearers[token]; ok {
		return member, nil
	}
	return "", failure(http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials. "+
		"Expected OAuth 2 access token, login cookie or other valid authentication credential. "+
		"See https://developers.google.com/identity/sign-in/web/devconsole-project.")
}

func (s *Server) caller(r *http.Request) (string, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return s.bearer(token)
}

// may is allowed for the caller of a request.
func (c *call) may(permission, key string) error {
	if c.member == "" {
		return nil
	}
	return c.allowed(c.member, permission, key)
}

func (s *Server) allowed(member, permission, key string) error {
	for at := key; at != ""; at = s.above(at) {
		for _, binding := range items(s.policies[at], "bindings") {
			if s.roleHas(text(binding, "role"), permission) && holds(texts(binding, "members"), member) && s.applies(binding, key) {
				return nil
			}
		}
	}
	_, name, _ := strings.Cut(key, "/")
	return denied("Permission '%s' denied on resource '%s' (or it may not exist). %s lacks it.",
		permission, name, strings.TrimPrefix(member, "serviceAccount:"))
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
	case service == "storage" && len(segments) == 2:
		if bucket := s.resources[key]; bucket != nil {
			return projectKey(text(bucket.resource, bucketProject))
		}
		return ""
	case service == "cloudresourcemanager":
		return ""
	case len(segments) > 3:
		return service + "/" + strings.Join(segments[:len(segments)-2], "/")
	case len(segments) > 1 && segments[0] == "projects":
		return projectKey(segments[1])
	}
	return ""
}

// keyFor is keyOf for a name that may lack its service.
func (s *Server) keyFor(permission, resource string) string {
	if !strings.HasPrefix(resource, "projects/") {
		return s.keyOf(resource)
	}
	service, _, _ := strings.Cut(permission, ".")
	if service == "cloudsql" {
		service = "sqladmin"
	}
	return s.keyOf(service + "/" + resource)
}

// keyOf turns a resource's name, with its service, into its key.
func (s *Server) keyOf(resource string) string {
	key := strings.Replace(strings.TrimPrefix(resource, "//"), ".googleapis.com/", "/", 1)
	service, name, _ := strings.Cut(key, "/")
	if service == "storage" {
		name = strings.TrimPrefix(name, "projects/_/")
		name = strings.Replace(name, "buckets/", "b/", 1)
		name = strings.Replace(name, "/objects/", "/o/", 1)
		if bucket, object, isObject := strings.Cut(name, "/o/"); isObject {
			// Objects' names have slashes of their own; they inherit from the bucket alone.
			name = bucket + "/o/" + strings.ReplaceAll(object, "/", "%2F")
		}
		return "storage/" + name
	}
	if segments := strings.Split(name, "/"); len(segments) > 1 && segments[0] == "projects" {
		if p := s.project(segments[1]); p != nil {
			segments[1] = p.id
		}
		name = strings.Join(segments, "/")
		if len(segments) == 2 {
			return "cloudresourcemanager/" + name
		}
	}
	return service + "/" + name
}

func projectKey(id string) string { return "cloudresourcemanager/projects/" + id }
