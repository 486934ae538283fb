package controlplane

import (
	"net/http"
	"regexp"
	"strings"
)

// Version 1 of the Cloud Run API is Knative's: namespaces for projects, the region in the host's name, and a form of its own.
// gcloud speaks it. What is stored is the form of version 2; these kinds only translate.

const knative = "apis/run.googleapis.com/v1/namespaces/{project}/"

var regionHost = regexp.MustCompile(`^([a-z]+-[a-z]+[0-9]+)-`)

func knativeKinds() []*kind {
	return []*kind{
		{service: "run", versions: []string{""}, pattern: newPattern(knative + "jobs/{job}"), permission: "run.jobs", handle: knativeJobs},
		{service: "run", versions: []string{""}, pattern: newPattern(knative + "executions/{execution}"), permission: "run.executions", handle: knativeExecutions},
		{service: "run", versions: []string{""}, pattern: newPattern(knative + "tasks/{task}"), permission: "run.tasks", handle: knativeTasks},
		{service: "run", versions: []string{"v1"}, pattern: newPattern("namespaces/{project}/jobs/{job}"), permission: "run.jobs", handle: knativeJobs},
		{service: "run", versions: []string{"v1"}, pattern: newPattern("namespaces/{project}/executions/{execution}"), permission: "run.executions", handle: knativeExecutions},
		{service: "run", versions: []string{"v1"}, pattern: newPattern("namespaces/{project}/tasks/{task}"), permission: "run.tasks", handle: knativeTasks},
	}
}

// inner is the same request about a resource in version 2.
func (c *call) inner(shape string, vars map[string]string) *call {
	k := kindOf("run", shape)
	inner := &call{
		Server: c.Server, http: c.http, service: "run", version: "v2", kind: k, vars: vars, member: c.member, body: object{},
	}
	inner.vars["project"] = c.vars["project"]
	if found := regionHost.FindStringSubmatch(c.http.Host); found != nil {
		inner.vars["location"] = found[1]
	}
	inner.on = k.pattern.fill(inner.vars)
	return inner
}

func knativeJobs(c *call) (any, error) {
	inner := c.inner(jobsPattern, map[string]string{"job": c.vars["job"]})
	method := c.http.Method
	if inner.vars["location"] == "" && (!c.whole || method != http.MethodGet) {
		return nil, invalid("Jobs of this API are served by regional endpoints: REGION-run.googleapis.com.")
	}
	switch {
	case c.whole && method == http.MethodGet:
		return c.knativeList("JobList", inner.kind, "", knativeJob)
	case c.whole && method == http.MethodPost:
		inner.body = jobFromKnative(c.body)
		inner.on = strings.TrimSuffix(inner.on, "/jobs/")
		if _, err := inner.createAs(text(c.body, "metadata.name")); err != nil {
			return nil, err
		}
	case c.verb == "run" && method == http.MethodPost:
		if err := c.may("run.jobs.run", inner.kind.key(inner.on)); err != nil {
			return nil, err
		}
		execution, err := inner.start(child(c.body, "overrides"))
		if err != nil {
			return nil, err
		}
		return knativeExecution(c.Server, execution), nil
	case c.verb != "":
		return nil, errNoSuchMethod
	case method == http.MethodGet:
		if _, err := inner.get(); err != nil {
			return nil, err
		}
	case method == http.MethodPut:
		inner.body = jobFromKnative(c.body)
		inner.body["etag"] = text(c.body, "metadata.resourceVersion")
		if _, err := inner.update(); err != nil {
			return nil, err
		}
	case method == http.MethodDelete:
		if _, err := inner.remove(); err != nil {
			return nil, err
		}
		return object{"kind": "Status", "status": "Success"}, nil
	default:
		return nil, errNoSuchMethod
	}
	return knativeJob(c.Server, c.resources[inner.kind.key(inner.on)].resource), nil
}

// knativeList lists resources of every region, or of the host's, that a label selector (a=b) matches.
func (c *call) knativeList(title string, k *kind, selector string, translate func(*Server, object) object) (any, error) {
	if err := c.may(k.permission+".list", projectKey(c.vars["project"])); err != nil {
		return nil, err
	}
	region := ""
	if found := regionHost.FindStringSubmatch(c.http.Host); found != nil {
		region = found[1]
	}
	listed := []any{}
	for _, e := range c.inOrder() {
		segments := strings.Split(text(e.resource, "name"), "/")
		if e.kind != k || segments[1] != c.vars["project"] || region != "" && segments[3] != region {
			continue
		}
		shown := translate(c.Server, e.resource)
		if name, value, ok := strings.Cut(selector, "="); ok {
			if found, _ := child(shown, "metadata.labels")[strings.TrimSpace(name)].(string); found != strings.TrimSpace(value) {
				continue
			}
		}
		listed = append(listed, shown)
	}
	if k.newest {
		for i, j := 0, len(listed)-1; i < j; i, j = i+1, j-1 {
			listed[i], listed[j] = listed[j], listed[i]
		}
	}
	return object{"apiVersion": "run.googleapis.com/v1", "kind": title, "metadata": object{}, "items": listed}, nil
}

func knativeExecutions(c *call) (any, error) {
	k := kindOf("run", executions)
	if c.whole && c.http.Method == http.MethodGet {
		return c.knativeList("ExecutionList", k, c.http.URL.Query().Get("labelSelector"), knativeExecution)
	}
	found := c.below(k, c.vars["execution"])
	if found == nil {
		return nil, notFound("Resource '%s' of kind 'EXECUTION' does not exist.", c.vars["execution"])
	}
	name := text(found.resource, "name")
	switch {
	case c.http.Method == http.MethodGet && c.verb == "":
		if err := c.may("run.executions.get", k.key(name)); err != nil {
			return nil, err
		}
	case c.http.Method == http.MethodPost && c.verb == "cancel":
		if err := c.may("run.executions.cancel", k.key(name)); err != nil {
			return nil, err
		}
		c.cancelBelow(name)
	case c.http.Method == http.MethodDelete && c.verb == "":
		if err := c.may("run.executions.delete", k.key(name)); err != nil {
			return nil, err
		}
		c.cancelBelow(name)
		c.forget(k.key(name))
		return object{"kind": "Status", "status": "Success"}, nil
	default:
		return nil, errNoSuchMethod
	}
	return knativeExecution(c.Server, found.resource), nil
}

func knativeTasks(c *call) (any, error) {
	k := kindOf("run", executions+"/tasks/{task}")
	if c.http.Method != http.MethodGet || c.verb != "" {
		return nil, errNoSuchMethod
	}
	if c.whole {
		return c.knativeList("TaskList", k, c.http.URL.Query().Get("labelSelector"), knativeTask)
	}
	found := c.below(k, c.vars["task"])
	if found == nil {
		return nil, notFound("Resource '%s' of kind 'TASK' does not exist.", c.vars["task"])
	}
	if err := c.may("run.tasks.get", k.key(text(found.resource, "name"))); err != nil {
		return nil, err
	}
	return knativeTask(c.Server, found.resource), nil
}

// below finds an execution or task by its short name, as a namespace holds it.
func (c *call) below(k *kind, short string) *entry {
	for _, e := range c.inOrder() {
		if name := text(e.resource, "name"); e.kind == k && last(name) == short && strings.HasPrefix(name, "projects/"+c.vars["project"]+"/") {
			return e
		}
	}
	return nil
}
