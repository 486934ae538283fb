package api

import (
	"net/http"
	"regexp"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

const poolPattern = "projects/{project}/locations/{location}/workloadIdentityPools/{pool}"

var identityFormat = regexp.MustCompile(`^[a-z0-9-]{4,32}$`)

// identityKinds are workload identity pools and their providers: how tokens of others, GitHub's for instance, become Google's.
// A deleted one stays for thirty days, marked, and can be had back; its id is taken as long.
func (s *Server) identityKinds() []*engine.Kind {
	versions, messages := []string{"v1", "v1beta"}, "type.googleapis.com/google.iam.v1beta."
	numbered := func(resource object) object {
		resource["name"] = s.numbered(fields.Text(resource, "name"))
		return resource
	}
	taken := func(*engine.Call) string { return "Requested entity already exists" }
	softly := softDeleted(func(resource object, deleted bool) {
		resource["state"] = map[bool]string{true: "DELETED", false: "ACTIVE"}[deleted]
	})
	named := func(c *engine.Call, resource object) error {
		if c.Vars["location"] != "global" {
			return engine.Invalid("Workload identity pools are in the location global; it is %q.", c.Vars["location"])
		}
		if id := c.Vars[map[bool]string{true: "provider", false: "pool"}[c.Vars["provider"] != ""]]; strings.HasPrefix(id, "gcp-") {
			return engine.Invalid("The prefix `gcp-` is reserved for use by Google, and may not be specified: %q.", id)
		}
		fields.Put(resource, "name", c.On)
		fields.OrElse(resource, "state", "ACTIVE")
		return nil
	}
	return []*engine.Kind{
		{
			Service: "iam", Versions: versions, Pattern: engine.NewPattern(poolPattern), Title: "workload identity pool", List: "workloadIdentityPools",
			Permission: "iam.workloadIdentityPools", Format: identityFormat, Policed: true, Deferred: messages + "WorkloadIdentityPool",
			Outputs: []string{"state"}, Shown: numbered, Taken: taken, Handle: softly, NewID: queryID("workloadIdentityPoolId"),
			Prepare: func(c *engine.Call, _, pool object) error { return named(c, pool) },
		},
		{
			Service: "iam", Versions: versions, Pattern: engine.NewPattern(poolPattern + "/providers/{provider}"),
			Title: "workload identity pool provider", List: "workloadIdentityPoolProviders", Permission: "iam.workloadIdentityPoolProviders",
			Format: identityFormat, Deferred: messages + "WorkloadIdentityPoolProvider", Outputs: []string{"state"}, Shown: numbered, Taken: taken,
			Handle: softly, NewID: queryID("workloadIdentityPoolProviderId"),
			Prepare: func(c *engine.Call, _, provider object) error {
				pool := s.Find("iam/" + strings.TrimSuffix(c.On, "/providers/"+c.Vars["provider"]))
				if pool == nil || fields.Text(pool.Resource, "state") == "DELETED" {
					return engine.NotFound("Requested entity was not found.")
				}
				if err := checkProvider(provider); err != nil {
					return err
				}
				return named(c, provider)
			},
		},
	}
}

// githubIssuer gives tokens to every repository of everybody: without a condition they would all be let in.
const githubIssuer = "https://token.actions.githubusercontent.com"

func checkProvider(provider object) error {
	issuer := fields.Text(provider, "oidc.issuerUri")
	if fields.Child(provider, "oidc") != nil && !strings.HasPrefix(issuer, "https://") {
		return engine.Invalid("The issuer URI must be a valid HTTPS URL; it is %q.", issuer)
	}
	mapping := fields.Child(provider, "attributeMapping")
	if subject, _ := mapping["google.subject"].(string); subject == "" && fields.Child(provider, "aws") == nil {
		return engine.Invalid("The attribute mapping must contain google.subject.")
	}
	condition := fields.Text(provider, "attributeCondition")
	if strings.TrimSuffix(issuer, "/") == githubIssuer && !strings.Contains(condition, "assertion.") && !strings.Contains(condition, "attribute.") {
		return engine.Invalid("The attribute condition must reference one of the provider's claims. For more information, see " +
			"https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines#conditions")
	}
	return nil
}

// softDeleted serves a kind whose deleted resources stay, marked, and can be had back.
func softDeleted(mark func(resource object, deleted bool)) func(c *engine.Call) (any, error) {
	return func(c *engine.Call) (any, error) {
		verb := c.HTTP.Method + " " + c.Verb
		deleting := verb == http.MethodDelete+" "
		if c.Whole || !deleting && verb != http.MethodPost+" undelete" {
			return c.Plain()
		}
		permission := c.Kind.Permission + map[bool]string{true: ".delete", false: ".undelete"}[deleting]
		if err := c.May(permission, c.Kind.Key(c.On)); err != nil {
			return nil, err
		}
		found, err := c.Stored()
		if err != nil {
			return nil, err
		}
		mark(found.Resource, deleting)
		if c.Kind.Deferred != "" {
			return c.Finished(c.Present(found.Resource), nil), nil
		}
		return c.Present(found.Resource), nil
	}
}
