package controlplane

import (
	"encoding/base64"
	"net/http"
	"slices"
	"sort"
	"strings"
)

// emptyEtag is the etag of a policy that nobody has set.
const emptyEtag = "ACAB"

// policyEtag makes an etag in base64, as clients decode it.
func policyEtag() string { return base64.StdEncoding.EncodeToString([]byte(randomHex(6))) }

// policy is the IAM policy of a resource; every resource has one, at first without bindings.
func (s *Server) policy(key string) object {
	if p := s.policies[key]; p != nil {
		return cloneObject(p)
	}
	return object{"version": 1, "etag": emptyEtag}
}

// policyVerb serves getIamPolicy, setIamPolicy and testIamPermissions, which are the same everywhere.
func (c *call) policyVerb() (any, error, bool) {
	method := c.http.Method
	switch {
	case c.verb == "getIamPolicy" && (method == http.MethodGet || method == http.MethodPost):
		p, err := c.getPolicy()
		return p, err, true
	case c.verb == "setIamPolicy" && method == http.MethodPost:
		p, err := c.setPolicy(child(c.body, "policy"))
		return p, err, true
	case c.verb == "testIamPermissions" && method == http.MethodPost:
		return c.testPermissions(texts(c.body, "permissions")), nil, true
	}
	return nil, nil, false
}

func (c *call) getPolicy() (object, error) {
	if _, err := c.stored(); err != nil {
		return nil, err
	}
	if err := c.may(c.kind.permission+".getIamPolicy", c.kind.key(c.on)); err != nil {
		return nil, err
	}
	return c.policy(c.kind.key(c.on)), nil
}

func (c *call) setPolicy(wanted object) (object, error) {
	if _, err := c.stored(); err != nil {
		return nil, err
	}
	key := c.kind.key(c.on)
	if err := c.may(c.kind.permission+".setIamPolicy", key); err != nil {
		return nil, err
	}
	current := text(c.policy(key), "etag")
	if given := text(wanted, "etag"); given != "" && given != current {
		return nil, aborted("There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "+
			"The request's ETag '%s' did not match the current policy's ETag '%s'.", given, current)
	}
	bindings, err := c.bindings(items(wanted, "bindings"))
	if err != nil {
		return nil, err
	}
	next := object{"version": 1, "etag": policyEtag()}
	if len(bindings) > 0 {
		next["bindings"] = bindings
	}
	if whole(wanted, "version", 1) == 3 {
		next["version"] = 3
	}
	c.policies[key] = next
	return cloneObject(next), nil
}

// bindings checks the bindings and brings them into one order: one per role and condition, members sorted and once.
func (c *call) bindings(wanted []object) ([]any, error) {
	merged := map[string]object{}
	for _, binding := range wanted {
		role := text(binding, "role")
		if !c.knownRole(role) {
			return nil, invalid("Role %s is not supported for this resource.", role)
		}
		if expression := text(binding, "condition.expression"); expression != "" {
			if _, err := parseCondition(expression); err != nil {
				return nil, err
			}
		}
		id := role + "\x00" + text(binding, "condition.expression")
		if merged[id] == nil {
			merged[id] = object{"role": role, "members": []any{}}
			if condition := child(binding, "condition"); condition != nil {
				merged[id]["condition"] = condition
			}
		}
		for _, member := range texts(binding, "members") {
			if err := c.checkMember(member); err != nil {
				return nil, err
			}
			if members := merged[id]["members"].([]any); !slices.Contains(members, any(member)) {
				merged[id]["members"] = append(members, member)
			}
		}
	}
	ids := make([]string, 0, len(merged))
	for id, binding := range merged {
		members := binding["members"].([]any)
		sort.Slice(members, func(i, j int) bool { return members[i].(string) < members[j].(string) })
		if len(members) > 0 {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	var sorted []any
	for _, id := range ids {
		sorted = append(sorted, merged[id])
	}
	return sorted, nil
}

// checkMember refuses what IAM refuses: a member of no known kind, and a service account that does not exist.
func (c *call) checkMember(member string) error {
	kind, address, _ := strings.Cut(member, ":")
	switch kind {
	case "allUsers", "allAuthenticatedUsers", "deleted", "user", "group", "domain", "principal", "principalSet",
		"projectOwner", "projectEditor", "projectViewer":
		return nil
	case "serviceAccount":
		if c.account(address) == nil && !c.isAgent(address) {
			return invalid("Service account %s does not exist.", address)
		}
		return nil
	}
	return invalid("Invalid member %q: it must be TYPE:ADDRESS, for instance serviceAccount:name@project.iam.gserviceaccount.com.", member)
}

// forgetMember marks a deleted service account in every policy, as IAM does: a new account of the same name gets nothing.
func (s *Server) forgetMember(email, uniqueID string) {
	for _, p := range s.policies {
		for _, binding := range items(p, "bindings") {
			members := binding["members"].([]any)
			for i, member := range members {
				if member == "serviceAccount:"+email {
					members[i] = "deleted:serviceAccount:" + email + "?uid=" + uniqueID
				}
			}
		}
	}
}

func (c *call) testPermissions(wanted []string) object {
	held := []any{}
	for _, permission := range wanted {
		if c.may(permission, c.kind.key(c.on)) == nil {
			held = append(held, permission)
		}
	}
	return object{"permissions": held}
}

// Grant gives a member a role on a resource, as somebody who does it by hand. The resource is named as for Allowed.
func (s *Server) Grant(resource, role, member string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.keyOf(resource)
	if s.resources[key] == nil {
		return notFound("Resource %s does not exist.", resource)
	}
	policy := s.policy(key)
	bindings, err := (&call{Server: s}).bindings(append(items(policy, "bindings"), object{"role": role, "members": []any{member}}))
	if err != nil {
		return err
	}
	policy["bindings"], policy["etag"] = bindings, policyEtag()
	s.policies[key] = policy
	return nil
}

// Revoke takes a role on a resource from a member, as somebody who does it by hand. The resource is named as for Allowed.
func (s *Server) Revoke(resource, role, member string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, binding := range items(s.policies[s.keyOf(resource)], "bindings") {
		members := binding["members"].([]any)
		if i := slices.Index(members, any(member)); text(binding, "role") == role && i >= 0 {
			binding["members"] = slices.Delete(members, i, i+1)
			s.policies[s.keyOf(resource)]["etag"] = policyEtag()
			return nil
		}
	}
	return notFound("%s has no %s on %s.", member, role, resource)
}
