package api

import (
	"net/http"
	"regexp"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// Version 1 of the Cloud Run API is Knative's: namespaces for projects, the region in the host's name, and a form of its own.
// gcloud speaks it. What is stored is the form of version 2; these kinds only translate.

const knative = "apis/run.googleapis.com/v1/namespaces/{project}/"

var regionHost = regexp.MustCompile(`^([a-z]+-[a-z]+[0-9]+)-`)

func (s *Server) knativeKinds() []*engine.Kind {
	return []*engine.Kind{
		{Service: "run", Versions: []string{""}, Pattern: engine.NewPattern(knative + "jobs/{job}"), Permission: "run.jobs", Handle: s.knativeJobs},
		{Service: "run", Versions: []string{""}, Pattern: engine.NewPattern(knative + "executions/{execution}"), Permission: "run.executions", Handle: s.knativeExecutions},
		{Service: "run", Versions: []string{""}, Pattern: engine.NewPattern(knative + "tasks/{task}"), Permission: "run.tasks", Handle: s.knativeTasks},
		{Service: "run", Versions: []string{"v1"}, Pattern: engine.NewPattern("namespaces/{project}/jobs/{job}"), Permission: "run.jobs", Handle: s.knativeJobs},
		{Service: "run", Versions: []string{"v1"}, Pattern: engine.NewPattern("namespaces/{project}/executions/{execution}"), Permission: "run.executions", Handle: s.knativeExecutions},
		{Service: "run", Versions: []string{"v1"}, Pattern: engine.NewPattern("namespaces/{project}/tasks/{task}"), Permission: "run.tasks", Handle: s.knativeTasks},
	}
}

// inner is the same request about a resource in version 2.
func (s *Server) inner(c *engine.Call, shape string, vars map[string]string) *engine.Call {
	k := c.KindOf("run", shape)
	inner := &engine.Call{
		Server: c.Server, HTTP: c.HTTP, Service: "run", Version: "v2", Kind: k, Vars: vars, Member: c.Member, Body: object{},
	}
	inner.Vars["project"] = c.Vars["project"]
	if found := regionHost.FindStringSubmatch(c.HTTP.Host); found != nil {
		inner.Vars["location"] = found[1]
	}
	inner.On = k.Pattern.Fill(inner.Vars)
	return inner
}

func (s *Server) knativeJobs(c *engine.Call) (any, error) {
	inner := s.inner(c, jobsPattern, map[string]string{"job": c.Vars["job"]})
	method := c.HTTP.Method
	if inner.Vars["location"] == "" && (!c.Whole || method != http.MethodGet) {
		return nil, engine.Invalid("Jobs of this API are served by regional endpoints: REGION-run.googleapis.com.")
	}
	switch {
	case c.Whole && method == http.MethodGet:
		return s.knativeList(c, "JobList", inner.Kind, "", knativeJob)
	case c.Whole && method == http.MethodPost:
		inner.Body = jobFromKnative(c.Body)
		inner.On = strings.TrimSuffix(inner.On, "/jobs/")
		if _, err := inner.CreateAs(fields.Text(c.Body, "metadata.name")); err != nil {
			return nil, err
		}
	case c.Verb == "run" && method == http.MethodPost:
		if err := c.May("run.jobs.run", inner.Kind.Key(inner.On)); err != nil {
			return nil, err
		}
		execution, err := s.start(inner, fields.Child(c.Body, "overrides"))
		if err != nil {
			return nil, err
		}
		return knativeExecution(s, execution), nil
	case c.Verb != "":
		return nil, engine.ErrNoSuchMethod
	case method == http.MethodGet:
		if _, err := inner.Get(); err != nil {
			return nil, err
		}
	case method == http.MethodPut:
		inner.Body = jobFromKnative(c.Body)
		inner.Body["etag"] = fields.Text(c.Body, "metadata.resourceVersion")
		if _, err := inner.Update(); err != nil {
			return nil, err
		}
	case method == http.MethodDelete:
		if _, err := inner.Remove(); err != nil {
			return nil, err
		}
		return object{"kind": "Status", "status": "Success"}, nil
	default:
		return nil, engine.ErrNoSuchMethod
	}
	return knativeJob(s, c.Find(inner.Kind.Key(inner.On)).Resource), nil
}

// knativeList lists resources of every region, or of the host's, that a label selector (a=b) matches.
func (s *Server) knativeList(c *engine.Call, title string, k *engine.Kind, selector string, translate func(*Server, object) object) (any, error) {
	if err := c.May(k.Permission+".list", engine.ProjectKey(c.Vars["project"])); err != nil {
		return nil, err
	}
	region := ""
	if found := regionHost.FindStringSubmatch(c.HTTP.Host); found != nil {
		region = found[1]
	}
	listed := []any{}
	for _, e := range c.InOrder() {
		segments := strings.Split(fields.Text(e.Resource, "name"), "/")
		if e.Kind != k || segments[1] != c.Vars["project"] || region != "" && segments[3] != region {
			continue
		}
		shown := translate(s, e.Resource)
		if name, value, ok := strings.Cut(selector, "="); ok {
			if found, _ := fields.Child(shown, "metadata.labels")[strings.TrimSpace(name)].(string); found != strings.TrimSpace(value) {
				continue
			}
		}
		listed = append(listed, shown)
	}
	if k.Newest {
		for i, j := 0, len(listed)-1; i < j; i, j = i+1, j-1 {
			listed[i], listed[j] = listed[j], listed[i]
		}
	}
	return object{"apiVersion": "run.googleapis.com/v1", "kind": title, "metadata": object{}, "items": listed}, nil
}

func (s *Server) knativeExecutions(c *engine.Call) (any, error) {
	k := c.KindOf("run", executions)
	if c.Whole && c.HTTP.Method == http.MethodGet {
		return s.knativeList(c, "ExecutionList", k, c.HTTP.URL.Query().Get("labelSelector"), knativeExecution)
	}
	found := s.below(c, k, c.Vars["execution"])
	if found == nil {
		return nil, engine.NotFound("Resource '%s' of kind 'EXECUTION' does not exist.", c.Vars["execution"])
	}
	name := fields.Text(found.Resource, "name")
	switch {
	case c.HTTP.Method == http.MethodGet && c.Verb == "":
		if err := c.May("run.executions.get", k.Key(name)); err != nil {
			return nil, err
		}
	case c.HTTP.Method == http.MethodPost && c.Verb == "cancel":
		if err := c.May("run.executions.cancel", k.Key(name)); err != nil {
			return nil, err
		}
		s.cancelBelow(name)
	case c.HTTP.Method == http.MethodDelete && c.Verb == "":
		if err := c.May("run.executions.delete", k.Key(name)); err != nil {
			return nil, err
		}
		s.cancelBelow(name)
		c.Forget(k.Key(name))
		return object{"kind": "Status", "status": "Success"}, nil
	default:
		return nil, engine.ErrNoSuchMethod
	}
	return knativeExecution(s, found.Resource), nil
}

func (s *Server) knativeTasks(c *engine.Call) (any, error) {
	k := c.KindOf("run", executions+"/tasks/{task}")
	if c.HTTP.Method != http.MethodGet || c.Verb != "" {
		return nil, engine.ErrNoSuchMethod
	}
	if c.Whole {
		return s.knativeList(c, "TaskList", k, c.HTTP.URL.Query().Get("labelSelector"), knativeTask)
	}
	found := s.below(c, k, c.Vars["task"])
	if found == nil {
		return nil, engine.NotFound("Resource '%s' of kind 'TASK' does not exist.", c.Vars["task"])
	}
	if err := c.May("run.tasks.get", k.Key(fields.Text(found.Resource, "name"))); err != nil {
		return nil, err
	}
	return knativeTask(s, found.Resource), nil
}

// below finds an execution or task by its short name, as a namespace holds it.
func (s *Server) below(c *engine.Call, k *engine.Kind, short string) *engine.Entry {
	for _, e := range c.InOrder() {
		if name := fields.Text(e.Resource, "name"); e.Kind == k && engine.Last(name) == short && strings.HasPrefix(name, "projects/"+c.Vars["project"]+"/") {
			return e
		}
	}
	return nil
}
