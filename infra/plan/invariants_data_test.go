package main

import (
	"slices"
	"strings"
)

func secretsProbed(p *Plan) (broken []string) {
	job := ofType(p, "gcp:cloudrunv2/job:Job")
	for _, env := range envs(p) {
		if mounted := env.(map[string]any); mounted["valueSource"] != nil && !slices.Contains(job.Hooks, "before create vertex-metadata-probe-before-create") {
			broken = append(broken, text(mounted["name"]))
		}
	}
	return broken
}

// Others in the project live by the same grant: there is one for all.
func agentsKeepGrants(p *Plan) (broken []string) {
	for _, g := range grants(p) {
		if strings.HasPrefix(text(g.Inputs["member"]), "serviceAccount:service-") && !g.Retain {
			broken = append(broken, g.Name)
		}
	}
	return broken
}

func dataStays(p *Plan) (broken []string) {
	for _, r := range p.Resources {
		switch r.Type {
		case "gcp:storage/bucket:Bucket", "gcp:discoveryengine/dataStore:DataStore", "gcp:discoveryengine/schema:Schema", "gcp:sql/user:User":
			if !r.Retain || strings.Contains(r.Type, "discoveryengine") != r.Protect {
				broken = append(broken, r.Name)
			}
		}
	}
	return broken
}

// An empty input is a computed value that the program did not wait for, or a setting that slipped through.
func noEmptyInput(p *Plan) (broken []string) {
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case string:
			if v == "" {
				broken = append(broken, path)
			}
		case map[string]any:
			for key, value := range v {
				walk(path+"."+key, value)
			}
		case []any:
			for _, value := range v {
				walk(path+"[]", value)
			}
		}
	}
	for _, r := range p.Resources {
		walk(r.Name, map[string]any(r.Inputs))
	}
	return broken
}
