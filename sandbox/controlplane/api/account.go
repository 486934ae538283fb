package api

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

var accountFormat = regexp.MustCompile(`^[a-z]([-a-z0-9]{4,28}[a-z0-9])$`)

// accountKinds are service accounts, and the API that mints tokens for them.
func (s *Server) accountKinds() []*engine.Kind {
	switchTo := func(disabled bool) engine.Verb {
		return engine.Verb{Permission: "iam.serviceAccounts.update", Run: func(c *engine.Call) (any, error) {
			found, err := c.Stored()
			if err != nil {
				return nil, err
			}
			fields.Put(found.Resource, "disabled", disabled)
			return object{}, nil
		}}
	}
	return []*engine.Kind{
		{
			Service: "iam", Versions: []string{"v1"}, Pattern: engine.NewPattern("projects/{project}/serviceAccounts/{account}"),
			Title: "service account", List: "accounts", Permission: "iam.serviceAccounts", Policed: true, Replace: true,
			Stamps: []string{"etag"}, Outputs: []string{"uniqueId", "oauth2ClientId", "disabled"},
			NewID: s.newAccountID, Prepare: s.prepareAccount,
			Absent: func(*engine.Call) string { return "Unknown service account" },
			Taken: func(c *engine.Call) string {
				return fmt.Sprintf("Service account %s already exists within project projects/%s.", accountID(c.Vars["account"]), c.Vars["project"])
			},
			Removing: func(c *engine.Call, _ string, account object) error {
				c.ForgetMember(fields.Text(account, "email"), fields.Text(account, "uniqueId"))
				return nil
			},
			Verbs:  map[string]engine.Verb{"POST enable": switchTo(false), "POST disable": switchTo(true)},
			Handle: s.handleAccount,
		},
		{
			Service: "iam", Versions: []string{"v1"}, Pattern: engine.NewPattern("roles/{role}"), Title: "role", Fixed: true,
			Permission: "iam.roles", Handle: s.getRole,
		},
		s.customRoleKind(),
		{
			Service: "iamcredentials", Versions: []string{"v1"}, Pattern: engine.NewPattern("projects/{project}/serviceAccounts/{account}"),
			Title: "service account", Permission: "iam.serviceAccounts", Fixed: true,
			Verbs: map[string]engine.Verb{"POST generateAccessToken": {Run: s.generateAccessToken}},
		},
	}
}

// handleAccount finds an account by its address alone (projects/-/serviceAccounts/ADDRESS) or by its unique id.
func (s *Server) handleAccount(c *engine.Call) (any, error) {
	if c.Whole {
		return c.Plain()
	}
	if found := s.account(c.Vars["account"]); found != nil {
		c.On = fields.Text(found, "name")
		c.Vars["project"], c.Vars["account"] = fields.Text(found, "projectId"), fields.Text(found, "email")
	}
	return c.Plain()
}

// account finds a service account by e-mail address or unique id; nil when there is none.
func (s *Server) account(name string) object {
	for _, e := range s.InOrder() {
		if e.Kind.Service == "iam" && (fields.Text(e.Resource, "email") == name || fields.Text(e.Resource, "uniqueId") == name) {
			return e.Resource
		}
	}
	return nil
}

func (s *Server) newAccountID(c *engine.Call) (string, error) {
	id := fields.Text(c.Body, "accountId")
	if !accountFormat.MatchString(id) {
		return "", engine.Invalid("The account ID %q does not have a length between 6 and 30, or has characters other than lower-case letters, digits and dashes.", id)
	}
	account := fields.Child(c.Body, "serviceAccount")
	if account == nil {
		account = object{}
	}
	c.Body = account
	return fmt.Sprintf("%s@%s.iam.gserviceaccount.com", id, c.Vars["project"]), nil
}

func accountID(email string) string {
	id, _, _ := strings.Cut(email, "@")
	return id
}

func (s *Server) prepareAccount(c *engine.Call, old, account object) error {
	if wrapped := fields.Child(account, "serviceAccount"); wrapped != nil {
		// PATCH {serviceAccount, updateMask}, the mask in the body.
		changed := fields.ApplyMask(old, wrapped, fields.Text(account, "updateMask"))
		clear(account)
		for name, value := range changed {
			account[name] = value
		}
	}
	if len(fields.Text(account, "displayName")) > 100 {
		return engine.Invalid("The display name of a service account has at most 100 bytes.")
	}
	email := c.Vars["account"]
	account["name"] = fmt.Sprintf("projects/%s/serviceAccounts/%s", c.Vars["project"], email)
	account["projectId"], account["email"] = c.Vars["project"], email
	if old == nil {
		account["uniqueId"] = c.Number()
		account["oauth2ClientId"] = account["uniqueId"]
	} else {
		account["uniqueId"], account["oauth2ClientId"] = old["uniqueId"], old["oauth2ClientId"]
	}
	return nil
}

// getRole answers a predefined role with the permissions that the sandbox knows of it.
func (s *Server) getRole(c *engine.Call) (any, error) {
	if c.Whole || c.HTTP.Method != http.MethodGet || c.Verb != "" {
		return nil, engine.ErrNoSuchMethod
	}
	name := "roles/" + c.Vars["role"]
	permissions, known := roles[name]
	if !known {
		return nil, engine.NotFound("The role named %s was not found.", name)
	}
	granted := []any{}
	for _, permission := range permissions {
		granted = append(granted, permission)
	}
	return object{"name": name, "title": name, "stage": "GA", "includedPermissions": granted}, nil
}

func (s *Server) generateAccessToken(c *engine.Call) (any, error) {
	email := c.Vars["account"]
	token, err := s.impersonate(c.Member, email)
	if err != nil {
		return nil, err
	}
	return object{"accessToken": token, "expireTime": c.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, nil
}

// Impersonate mints an access token for a service account on behalf of a member that may do so, as the service agent of Cloud
// Scheduler does before it calls a target. The error is PERMISSION_DENIED or NOT_FOUND.
func (s *Server) Impersonate(member, email string) (string, error) {
	s.Lock()
	defer s.Unlock()
	return s.impersonate(member, email)
}

func (s *Server) impersonate(member, email string) (string, error) {
	account := s.account(email)
	if account == nil {
		return "", engine.NotFound("Not found; Gaia id not found for email %s", email)
	}
	if member != "" {
		if err := s.Permitted(member, "iam.serviceAccounts.getAccessToken", "iam/"+fields.Text(account, "name")); err != nil {
			return "", err
		}
	}
	if disabled, _ := account["disabled"].(bool); disabled {
		return "", engine.Precondition("Service account %s is disabled.", email)
	}
	return s.Mint("serviceAccount:" + email), nil
}

// actAs checks that an account exists and that the caller may attach it to something that it deploys.
func (s *Server) actAs(c *engine.Call, email string) error {
	account := s.account(email)
	if account == nil {
		if s.isAgent(email) {
			return nil
		}
		return engine.Denied("Permission 'iam.serviceaccounts.actAs' denied on service account %s (or it may not exist).", email)
	}
	if c.May("iam.serviceAccounts.actAs", "iam/"+fields.Text(account, "name")) != nil {
		return engine.Denied("Permission 'iam.serviceaccounts.actAs' denied on service account %s (or it may not exist).", email)
	}
	return nil
}
