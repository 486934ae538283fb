package engine

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"

	"vertexmetadata/sandbox/controlplane/fields"
)

// emptyEtag is the etag of a policy that nobody has set.
const emptyEtag = "ACAB"

// PolicyEtag makes an etag in base64, as clients decode it.
func PolicyEtag() string { return base64.StdEncoding.EncodeToString([]byte(RandomHex(6))) }

// policy is the IAM policy of a resource; every resource has one, at first without bindings.
func (s *Server) policy(key string) object {
	if p := s.policies[key]; p != nil {
		return fields.CloneObject(p)
	}
	return object{"version": 1, "etag": emptyEtag}
}

// policyVerb serves getIamPolicy, setIamPolicy and testIamPermissions, which are the same everywhere.
func (c *Call) policyVerb() (any, error, bool) {
	method := c.HTTP.Method
	switch {
	case c.Verb == "getIamPolicy" && (method == http.MethodGet || method == http.MethodPost):
		p, err := c.GetPolicy()
		return p, err, true
	case c.Verb == "setIamPolicy" && method == http.MethodPost:
		p, err := c.SetPolicy(fields.Child(c.Body, "policy"))
		return p, err, true
	case c.Verb == "testIamPermissions" && method == http.MethodPost:
		return c.testPermissions(fields.Texts(c.Body, "permissions")), nil, true
	}
	return nil, nil, false
}

// GetPolicy answers the IAM policy of what the call is on.
func (c *Call) GetPolicy() (object, error) {
	if _, err := c.Stored(); err != nil {
		return nil, err
	}
	if err := c.May(c.Kind.Permission+".getIamPolicy", c.Kind.Key(c.On)); err != nil {
		return nil, err
	}
	return c.policy(c.Kind.Key(c.On)), nil
}

// SetPolicy replaces the IAM policy of what the call is on, if its etag is that of the current one.
func (c *Call) SetPolicy(wanted object) (object, error) {
	if _, err := c.Stored(); err != nil {
		return nil, err
	}
	key := c.Kind.Key(c.On)
	if c.Member != "" {
		attributes := c.attributes(key)
		attributes[modifiedGrants] = strings.Join(modified(c.policy(key), wanted), " ")
		if err := c.permitted(c.Member, c.Kind.Permission+".setIamPolicy", key, attributes); err != nil {
			return nil, err
		}
	}
	current := fields.Text(c.policy(key), "etag")
	if given := fields.Text(wanted, "etag"); given != "" && given != current {
		return nil, aborted("There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "+
			"The request's ETag '%s' did not match the current policy's ETag '%s'.", given, current)
	}
	bindings, err := c.bindings(fields.Items(wanted, "bindings"))
	if err != nil {
		return nil, err
	}
	next := object{"version": 1, "etag": PolicyEtag()}
	if len(bindings) > 0 {
		next["bindings"] = bindings
	}
	if fields.Whole(wanted, "version", 1) == 3 {
		next["version"] = 3
	}
	c.late(key, c.spread.Grants, c.policies[key])
	c.policies[key] = next
	return fields.CloneObject(next), nil
}

// modified lists the roles that one policy gives and another does not, to whomever and on whatever condition.
func modified(before, after object) []string {
	given := map[string]int{} // by role, condition and member: 1 before, 2 after
	for side, policy := range []object{before, after} {
		for _, binding := range fields.Items(policy, "bindings") {
			for _, member := range fields.Texts(binding, "members") {
				given[fields.Text(binding, "role")+" "+member+" "+fields.Text(binding, "condition.expression")] |= side + 1
			}
		}
	}
	roles := map[string]bool{}
	for grant, sides := range given {
		if sides != 3 {
			role, _, _ := strings.Cut(grant, " ")
			roles[role] = true
		}
	}
	return slices.Sorted(maps.Keys(roles))
}

// bindings checks the bindings and brings them into one order: one per role and condition, members sorted and once.
func (c *Call) bindings(wanted []object) ([]any, error) {
	merged := map[string]object{}
	for _, binding := range wanted {
		role := fields.Text(binding, "role")
		if _, known := c.apis.Permissions(role); !known {
			return nil, Invalid("Role %s is not supported for this resource.", role)
		}
		if expression := fields.Text(binding, "condition.expression"); expression != "" {
			if _, err := parseCondition(expression); err != nil {
				return nil, err
			}
		}
		id := role + "\x00" + fields.Text(binding, "condition.expression")
		if merged[id] == nil {
			merged[id] = object{"role": role, "members": []any{}}
			if condition := fields.Child(binding, "condition"); condition != nil {
				merged[id]["condition"] = condition
			}
		}
		for _, member := range fields.Texts(binding, "members") {
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
func (c *Call) checkMember(member string) error {
	kind, address, _ := strings.Cut(member, ":")
	switch kind {
	case "allUsers", "allAuthenticatedUsers", "deleted", "user", "group", "domain", "principal", "principalSet",
		"projectOwner", "projectEditor", "projectViewer":
		return nil
	case "serviceAccount":
		if !c.apis.Account(address) {
			return Invalid("Service account %s does not exist.", address)
		}
		return nil
	}
	return Invalid("Invalid member %q: it must be TYPE:ADDRESS, for instance serviceAccount:name@project.iam.gserviceaccount.com.", member)
}

// ForgetMember marks a deleted service account in every policy, as IAM does: a new account of the same name gets nothing.
func (s *Server) ForgetMember(email, uniqueID string) {
	for _, p := range s.policies {
		for _, binding := range fields.Items(p, "bindings") {
			members := binding["members"].([]any)
			for i, member := range members {
				if member == "serviceAccount:"+email {
					members[i] = "deleted:serviceAccount:" + email + "?uid=" + uniqueID
				}
			}
		}
	}
}

func (c *Call) testPermissions(wanted []string) object {
	held := []any{}
	for _, permission := range wanted {
		if c.May(permission, c.Kind.Key(c.On)) == nil {
			held = append(held, permission)
		}
	}
	return object{"permissions": held}
}

// Grant gives a member a role on a resource, as somebody who does it by hand. The resource is named as for Allowed.
func (s *Server) Grant(resource, role, member string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.KeyOf(resource)
	if s.resources[key] == nil {
		return NotFound("Resource %s does not exist.", resource)
	}
	policy := s.policy(key)
	bindings, err := (&Call{Server: s}).bindings(append(fields.Items(policy, "bindings"), object{"role": role, "members": []any{member}}))
	if err != nil {
		return err
	}
	policy["bindings"], policy["etag"] = bindings, PolicyEtag()
	s.policies[key] = policy
	return nil
}

// Revoke takes a role on a resource from a member, as somebody who does it by hand. The resource is named as for Allowed.
func (s *Server) Revoke(resource, role, member string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, binding := range fields.Items(s.policies[s.KeyOf(resource)], "bindings") {
		members := binding["members"].([]any)
		if i := slices.Index(members, any(member)); fields.Text(binding, "role") == role && i >= 0 {
			binding["members"] = slices.Delete(members, i, i+1)
			s.policies[s.KeyOf(resource)]["etag"] = PolicyEtag()
			return nil
		}
	}
	return NotFound("%s has no %s on %s.", member, role, resource)
}
