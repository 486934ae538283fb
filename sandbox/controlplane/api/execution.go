package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// run is an execution in progress.
type run struct {
	cancel    context.CancelFunc
	cancelled bool
	ended     chan struct{}
}

// runJob starts an execution and answers the operation that ends with it.
func (s *Server) runJob(c *engine.Call) (any, error) {
	needed := "run.jobs.run"
	overrides := fields.Child(c.Body, "overrides")
	if overrides != nil {
		needed = "run.jobs.runWithOverrides"
	}
	if err := c.May(needed, c.Kind.Key(c.On)); err != nil {
		return nil, err
	}
	if err := s.checkEtagOf(c); err != nil {
		return nil, err
	}
	execution, err := s.start(c, overrides)
	if err != nil {
		return nil, err
	}
	return c.OperationNamed(fields.Text(execution, runningOperation)), nil
}

func (s *Server) checkEtagOf(c *engine.Call) error {
	found, err := c.Stored()
	if err != nil {
		return err
	}
	return engine.CheckEtag(fields.Text(c.Body, "etag"), found.Resource)
}

// runningOperation is where an execution keeps the name of its operation; no answer shows it.
const runningOperation = "sandboxOperation"

// start makes an execution of the job that the call is on, and hands it to the runner.
func (s *Server) start(c *engine.Call, overrides object) (object, error) {
	found, err := c.Stored()
	if err != nil {
		return nil, err
	}
	if s.runner == nil {
		return nil, engine.Precondition("This sandbox was started without anything that runs jobs.")
	}
	if s.closed {
		return nil, engine.Failure(http.StatusServiceUnavailable, "UNAVAILABLE", "The sandbox is shutting down.")
	}
	job := found.Resource
	if condition := fields.Child(job, "terminalCondition"); fields.Text(condition, "state") == "CONDITION_FAILED" {
		return nil, engine.Precondition("Job %s is not ready: %s", c.On, fields.Text(condition, "message"))
	}
	execution := s.newExecution(c, job, overrides)
	name := fields.Text(execution, "name")
	op := c.Operation(nil, nil)
	op["metadata"] = withType(execution)
	execution[runningOperation] = op["name"]
	k := c.KindOf("run", executions)
	c.Keep(k, name, execution)
	fields.Put(job, "executionCount", float64(fields.Whole(job, "executionCount", 0)+1))
	fields.Put(job, "latestCreatedExecution", object{"name": engine.Last(name), "createTime": execution["createTime"]})

	ctx, cancel := context.WithCancel(context.Background())
	r := &run{cancel: cancel, ended: make(chan struct{})}
	s.running[name] = r
	s.done.Add(1)
	go s.follow(ctx, r, s.execution(execution, c.Vars), name, op)
	return execution, nil
}

func withType(execution object) object {
	shown := fields.CloneObject(execution)
	shown["@type"] = "type.googleapis.com/google.cloud.run.v2.Execution"
	fields.Drop(shown, runningOperation)
	return shown
}

