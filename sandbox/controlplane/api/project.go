package api

import (
	"fmt"
	"net/http"

	"vertexmetadata/sandbox/controlplane/engine"
)

// alwaysOn are the APIs without which none could be enabled, and those that need no project of their own.
var alwaysOn = []string{"serviceusage", "cloudresourcemanager", "storage", "compute"}

// seededAPIs are enabled in a new project: what somebody who follows the seed document has enabled before its first command.
var seededAPIs = []string{
	"artifactregistry", "cloudresourcemanager", "compute", "discoveryengine", "iam", "iamcredentials", "logging", "monitoring",
	"run", "secretmanager", "serviceusage", "sql-component", "sqladmin", "storage",
}

// NewProject makes a project. Without apis, the usual ones are enabled, and Cloud Scheduler's, which the deployment itself
// enables, is not; with apis (run, secretmanager, …), those are.
func (s *Server) NewProject(id, number string, apis ...string) {
	s.Lock()
	defer s.Unlock()
	if len(apis) == 0 {
		apis = seededAPIs
	}
	p := &engine.Project{ID: id, Number: number, Enabled: map[string]bool{}, Agents: map[string]bool{}}
	for _, api := range apis {
		p.Enabled[api+".googleapis.com"] = true
		if earlyAgents[api] {
			p.Agents[agentAddress(api, number)] = true
		}
	}
	s.AddProject(p, s.KindOf("cloudresourcemanager", "projects/{project}"), object{
		"projectId": id, "projectNumber": number, "name": id, "lifecycleState": "ACTIVE", "createTime": s.Timestamp(),
	})
}

func (s *Server) projectKinds() []*engine.Kind {
	return []*engine.Kind{
		{
			Service: "cloudresourcemanager", Versions: []string{"v1", "v3"}, Pattern: engine.NewPattern("projects/{project}"), Title: "project",
			Permission: "resourcemanager.projects", Fixed: true, Policed: true,
			Handle: func(c *engine.Call) (any, error) {
				if c.Version == "v3" && c.HTTP.Method == http.MethodGet && c.Verb == "" && !c.Whole {
					if err := c.May("resourcemanager.projects.get", engine.ProjectKey(c.Vars["project"])); err != nil {
						return nil, err
					}
					return s.newForm(c), nil
				}
				return c.Plain()
			},
		},
		{
			Service: "compute", Versions: []string{"v1", "beta"}, Pattern: engine.NewPattern("projects/{project}"), Title: "project",
			Permission: "compute.projects", Fixed: true,
			Handle: func(c *engine.Call) (any, error) {
				if c.Whole || c.Verb != "" || c.HTTP.Method != http.MethodGet {
					return nil, engine.ErrNoSuchMethod
				}
				p := c.Project(c.Vars["project"])
				return object{
					"kind": "compute#project", "id": p.Number, "name": p.ID,
					"defaultServiceAccount": fmt.Sprintf("%s-compute@developer.gserviceaccount.com", p.Number),
				}, nil
			},
		},
	}
}

// newForm is the project as version 3 of the API writes it.
func (s *Server) newForm(c *engine.Call) object {
	p := c.Project(c.Vars["project"])
	return object{
		"name": "projects/" + p.Number, "projectId": p.ID, "displayName": p.ID, "state": "ACTIVE",
		"createTime": c.Find(engine.ProjectKey(p.ID)).Resource["createTime"], "etag": `W/"1"`,
	}
}
