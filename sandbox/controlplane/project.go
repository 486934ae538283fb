package controlplane

import (
	"fmt"
	"net/http"
	"slices"
)

// project is what a project has besides its resources.
type project struct {
	id, number string
	enabled    map[string]bool // API by host name
	agents     map[string]bool // e-mail address of a service agent
}

// seededAPIs are enabled in a new project: what somebody who follows the seed document has enabled before its first command.
var seededAPIs = []string{
	"artifactregistry", "cloudresourcemanager", "compute", "discoveryengine", "iam", "iamcredentials", "logging", "monitoring",
	"run", "secretmanager", "serviceusage", "sql-component", "sqladmin", "storage",
}

// NewProject makes a project. Without apis, the usual ones are enabled, and Cloud Scheduler's, which the deployment itself
// enables, is not; with apis (run, secretmanager, …), those are.
func (s *Server) NewProject(id, number string, apis ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(apis) == 0 {
		apis = seededAPIs
	}
	p := &project{id: id, number: number, enabled: map[string]bool{}, agents: map[string]bool{}}
	for _, api := range apis {
		p.enabled[api+".googleapis.com"] = true
		if earlyAgents[api] {
			p.agents[agentAddress(api, number)] = true
		}
	}
	s.projects[id] = p
	s.resources[projectKey(id)] = &entry{kind: kindOf("cloudresourcemanager", "projects/{project}"), serial: s.next(), resource: object{
		"projectId": id, "projectNumber": number, "name": id, "lifecycleState": "ACTIVE", "createTime": s.timestamp(),
	}}
}

// kindOf finds a row of the table.
func kindOf(service, shape string) *kind {
	i := slices.IndexFunc(kinds, func(k *kind) bool {
		return k.service == service && slices.Equal(k.pattern, newPattern(shape))
	})
	return kinds[i]
}

// project finds a project by id or number; nil when there is none.
func (s *Server) project(name string) *project {
	if p := s.projects[name]; p != nil {
		return p
	}
	for _, p := range s.projects {
		if p.number == name {
			return p
		}
	}
	return nil
}

// alwaysOn are the APIs without which none could be enabled, and those that need no project of their own.
var alwaysOn = []string{"serviceusage", "cloudresourcemanager", "storage", "compute"}

// allows refuses the calls of an API that is not enabled.
func (p *project) allows(service string) error {
	if slices.Contains(alwaysOn, service) || p.enabled[service+".googleapis.com"] {
		return nil
	}
	err := denied("%s API has not been used in project %s before or it is disabled. Enable it by visiting "+
		"https://console.developers.google.com/apis/api/%s.googleapis.com/overview?project=%s then retry. If you enabled this API "+
		"recently, wait a few minutes for the action to propagate to our systems and retry.", apiTitles[service], p.number, service, p.number)
	err.Details = []any{object{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com",
		"metadata": object{"service": service + ".googleapis.com", "consumer": "projects/" + p.number},
	}}
	return err
}

func projectKinds() []*kind {
	return []*kind{
		{
			service: "cloudresourcemanager", versions: []string{"v1", "v3"}, pattern: newPattern("projects/{project}"), title: "project",
			permission: "resourcemanager.projects", fixed: true, policed: true,
			handle: func(c *call) (any, error) {
				if c.version == "v3" && c.http.Method == http.MethodGet && c.verb == "" && !c.whole {
					if err := c.may("resourcemanager.projects.get", projectKey(c.vars["project"])); err != nil {
						return nil, err
					}
					return c.newForm(), nil
				}
				return c.plain()
			},
		},
		{
			service: "compute", versions: []string{"v1", "beta"}, pattern: newPattern("projects/{project}"), title: "project",
			permission: "compute.projects", fixed: true,
			handle: func(c *call) (any, error) {
				if c.whole || c.verb != "" || c.http.Method != http.MethodGet {
					return nil, errNoSuchMethod
				}
				p := c.project(c.vars["project"])
				return object{
					"kind": "compute#project", "id": p.number, "name": p.id,
					"defaultServiceAccount": fmt.Sprintf("%s-compute@developer.gserviceaccount.com", p.number),
				}, nil
			},
		},
	}
}

// newForm is the project as version 3 of the API writes it.
func (c *call) newForm() object {
	p := c.project(c.vars["project"])
	return object{
		"name": "projects/" + p.number, "projectId": p.id, "displayName": p.id, "state": "ACTIVE",
		"createTime": c.resources[projectKey(p.id)].resource["createTime"], "etag": `W/"1"`,
	}
}