func (s *Server) newExecution(c *engine.Call, job, overrides object) object {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	suffix := make([]byte, 5)
	for i := range suffix {
		suffix[i] = letters[rand.IntN(len(letters))]
	}
	short := c.Vars["job"] + "-" + string(suffix)
	template := fields.Clone(fields.Field(job, "template.template")).(object)
	taskCount := fields.Whole(job, "template.taskCount", 1)
	if overrides != nil {
		taskCount = fields.Whole(overrides, "taskCount", taskCount)
		fields.OrElse(overrides, "timeout", fields.Text(template, "timeout"))
		fields.Put(template, "timeout", overrides["timeout"])
		override(template, fields.Items(overrides, "containerOverrides"))
	}
	execution := object{
		"name": c.On + "/executions/" + short, "uid": engine.UUID(), "job": c.Vars["job"], "generation": "1", "observedGeneration": "1",
		"createTime": c.Timestamp(), "updateTime": c.Timestamp(), "startTime": c.Timestamp(), "launchStage": "GA",
		"creator": strings.TrimPrefix(c.Member, "serviceAccount:"), "labels": object{"run.googleapis.com/job": c.Vars["job"]},
		"taskCount": float64(taskCount), "template": template, "etag": `"` + engine.RandomHex(8) + `"`, "reconciling": true,
		"logUri": fmt.Sprintf("https://console.cloud.google.com/logs/viewer?project=%s&advancedFilter=resource.type%%3D%%22cloud_run_job%%22"+
			"%%0Alabels.%%22run.googleapis.com/execution_name%%22%%3D%%22%s%%22", c.Vars["project"], short),
		"conditions": []any{
			object{"type": "Completed", "state": "CONDITION_RECONCILING", "lastTransitionTime": c.Timestamp()},
			object{"type": "Started", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": c.Timestamp()},
		},
	}
	if parallelism := fields.Whole(job, "template.parallelism", 0); parallelism > 0 {
		execution["parallelism"] = float64(parallelism)
	}
	return execution
}

// override applies what a caller changed for one execution.
func override(template object, changes []object) {
	containers := fields.Items(template, "containers")
	for i, change := range changes {
		if i >= len(containers) {
			return
		}
		if args := fields.Field(change, "args"); args != nil {
			containers[i]["args"] = args
		}
		for _, env := range fields.Items(change, "env") {
			var kept []any
			for _, old := range fields.Items(containers[i], "env") {
				if fields.Text(old, "name") != fields.Text(env, "name") {
					kept = append(kept, old)
				}
			}
			containers[i]["env"] = append(kept, env)
		}
	}
}

// follow runs an execution to its end and records the outcome.
func (s *Server) follow(ctx context.Context, r *run, e Execution, name string, op object) {
	defer s.done.Done()
	record := &Record{server: s, name: name, execution: e}
	failed := s.runner.Run(ctx, e, record)
	r.cancel()
	s.Lock()
	defer s.Unlock()
	delete(s.running, name)
	close(r.ended)
	found := s.Find("run/" + name)
	if found == nil {
		engine.Complete(op, "", object{}, engine.Failure(http.StatusOK, "CANCELLED", "The execution was deleted."))
		return
	}
	execution := found.Resource
	condition := object{"type": "Completed", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": s.Timestamp()}
	var outcome *engine.Error
	switch {
	case r.cancelled || errors.Is(failed, context.Canceled):
		condition["state"], condition["executionReason"], condition["message"] = "CONDITION_FAILED", "CANCELLED", "Execution was cancelled."
		outcome = engine.Failure(http.StatusOK, "CANCELLED", "%s", condition["message"])
	case failed != nil:
		condition["state"], condition["executionReason"], condition["message"] = "CONDITION_FAILED", "NON_ZERO_EXIT_CODE", failed.Error()
		outcome = engine.Failure(http.StatusOK, "UNKNOWN", "%s", failed.Error())
	}
	execution["conditions"].([]any)[0] = condition
	execution["completionTime"], execution["updateTime"] = s.Timestamp(), s.Timestamp()
	fields.Drop(execution, "reconciling")
	job, _, _ := strings.Cut(name, "/executions/")
	if stored := s.Find("run/" + job); stored != nil && fields.Text(stored.Resource, "latestCreatedExecution.name") == engine.Last(name) {
		fields.Put(stored.Resource, "latestCreatedExecution.completionTime", s.Timestamp())
	}
	engine.Complete(op, "type.googleapis.com/google.cloud.run.v2.Execution", withType(execution), outcome)
	s.audit(e, execution, condition)
}

// cancelBelow ends the execution of that name, or all executions of the job of that name.
func (s *Server) cancelBelow(name string) {
	for running, r := range s.running {
		if running == name || strings.HasPrefix(running, name+"/") {
			r.cancelled = true
			r.cancel()
		}
	}
}

// WaitExecution waits until an execution has ended and answers how; the name is full (projects/P/locations/L/jobs/J/executions/E).
// The outcome is nil for success and the failure message otherwise.
func (s *Server) WaitExecution(ctx context.Context, name string) (outcome, err error) {
	s.Lock()
	r, found := s.running[name], s.Find("run/"+name)
	s.Unlock()
	if found == nil {
		return nil, engine.NotFound("Execution %s does not exist.", name)
	}
	if r != nil {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for execution %s: %w", engine.Last(name), ctx.Err())
		case <-r.ended:
		}
	}
	s.Lock()
	defer s.Unlock()
	condition := fields.Items(found.Resource, "conditions")[0]
	if fields.Text(condition, "state") == "CONDITION_FAILED" {
		return errors.New(fields.Text(condition, "message")), nil
	}
	return nil, nil
}

// Executions are the full names of a job's executions, oldest first. The job is named projects/P/locations/L/jobs/J.
func (s *Server) Executions(job string) []string {
	s.Lock()
	defer s.Unlock()
	var names []string
	for _, e := range s.InOrder() {
		if name := fields.Text(e.Resource, "name"); e.Kind.Title == "execution" && strings.HasPrefix(name, job+"/") {
			names = append(names, name)
		}
	}
	return names
}

func taskName(execution string, index int) string {
	return execution + "/tasks/" + engine.Last(execution) + "-task" + strconv.Itoa(index)
}
