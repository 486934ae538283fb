package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rule is what has to hold; its check lists what breaks it.
type rule struct {
	name  string
	check func(p *Plan) (broken []string)
}

// rules hold for every plan of every stack, whatever its settings.
var rules = []rule{
	{"no public or basic role", noPublicOrBasicRole},
	{"no secret in a plain variable", noPlainSecret},
	{"image by digest", imageByDigest},
	{"every grant's member is one of ours", membersAreOurs},
	{"grants only add", grantsOnlyAdd},
	{"every dependency is declared, and before", dependenciesComplete},
	{"every resource is a child of the component", oneComponent},
	{"every resource waits for its API", apisFirst},
	{"the job waits for every grant to its account", jobAfterGrants},
	{"the trigger comes after everything it sets off", triggerLast},
	{"APIs stay on at destroy", apisStay},
	{"no input is empty", noEmptyInput},
	{"the new one is there before the old one goes", newOneFirst},
	{"no image is deleted", imagesStay},
	{"job and trigger are protected together", protectedTogether},
	{"everything is tried again until it takes effect", allRetried},
	{"a job that mounts secrets waits until it may read them", secretsProbed},
	{"what is granted to Google's agents stays", agentsKeepGrants},
	{"what holds data stays", dataStays},
}

func TestRulesHoldForEveryPlan(t *testing.T) {
	for _, name := range fixtures {
		plan := planOf(t, name)
		for _, rule := range rules {
			for _, broken := range rule.check(plan) {
				t.Errorf("%s: %s: %s", name, rule.name, broken)
			}
		}
	}
}

// A rule that nothing can break proves nothing: each is shown a plan that breaks it.
func TestRulesCanBeBroken(t *testing.T) {
	for name, breakIt := range map[string]func(p *Plan){
		"no public or basic role":                         func(p *Plan) { find(p, "job-cloudsql.client").Inputs["role"] = "roles/editor" },
		"no secret in a plain variable":                   func(p *Plan) { envs(p)[0] = map[string]any{"name": "DB_PASSWORD", "value": "x"} },
		"image by digest":                                 func(p *Plan) { container(p)["image"] = "example/image:latest" },
		"every grant's member is one of ours":             func(p *Plan) { find(p, "job-cloudsql.client").Inputs["member"] = "allUsers" },
		"grants only add":                                 func(p *Plan) { find(p, "job-cloudsql.client").Type = "gcp:projects/iAMBinding:IAMBinding" },
		"every dependency is declared, and before":        func(p *Plan) { slices.Reverse(p.Resources) },
		"every resource is a child of the component":      func(p *Plan) { find(p, "job-account").Parent = "" },
		"every resource waits for its API":                func(p *Plan) { find(p, "job-account").Depends = nil },
		"the job waits for every grant to its account":    func(p *Plan) { ofType(p, "gcp:cloudrunv2/job:Job").Depends = nil },
		"the trigger comes after everything it sets off":  func(p *Plan) { ofType(p, "gcp:cloudscheduler/job:Job").Depends = nil },
		"APIs stay on at destroy":                         func(p *Plan) { find(p, "api-run").Inputs["disableOnDestroy"] = true },
		"no input is empty":                               func(p *Plan) { find(p, "job-cloudsql.client").Inputs["member"] = "" },
		"the new one is there before the old one goes":    func(p *Plan) { find(p, "job-cloudsql.client").OldGoesFirst = true },
		"job and trigger are protected together":          func(p *Plan) { ofType(p, "gcp:cloudrunv2/job:Job").Inputs["deletionProtection"] = true },
		"no image is deleted":                             func(p *Plan) { find(p, "repository").Retain = false },
		"everything is tried again until it takes effect": func(p *Plan) { find(p, "job-cloudsql.client").Hooks = nil },
		"a job that mounts secrets waits until it may read them": func(p *Plan) {
			ofType(p, "gcp:cloudrunv2/job:Job").Hooks = nil
		},
		"what is granted to Google's agents stays": func(p *Plan) { find(p, "cloud-scheduler-iam.serviceAccountTokenCreator").Retain = false },
		"what holds data stays":                    func(p *Plan) { find(p, "bucket").Retain = false },
	} {
		plan := planOf(t, "password") // which has most of what they look at
		breakIt(plan)
		i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
		if len(rules[i].check(plan)) == 0 {
			t.Errorf("%s: was broken and not seen", name)
		}
	}
}

var (
	publicMember = regexp.MustCompile(`^(allUsers|allAuthenticatedUsers|domain:)`)
	ourMember    = regexp.MustCompile(`^serviceAccount:((vertex-metadata-sa|scheduler-runner-sa)@acme-search(-prod)?|service-[0-9]+@(gcp-sa-cloudscheduler|gcp-sa-discoveryengine|serverless-robot-prod))\.iam\.gserviceaccount\.com$`)
	byDigest     = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
	secretName   = regexp.MustCompile(`(?i)password|passwd|secret|token|api_?key|private_?key|credential|database_url`)
)

