package controlplane

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var accountFormat = regexp.MustCompile(`^[a-z]([-a-z0-9]{4,28}[a-z0-9])$`)

// accountKinds are service accounts, and the API that mints tokens for them.
func accountKinds() []*kind {
	switchTo := func(disabled bool) verb {
		return verb{permission: "iam.serviceAccounts.update", run: func(c *call) (any, error) {
			found, err := c.stored()
			if err != nil {
				return nil, err
			}
			put(found.resource, "disabled", disabled)
			return object{}, nil
		}}
	}
	return []*kind{
		{
			service: "iam", versions: []string{"v1"}, pattern: newPattern("projects/{project}/serviceAccounts/{account}"),
			title: "service account", list: "accounts", permission: "iam.serviceAccounts", policed: true, replace: true,
			stamps: []string{"etag"}, outputs: []string{"uniqueId", "oauth2ClientId", "disabled"},
			newID: newAccountID, prepare: prepareAccount,
			removing: func(c *call, _ string, account object) error {
				c.forgetMember(text(account, "email"), text(account, "uniqueId"))
				return nil
			},
			verbs:  map[string]verb{"POST enable": switchTo(false), "POST disable": switchTo(true)},
			handle: handleAccount,
		},
		{
			service: "iam", versions: []string{"v1"}, pattern: newPattern("roles/{role}"), title: "role", fixed: true,
			permission: "iam.roles", handle: getRole,
		},
		customRoleKind(),
		{
			service: "iamcredentials", versions: []string{"v1"}, pattern: newPattern("projects/{project}/serviceAccounts/{account}"),
			title: "service account", permission: "iam.serviceAccounts", fixed: true,
			verbs: map[string]verb{"POST generateAccessToken": {run: generateAccessToken}},
		},
	}
}

// handleAccount finds an account by its address alone (projects/-/serviceAccounts/ADDRESS) or by its unique id.
func handleAccount(c *call) (any, error) {
	if c.whole {
		return c.plain()
	}
	if found := c.account(c.vars["account"]); found != nil {
		c.on = text(found, "name")
		c.vars["project"], c.vars["account"] = text(found, "projectId"), text(found, "email")
	}
	return c.plain()
}

// account finds a service account by e-mail address or unique id; nil when there is none.
func (s *Server) account(name string) object {
	for key, e := range s.resources {
		if strings.HasPrefix(key, "iam/") && (text(e.resource, "email") == name || text(e.resource, "uniqueId") == name) {
			return e.resource
		}
	}
	return nil
}

func newAccountID(c *call) (string, error) {
	id := text(c.body, "accountId")
	if !accountFormat.MatchString(id) {
		return "", invalid("The account ID %q does not have a length between 6 and 30, or has characters other than lower-case letters, digits and dashes.", id)
	}
	account := child(c.body, "serviceAccount")
	if account == nil {
		account = object{}
	}
	c.body = account
	return fmt.Sprintf("%s@%s.iam.gserviceaccount.com", id, c.vars["project"]), nil
}

func accountID(email string) string {
	id, _, _ := strings.Cut(email, "@")
	return id
}

func prepareAccount(c *call, old, account object) error {
	if wrapped := child(account, "serviceAccount"); wrapped != nil {
		// PATCH {serviceAccount, updateMask}, the mask in the body.
		changed := applyMask(old, wrapped, text(account, "updateMask"))
		clear(account)
		for name, value := range changed {
			account[name] = value
		}
	}
	if len(text(account, "displayName")) > 100 {
		return invalid("The display name of a service account has at most 100 bytes.")
	}
	email := c.vars["account"]
	account["name"] = fmt.Sprintf("projects/%s/serviceAccounts/%s", c.vars["project"], email)
	account["projectId"], account["email"] = c.vars["project"], email
	if old == nil {
		account["uniqueId"] = c.number()
		account["oauth2ClientId"] = account["uniqueId"]
	} else {
		account["uniqueId"], account["oauth2ClientId"] = old["uniqueId"], old["oauth2ClientId"]
	}
	return nil
}

// getRole answers a predefined role with the permissions that the sandbox knows of it.
func getRole(c *call) (any, error) {
	if c.whole || c.http.Method != http.MethodGet || c.verb != "" {
		return nil, errNoSuchMethod
	}
	name := "roles/" + c.vars["role"]
	if !c.knownRole(name) {
		return nil, notFound("The role named %s was not found.", name)
	}
	granted := []any{}
	for _, permission := range roles[name] {
		granted = append(granted, permission)
	}
	return object{"name": name, "title": name, "stage": "GA", "includedPermissions": granted}, nil
}

func generateAccessToken(c *call) (any, error) {
	email := c.vars["account"]
	token, err := c.impersonate(c.member, email)
	if err != nil {
		return nil, err
	}
	return object{"accessToken": token, "expireTime": c.now().Add(time.Hour).UTC().Format(time.RFC3339)}, nil
}

// Impersonate mints an access token for a service account on behalf of a member that may do so, as the service agent of Cloud
// Scheduler does before it calls a target. The error is PERMISSION_DENIED or NOT_FOUND.
func (s *Server) Impersonate(member, email string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.impersonate(member, email)
}

func (s *Server) impersonate(member, email string) (string, error) {
	account := s.account(email)
	if account == nil {
		return "", notFound("Not found; Gaia id not found for email %s", email)
	}
	if member != "" {
		if err := s.allowed(member, "iam.serviceAccounts.getAccessToken", "iam/"+text(account, "name")); err != nil {
			return "", err
		}
	}
	if disabled, _ := account["disabled"].(bool); disabled {
		return "", precondition("Service account %s is disabled.", email)
	}
	return s.mint("serviceAccount:" + email), nil
}

// actAs checks that an account exists and that the caller may attach it to something that it deploys.
func (c *call) actAs(email string) error {
	account := c.account(email)
	if account == nil {
		if c.isAgent(email) {
			return nil
		}
		return denied("Permission 'iam.serviceaccounts.actAs' denied on service account %s (or it may not exist).", email)
	}
	if c.may("iam.serviceAccounts.actAs", "iam/"+text(account, "name")) != nil {
		return denied("Permission 'iam.serviceaccounts.actAs' denied on service account %s (or it may not exist).", email)
	}
	return nil
}
