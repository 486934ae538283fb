package engine

import "slices"

// Project is what a project has besides its resources.
type Project struct {
	ID, Number string
	Enabled    map[string]bool // API by host name
	Agents     map[string]bool // e-mail address of a service agent
}

// Project finds a project by id or number; nil when there is none.
func (s *Server) Project(name string) *Project {
	if p := s.projects[name]; p != nil {
		return p
	}
	for _, p := range s.projects {
		if p.Number == name {
			return p
		}
	}
	return nil
}

// LateAPI is the key of an API's being late, for Late.
func LateAPI(p *Project, api string) string { return "API " + p.ID + " " + api }

// enabled refuses the calls of an API that is not enabled in a project.
func (s *Server) enabled(p *Project, service string) error {
	if slices.Contains(s.apis.AlwaysOn, service) || p.Enabled[service+".googleapis.com"] && !s.Lagging(LateAPI(p, service+".googleapis.com")) {
		return nil
	}
	err := Denied("%s API has not been used in project %s before or it is disabled. Enable it by visiting "+
		"https://console.developers.google.com/apis/api/%s.googleapis.com/overview?project=%s then retry. If you enabled this API "+
		"recently, wait a few minutes for the action to propagate to our systems and retry.", s.apis.Titles[service], p.Number, service, p.Number)
	err.Details = []any{object{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com",
		"metadata": object{"service": service + ".googleapis.com", "consumer": "projects/" + p.Number},
	}}
	return err
}

// AddProject stores a project and the resource that it is itself.
func (s *Server) AddProject(p *Project, k *Kind, resource object) {
	s.projects[p.ID] = p
	s.Keep(k, "projects/"+p.ID, resource)
}

// AnyProject reports whether there is a project that is so.
func (s *Server) AnyProject(is func(p *Project) bool) bool {
	for _, p := range s.projects {
		if is(p) {
			return true
		}
	}
	return false
}
