package main

import (
	"slices"
)

func grants(p *Plan) (found []Resource) {
	for _, r := range p.Resources {
		if r.Inputs["member"] != nil {
			found = append(found, r)
		}
	}
	return found
}

func find(p *Plan, name string) *Resource {
	i := slices.IndexFunc(p.Resources, func(r Resource) bool { return p.short(r.Name) == name })
	return &p.Resources[i]
}

func ofType(p *Plan, typ string) *Resource {
	i := slices.IndexFunc(p.Resources, func(r Resource) bool { return r.Type == typ })
	return &p.Resources[i]
}

func container(p *Plan) map[string]any {
	template := ofType(p, "gcp:cloudrunv2/job:Job").Inputs["template"].(map[string]any)["template"].(map[string]any)
	return template["containers"].([]any)[0].(map[string]any)
}

func envs(p *Plan) []any { return container(p)["envs"].([]any) }

// reaches says whether a resource waits, directly or not, for an API.
func reaches(p *Plan, r Resource, api string) bool {
	for _, urn := range r.Depends {
		i := slices.IndexFunc(p.Resources, func(other Resource) bool { return other.URN == urn })
		if i < 0 {
			continue
		}
		other := p.Resources[i]
		if other.Type == "gcp:projects/service:Service" && p.short(other.Name) == "api-"+api || reaches(p, other, api) {
			return true
		}
	}
	return false
}
