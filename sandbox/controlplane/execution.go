package controlplane

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// run is an execution in progress.
type run struct {
	cancel    context.CancelFunc
	cancelled bool
	ended     chan struct{}
}

// runJob starts an execution and answers the operation that ends with it.
func runJob(c *call) (any, error) {
	needed := "run.jobs.run"
	overrides := child(c.body, "overrides")
	if overrides != nil {
		needed = "run.jobs.runWithOverrides"
	}
	if err := c.may(needed, c.kind.key(c.on)); err != nil {
		return nil, err
	}
	if err := checkEtagOf(c); err != nil {
		return nil, err
	}
	execution, err := c.start(overrides)
	if err != nil {
		return nil, err
	}
	return cloneObject(c.operations[c.service+"/"+text(execution, runningOperation)]), nil
}

func checkEtagOf(c *call) error {
	found, err := c.stored()
	if err != nil {
		return err
	}
	return checkEtag(text(c.body, "etag"), found.resource)
}

// runningOperation is where an execution keeps the name of its operation; no answer shows it.
const runningOperation = "sandboxOperation"

// start makes an execution of the job that the call is on, and hands it to the runner.
func (c *call) start(overrides object) (object, error) {
	found, err := c.stored()
	if err != nil {
		return nil, err
	}
	if c.runner == nil {
		return nil, precondition("This sandbox was started without anything that runs jobs.")
	}
	if c.closed {
		return nil, failure(http.StatusServiceUnavailable, "UNAVAILABLE", "The sandbox is shutting down.")
	}
	job := found.resource
	if condition := child(job, "terminalCondition"); text(condition, "state") == "CONDITION_FAILED" {
		return nil, precondition("Job %s is not ready: %s", c.on, text(condition, "message"))
	}
	execution := c.newExecution(job, overrides)
	name := text(execution, "name")
	op := c.operation(nil, nil)
	op["metadata"] = withType(execution)
	execution[runningOperation] = op["name"]
	k := kindOf("run", executions)
	c.resources[k.key(name)] = &entry{kind: k, serial: c.next(), resource: execution}
	put(job, "executionCount", float64(whole(job, "executionCount", 0)+1))
	put(job, "latestCreatedExecution", object{"name": last(name), "createTime": execution["createTime"]})

	ctx, cancel := context.WithCancel(context.Background())
	r := &run{cancel: cancel, ended: make(chan struct{})}
	c.running[name] = r
	c.done.Add(1)
	go c.Server.follow(ctx, r, c.execution(execution, c.vars), name, op)
	return execution, nil
}

func withType(execution object) object {
	shown := cloneObject(execution)
	shown["@type"] = "type.googleapis.com/google.cloud.run.v2.Execution"
	drop(shown, runningOperation)
	return shown
}

func (c *call) newExecution(job, overrides object) object {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	suffix := make([]byte, 5)
	for i := range suffix {
		suffix[i] = letters[rand.IntN(len(letters))]
	}
	short := c.vars["job"] + "-" + string(suffix)
	template := clone(field(job, "template.template")).(object)
	taskCount := whole(job, "template.taskCount", 1)
	if overrides != nil {
		taskCount = whole(overrides, "taskCount", taskCount)
		orElse(overrides, "timeout", text(template, "timeout"))
		put(template, "timeout", overrides["timeout"])
		override(template, items(overrides, "containerOverrides"))
	}
	execution := object{
		"name": c.on + "/executions/" + short, "uid": uuid(), "job": c.vars["job"], "generation": "1", "observedGeneration": "1",
		"createTime": c.timestamp(), "updateTime": c.timestamp(), "startTime": c.timestamp(), "launchStage": "GA",
		"creator": strings.TrimPrefix(c.member, "serviceAccount:"), "labels": object{"run.googleapis.com/job": c.vars["job"]},
		"taskCount": float64(taskCount), "template": template, "etag": `"` + randomHex(8) + `"`, "reconciling": true,
		"logUri": fmt.Sprintf("https://console.cloud.google.com/logs/viewer?project=%s&advancedFilter=resource.type%%3D%%22cloud_run_job%%22"+
			"%%0Alabels.%%22run.googleapis.com/execution_name%%22%%3D%%22%s%%22", c.vars["project"], short),
		"conditions": []any{
			object{"type": "Completed", "state": "CONDITION_RECONCILING", "lastTransitionTime": c.timestamp()},
			object{"type": "Started", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": c.timestamp()},
		},
	}
	if parallelism := whole(job, "template.parallelism", 0); parallelism > 0 {
		execution["parallelism"] = float64(parallelism)
	}
	return execution
}

// override applies what a caller changed for one execution.
func override(template object, changes []object) {
	containers := items(template, "containers")
	for i, change := range changes {
		if i >= len(containers) {
			return
		}
		if args := field(change, "args"); args != nil {
			containers[i]["args"] = args
		}
		for _, env := range items(change, "env") {
			var kept []any
			for _, old := range items(containers[i], "env") {
				if text(old, "name") != text(env, "name") {
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
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, name)
	close(r.ended)
	found := s.resources["run/"+name]
	if found == nil {
		complete(op, "", object{}, failure(http.StatusOK, "CANCELLED", "The execution was deleted."))
		return
	}
	execution := found.resource
	condition := object{"type": "Completed", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": s.timestamp()}
	var outcome *Error
	switch {
	case r.cancelled || errors.Is(failed, context.Canceled):
		condition["state"], condition["executionReason"], condition["message"] = "CONDITION_FAILED", "CANCELLED", "Execution was cancelled."
		outcome = failure(http.StatusOK, "CANCELLED", "%s", condition["message"])
	case failed != nil:
		condition["state"], condition["executionReason"], condition["message"] = "CONDITION_FAILED", "NON_ZERO_EXIT_CODE", failed.Error()
		outcome = failure(http.StatusOK, "UNKNOWN", "%s", failed.Error())
	}
	execution["conditions"].([]any)[0] = condition
	execution["completionTime"], execution["updateTime"] = s.timestamp(), s.timestamp()
	drop(execution, "reconciling")
	job, _, _ := strings.Cut(name, "/executions/")
	if stored := s.resources["run/"+job]; stored != nil && text(stored.resource, "latestCreatedExecution.name") == last(name) {
		put(stored.resource, "latestCreatedExecution.completionTime", s.timestamp())
	}
	complete(op, "type.googleapis.com/google.cloud.run.v2.Execution", withType(execution), outcome)
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
	s.mu.Lock()
	r, found := s.running[name], s.resources["run/"+name]
	s.mu.Unlock()
	if found == nil {
		return nil, notFound("Execution %s does not exist.", name)
	}
	if r != nil {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for execution %s: %w", last(name), ctx.Err())
		case <-r.ended:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	condition := items(found.resource, "conditions")[0]
	if text(condition, "state") == "CONDITION_FAILED" {
		return errors.New(text(condition, "message")), nil
	}
	return nil, nil
}

// Executions are the full names of a job's executions, oldest first. The job is named projects/P/locations/L/jobs/J.
func (s *Server) Executions(job string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, e := range s.inOrder() {
		if name := text(e.resource, "name"); e.kind.title == "execution" && strings.HasPrefix(name, job+"/") {
			names = append(names, name)
		}
	}
	return names
}

func taskName(execution string, index int) string {
	return execution + "/tasks/" + last(execution) + "-task" + strconv.Itoa(index)
}