func noPublicOrBasicRole(p *Plan) (broken []string) {
	for _, g := range grants(p) {
		role, member := text(g.Inputs["role"]), text(g.Inputs["member"])
		if publicMember.MatchString(member) || slices.Contains([]string{"roles/owner", "roles/editor", "roles/viewer"}, role) {
			broken = append(broken, g.Name+" gives "+role+" to "+member)
		}
	}
	return broken
}

func noPlainSecret(p *Plan) (broken []string) {
	for _, env := range envs(p) {
		env := env.(map[string]any)
		if name := text(env["name"]); name != "SECRET_ID" && secretName.MatchString(name) && env["value"] != nil {
			broken = append(broken, name+" has a value in the open")
		}
	}
	return broken
}

func imageByDigest(p *Plan) []string {
	if image := text(container(p)["image"]); !byDigest.MatchString(image) {
		return []string{image}
	}
	return nil
}

func membersAreOurs(p *Plan) (broken []string) {
	for _, g := range grants(p) {
		if member := text(g.Inputs["member"]); !ourMember.MatchString(member) {
			broken = append(broken, g.Name+" is for "+member)
		}
	}
	return broken
}

func grantsOnlyAdd(p *Plan) (broken []string) {
	for _, r := range p.Resources {
		if strings.Contains(r.Type, "Binding") || strings.Contains(r.Type, "IAMPolicy") || strings.Contains(r.Type, "IamPolicy") {
			broken = append(broken, r.Type+" "+r.Name)
		}
	}
	return broken
}

func dependenciesComplete(p *Plan) (broken []string) {
	seen := map[string]bool{}
	for _, r := range p.Resources {
		for _, urn := range append(slices.Clone(r.Depends), r.Parent) {
			if urn != "" && !seen[urn] {
				broken = append(broken, r.Name+" needs "+urnName(urn)+", which is not there before it")
			}
		}
		seen[r.URN] = true
	}
	return broken
}

func oneComponent(p *Plan) (broken []string) {
	root := p.Resources[0]
	for _, r := range p.Resources[1:] {
		if r.Parent != root.URN {
			broken = append(broken, r.Name)
		}
	}
	return broken
}

// apiOf says which API has to be on before a resource of a type can be made.
var apiOf = map[string]string{
	"gcp:artifactregistry/": "artifactregistry", "gcp:cloudrunv2/": "run", "gcp:cloudscheduler/": "cloudscheduler",
	"gcp:kms/": "cloudkms", "gcp:logging/": "logging", "gcp:monitoring/": "monitoring", "gcp:discoveryengine/": "discoveryengine", "gcp:sql/": "sqladmin",
	"gcp:secretmanager/": "secretmanager", "gcp:serviceaccount/": "iam", "gcp:storage/": "storage", "docker:": "artifactregistry",
}

func apisFirst(p *Plan) (broken []string) {
	for _, r := range p.Resources {
		for prefix, api := range apiOf {
			if strings.HasPrefix(r.Type, prefix) && !reaches(p, r, api) {
				broken = append(broken, r.Name+" does not wait for "+api)
			}
		}
	}
	return broken
}

func jobAfterGrants(p *Plan) (broken []string) {
	job := ofType(p, "gcp:cloudrunv2/job:Job")
	for _, g := range grants(p) {
		if strings.HasPrefix(p.short(g.Name), "job-") && !slices.Contains(job.Depends, g.URN) {
			broken = append(broken, g.Name)
		}
	}
	return broken
}

func triggerLast(p *Plan) (broken []string) {
	trigger := ofType(p, "gcp:cloudscheduler/job:Job")
	for _, needed := range append(grants(p), *ofType(p, "gcp:cloudrunv2/job:Job")) {
		if !slices.Contains(trigger.Depends, needed.URN) {
			broken = append(broken, needed.Name)
		}
	}
	return broken
}

func apisStay(p *Plan) (broken []string) {
	for _, r := range p.Resources {
		if r.Type == "gcp:projects/service:Service" && r.Inputs["disableOnDestroy"] != false {
			broken = append(broken, r.Name)
		}
	}
	return broken
}

// A destroy that the job alone refuses stops half way, when the trigger is gone.
func protectedTogether(p *Plan) (broken []string) {
	job, trigger := ofType(p, "gcp:cloudrunv2/job:Job"), ofType(p, "gcp:cloudscheduler/job:Job")
	for _, r := range []*Resource{job, trigger} {
		if r.Protect != (job.Inputs["deletionProtection"] == true) {
			broken = append(broken, r.Name)
		}
	}
	return broken
}

// A role that goes before its replacement comes leaves the running job without it.
func newOneFirst(p *Plan) (broken []string) {
	for _, r := range p.Resources {
		if r.OldGoesFirst {
			broken = append(broken, r.Name)
		}
	}
	return broken
}

// The repository holds the image that the job runs, also when the program no longer declares it.
func imagesStay(p *Plan) (broken []string) {
	for _, r := range p.Resources {
		if r.Type == "gcp:artifactregistry/repository:Repository" && !r.Retain {
			broken = append(broken, r.Name)
		}
	}
	return broken
}

func allRetried(p *Plan) (broken []string) {
	for _, r := range p.Resources {
		if r.Custom && !slices.Contains(r.Hooks, "on error vertex-metadata-retry") {
			broken = append(broken, r.Name)
		}
	}
	return broken
}
