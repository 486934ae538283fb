package api

import (
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// apiTitles are the APIs that can be enabled, and what error messages call them.
var apiTitles = map[string]string{
	"artifactregistry": "Artifact Registry", "cloudbuild": "Cloud Build", "cloudkms": "Cloud Key Management Service (KMS)",
	"cloudresourcemanager": "Cloud Resource Manager", "cloudscheduler": "Cloud Scheduler", "compute": "Compute Engine",
	"containerregistry": "Container Registry", "discoveryengine": "Discovery Engine", "generativelanguage": "Gemini",
	"aiplatform": "Vertex AI", "iam": "Identity and Access Management (IAM)", "iamcredentials": "IAM Service Account Credentials",
	"logging": "Cloud Logging", "monitoring": "Cloud Monitoring", "run": "Cloud Run Admin", "secretmanager": "Secret Manager",
	"serviceusage": "Service Usage", "sqladmin": "Cloud SQL Admin", "sql-component": "Cloud SQL", "storage": "Cloud Storage", "sts": "Security Token Service",
	"storage-api": "Google Cloud Storage JSON", "vpcaccess": "Serverless VPC Access",
}

// agentDomains are the domains of service agents that are not gcp-sa-SERVICE.
var agentDomains = map[string]string{
	"run": "serverless-robot-prod", "compute": "compute-system", "storage": "gs-project-accounts", "sqladmin": "gcp-sa-cloud-sql",
}

// earlyAgents are the APIs whose service agent comes with the API; those of others are made on request.
var earlyAgents = map[string]bool{
	"artifactregistry": true, "compute": true, "discoveryengine": true, "run": true, "sqladmin": true, "storage": true,
}

func agentAddress(api, number string) string {
	domain := agentDomains[api]
	if domain == "" {
		domain = "gcp-sa-" + api
	}
	return fmt.Sprintf("service-%s@%s.iam.gserviceaccount.com", number, domain)
}

// isAgent reports whether an address is a service agent, or an account that every project has.
func (s *Server) isAgent(email string) bool {
	return s.AnyProject(func(p *engine.Project) bool {
		return p.Agents[email] || email == p.Number+"-compute@developer.gserviceaccount.com" ||
			email == p.Number+"@cloudservices.gserviceaccount.com" || email == p.ID+"@appspot.gserviceaccount.com"
	})
}

// TakeOwnRoles takes from service agents what they may do by themselves, as an owner of the project can: only grants are left.
func (s *Server) TakeOwnRoles() {
	s.Lock()
	defer s.Unlock()
	s.bareAgents = true
}

// ownRole is the role that Google gives an agent on its project when it makes it. Only that of Cloud Scheduler is known here: by it the
// agent signs in as the accounts of triggers. What the agents of others may do has to be granted in the sandbox, so that a grant
// that a bucket of another project needs is never forgotten.
// https://cloud.google.com/iam/docs/service-agents
func (s *Server) ownRole(member, project string) string {
	p := s.Project(project)
	email := strings.TrimPrefix(member, "serviceAccount:")
	if s.bareAgents || p == nil || !p.Agents[email] || email != agentAddress("cloudscheduler", p.Number) {
		return ""
	}
	return "roles/cloudscheduler.serviceAgent"
}

func (s *Server) serviceKinds() []*engine.Kind {
	return []*engine.Kind{{
		Service: "serviceusage", Versions: []string{"v1", "v1beta1"}, Pattern: engine.NewPattern("projects/{project}/services/{service}"),
		Title: "service", Permission: "serviceusage.services", Fixed: true, List: "services",
		Deferred: "type.googleapis.com/google.api.serviceusage.v1.EnableServiceResponse",
		Handle:   s.handleServices,
		Verbs: map[string]engine.Verb{
			"POST enable": {Permission: "serviceusage.services.enable", Run: func(c *engine.Call) (any, error) {
				state, err := s.enable(c, c.Vars["service"])
				return s.operationOf(c, object{"service": state}, err)
			}},
			"POST disable": {Permission: "serviceusage.services.disable", Run: func(c *engine.Call) (any, error) {
				delete(c.Project(c.Vars["project"]).Enabled, c.Vars["service"])
				return s.operationOf(c, object{"service": s.serviceState(c, c.Vars["service"])}, nil)
			}},
			"POST generateServiceIdentity": {Permission: "serviceusage.services.enable", Run: s.generateIdentity},
		},
		CollectionVerbs: map[string]engine.Verb{
			"GET batchGet": {Permission: "serviceusage.services.get", Run: func(c *engine.Call) (any, error) {
				found := []any{}
				for _, name := range c.HTTP.URL.Query()["names"] {
					found = append(found, s.serviceState(c, engine.Last(name)))
				}
				return object{"services": found}, nil
			}},
			"POST batchEnable": {Permission: "serviceusage.services.enable", Run: func(c *engine.Call) (any, error) {
				enabled := []any{}
				for _, api := range fields.Texts(c.Body, "serviceIds") {
					state, err := s.enable(c, api)
					if err != nil {
						return nil, err
					}
					enabled = append(enabled, state)
				}
				return s.operationOf(c, object{"services": enabled}, nil)
			}},
		},
	}}
}

func (s *Server) operationOf(c *engine.Call, response object, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return c.Finished(response, nil), nil
}

// handleServices answers from the project what other collections have in the store.
func (s *Server) handleServices(c *engine.Call) (any, error) {
	if c.Verb != "" || c.HTTP.Method != http.MethodGet {
		return c.Plain()
	}
	if !c.Whole {
		if err := c.May("serviceusage.services.get", engine.ProjectKey(c.Vars["project"])); err != nil {
			return nil, err
		}
		if apiTitles[strings.TrimSuffix(c.Vars["service"], ".googleapis.com")] == "" {
			return nil, s.noService(c, c.Vars["service"])
		}
		return s.serviceState(c, c.Vars["service"]), nil
	}
	if err := c.May("serviceusage.services.list", engine.ProjectKey(c.Vars["project"])); err != nil {
		return nil, err
	}
	shown := []any{}
	for _, api := range sortedAPIs() {
		state := s.serviceState(c, api+".googleapis.com")
		if wanted := listedState.FindStringSubmatch(c.HTTP.URL.Query().Get("filter")); wanted == nil || wanted[1] == state["state"] {
			shown = append(shown, state)
		}
	}
	return object{"services": shown}, nil
}

var listedState = regexp.MustCompile(`^state\s*[:=]\s*"?(ENABLED|DISABLED)"?$`)

func sortedAPIs() []string {
	var names []string
	for name := range apiTitles {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (s *Server) serviceState(c *engine.Call, api string) object {
	p := c.Project(c.Vars["project"])
	state := "DISABLED"
	if p.Enabled[api] {
		state = "ENABLED"
	}
	return object{
		"name": "projects/" + p.Number + "/services/" + api, "parent": "projects/" + p.Number, "state": state,
		"config": object{"name": api, "title": apiTitles[strings.TrimSuffix(api, ".googleapis.com")] + " API"},
	}
}

func (s *Server) noService(c *engine.Call, api string) error {
	err := engine.Denied("Not found or permission denied for service(s): %s.", api)
	err.Details = []any{object{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED",
		"domain": "serviceusage.googleapis.com", "metadata": object{"services": api},
	}}
	return err
}

func (s *Server) enable(c *engine.Call, api string) (object, error) {
	if apiTitles[strings.TrimSuffix(api, ".googleapis.com")] == "" || !strings.HasSuffix(api, ".googleapis.com") {
		return nil, s.noService(c, api)
	}
	p, short := c.Project(c.Vars["project"]), strings.TrimSuffix(api, ".googleapis.com")
	if !p.Enabled[api] {
		p.Enabled[api] = true
		c.Late(engine.LateAPI(p, api), c.Spread().APIs)
	}
	if earlyAgents[short] {
		makeAgent(c, p, short)
	}
	return s.serviceState(c, api), nil
}

// makeAgent makes the service agent of an API, which IAM may know late.
func makeAgent(c *engine.Call, p *engine.Project, api string) {
	email := agentAddress(api, p.Number)
	if !p.Agents[email] {
		p.Agents[email] = true
		c.Late(lateAgent(email), c.Spread().Agents)
	}
}

func lateAgent(email string) string { return "agent " + email }

// generateIdentity makes the service agent of an API. The agent has no role until somebody grants one.
func (s *Server) generateIdentity(c *engine.Call) (any, error) {
	api := strings.TrimSuffix(c.Vars["service"], ".googleapis.com")
	if apiTitles[api] == "" {
		return nil, s.noService(c, c.Vars["service"])
	}
	p := c.Project(c.Vars["project"])
	email := agentAddress(api, p.Number)
	makeAgent(c, p, api)
	op := c.Operation(nil, nil)
	engine.Complete(op, "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity", object{"email": email, "uniqueId": c.Number()}, nil)
	return fields.CloneObject(op), nil
}
