package controlplane

import (
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strings"
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

// isAgent tells whether an address is a service agent, or an account that every project has.
func (s *Server) isAgent(email string) bool {
	for _, p := range s.projects {
		if p.agents[email] || email == p.number+"-compute@developer.gserviceaccount.com" ||
			email == p.number+"@cloudservices.gserviceaccount.com" || email == p.id+"@appspot.gserviceaccount.com" {
			return true
		}
	}
	return false
}

func serviceKinds() []*kind {
	return []*kind{{
		service: "serviceusage", versions: []string{"v1", "v1beta1"}, pattern: newPattern("projects/{project}/services/{service}"),
		title: "service", permission: "serviceusage.services", fixed: true, list: "services",
		deferred: "type.googleapis.com/google.api.serviceusage.v1.EnableServiceResponse",
		handle:   handleServices,
		verbs: map[string]verb{
			"POST enable": {"serviceusage.services.enable", func(c *call) (any, error) {
				state, err := c.enable(c.vars["service"])
				return c.operationOf(object{"service": state}, err)
			}},
			"POST disable": {"serviceusage.services.disable", func(c *call) (any, error) {
				delete(c.project(c.vars["project"]).enabled, c.vars["service"])
				return c.operationOf(object{"service": c.serviceState(c.vars["service"])}, nil)
			}},
			"POST generateServiceIdentity": {"serviceusage.services.enable", generateIdentity},
		},
		collectionVerbs: map[string]verb{
			"GET batchGet": {"serviceusage.services.get", func(c *call) (any, error) {
				found := []any{}
				for _, name := range c.http.URL.Query()["names"] {
					found = append(found, c.serviceState(last(name)))
				}
				return object{"services": found}, nil
			}},
			"POST batchEnable": {"serviceusage.services.enable", func(c *call) (any, error) {
				enabled := []any{}
				for _, api := range texts(c.body, "serviceIds") {
					state, err := c.enable(api)
					if err != nil {
						return nil, err
					}
					enabled = append(enabled, state)
				}
				return c.operationOf(object{"services": enabled}, nil)
			}},
		},
	}}
}

func (c *call) operationOf(response object, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return c.finished(response, nil), nil
}

// handleServices answers from the project what other collections have in the store.
func handleServices(c *call) (any, error) {
	if c.verb != "" || c.http.Method != http.MethodGet {
		return c.plain()
	}
	if !c.whole {
		if err := c.may("serviceusage.services.get", projectKey(c.vars["project"])); err != nil {
			return nil, err
		}
		if apiTitles[strings.TrimSuffix(c.vars["service"], ".googleapis.com")] == "" {
			return nil, c.noService(c.vars["service"])
		}
		return c.serviceState(c.vars["service"]), nil
	}
	if err := c.may("serviceusage.services.list", projectKey(c.vars["project"])); err != nil {
		return nil, err
	}
	shown := []any{}
	for _, api := range sortedAPIs() {
		state := c.serviceState(api + ".googleapis.com")
		if wanted := listedState.FindStringSubmatch(c.http.URL.Query().Get("filter")); wanted == nil || wanted[1] == state["state"] {
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

func (c *call) serviceState(api string) object {
	p := c.project(c.vars["project"])
	state := "DISABLED"
	if p.enabled[api] {
		state = "ENABLED"
	}
	return object{
		"name": "projects/" + p.number + "/services/" + api, "parent": "projects/" + p.number, "state": state,
		"config": object{"name": api, "title": apiTitles[strings.TrimSuffix(api, ".googleapis.com")] + " API"},
	}
}

func (c *call) noService(api string) error {
	err := denied("Not found or permission denied for service(s): %s.", api)
	err.Details = []any{object{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED",
		"domain": "serviceusage.googleapis.com", "metadata": object{"services": api},
	}}
	return err
}

func (c *call) enable(api string) (object, error) {
	if apiTitles[strings.TrimSuffix(api, ".googleapis.com")] == "" || !strings.HasSuffix(api, ".googleapis.com") {
		return nil, c.noService(api)
	}
	p, short := c.project(c.vars["project"]), strings.TrimSuffix(api, ".googleapis.com")
	p.enabled[api] = true
	if earlyAgents[short] {
		p.agents[agentAddress(short, p.number)] = true
	}
	return c.serviceState(api), nil
}

// generateIdentity makes the service agent of an API. The agent has no role: whoever needs it to act grants one.
func generateIdentity(c *call) (any, error) {
	api := strings.TrimSuffix(c.vars["service"], ".googleapis.com")
	if apiTitles[api] == "" {
		return nil, c.noService(c.vars["service"])
	}
	p := c.project(c.vars["project"])
	email := agentAddress(api, p.number)
	p.agents[email] = true
	op := c.operation(nil, nil)
	complete(op, "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity", object{"email": email, "uniqueId": c.number()}, nil)
	return cloneObject(op), nil
}
