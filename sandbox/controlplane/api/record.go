package api

import (
	"fmt"
	"net/http"
	"strconv"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// Record is where a runner records what happens to an execution. It is safe for concurrent use.
type Record struct {
	server    *Server
	name      string // of the execution, in full
	execution Execution
}

// Result is how an attempt of a task ended.
type Result struct {
	ExitCode int
	Message  string // why it failed; "" for success
}

// TaskStarted notes the start of an attempt; attempts count from 0.
func (r *Record) TaskStarted(index, attempt int) {
	s := r.server
	s.Lock()
	defer s.Unlock()
	execution := s.Find("run/" + r.name)
	if execution == nil {
		return
	}
	name := taskName(r.name, index)
	if attempt > 0 {
		task := s.Find("run/" + name)
		if task == nil {
			return
		}
		fields.Put(task.Resource, "retried", float64(attempt))
		add(execution.Resource, "retriedCount", 1)
		return
	}
	template := fields.Child(execution.Resource, "template")
	k := s.KindOf("run", executions+"/tasks/{task}")
	s.Keep(k, name, object{
		"name": name, "uid": engine.UUID(), "job": r.execution.Job, "execution": r.execution.Name, "index": float64(index),
		"createTime": s.Timestamp(), "startTime": s.Timestamp(), "containers": fields.Clone(template["containers"]),
		"serviceAccount": template["serviceAccount"], "maxRetries": template["maxRetries"], "timeout": template["timeout"],
		"conditions": []any{object{"type": "Completed", "state": "CONDITION_RECONCILING", "lastTransitionTime": s.Timestamp()}},
	})
	add(execution.Resource, "runningCount", 1)
}

// AttemptEnded notes the end of an attempt that is tried again.
func (r *Record) AttemptEnded(index int, result Result) {
	s := r.server
	s.Lock()
	defer s.Unlock()
	if task := s.Find("run/" + taskName(r.name, index)); task != nil {
		fields.Put(task.Resource, "lastAttemptResult", result.object())
	}
}

// TaskEnded notes the end of a task's last attempt. A cancelled task counts as such, whatever its result.
func (r *Record) TaskEnded(index int, result Result, cancelled bool) {
	s := r.server
	s.Lock()
	defer s.Unlock()
	task, execution := s.Find("run/"+taskName(r.name, index)), s.Find("run/"+r.name)
	if task == nil || execution == nil {
		return
	}
	condition := object{"type": "Completed", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": s.Timestamp()}
	counter := "succeededCount"
	if result.Message != "" {
		counter = "failedCount"
		condition["state"], condition["message"] = "CONDITION_FAILED", result.Message
	}
	if cancelled {
		counter = "cancelledCount"
	}
	task.Resource["conditions"] = []any{condition}
	fields.Put(task.Resource, "completionTime", s.Timestamp())
	fields.Put(task.Resource, "lastAttemptResult", result.object())
	add(execution.Resource, "runningCount", -1)
	add(execution.Resource, counter, 1)
}

func (r Result) object() object {
	if r.Message == "" {
		return object{"status": object{}}
	}
	return object{"exitCode": float64(r.ExitCode), "status": object{"code": 2, "message": r.Message}}
}

func add(resource object, counter string, by int) {
	if n := fields.Whole(resource, counter, 0) + by; n != 0 {
		fields.Put(resource, counter, float64(n))
	} else {
		fields.Drop(resource, counter)
	}
}

// Secret reads the value of a variable's secret as the execution's account. The error is worded as Cloud Run does.
func (r *Record) Secret(version string) (string, error) {
	s := r.server
	s.Lock()
	defer s.Unlock()
	data, _, err := s.accessVersion("serviceAccount:"+r.execution.Account, version)
	if err != nil {
		return "", s.secretError(err, version, r.execution.Account)
	}
	return string(data), nil
}

// Line keeps one line that a task wrote to stdout or stderr.
func (r *Record) Line(index, attempt int, stream, line string) {
	entry := parseLine(line)
	entry["logName"] = fmt.Sprintf("projects/%s/logs/run.googleapis.com%%2F%s", r.execution.Project, stream)
	r.keep(index, attempt, entry)
}

// System keeps a line of Cloud Run itself about a task, such as "Container called exit(1).".
func (r *Record) System(index, attempt int, severity, message string) {
	r.keep(index, attempt, object{
		"logName":  fmt.Sprintf("projects/%s/logs/run.googleapis.com%%2Fvarlog%%2Fsystem", r.execution.Project),
		"severity": severity, "textPayload": message,
	})
}

func (r *Record) keep(index, attempt int, entry object) {
	s := r.server
	s.Lock()
	defer s.Unlock()
	entry["resource"] = r.execution.monitored()
	labels := fields.Child(entry, "labels")
	if labels == nil {
		labels = object{}
	}
	labels["run.googleapis.com/execution_name"] = r.execution.Name
	labels["run.googleapis.com/task_index"] = strconv.Itoa(index)
	labels["run.googleapis.com/task_attempt"] = strconv.Itoa(attempt)
	entry["labels"] = labels
	s.keepEntry(entry)
}

// monitored is the resource that the log entries of a job are about.
func (e Execution) monitored() object {
	return object{"type": "cloud_run_job", "labels": object{"job_name": e.Job, "location": e.Location, "project_id": e.Project}}
}

// audit writes the entry with which Cloud Run reports the end of an execution.
func (s *Server) audit(e Execution, execution, condition object) {
	status, severity := object{}, "INFO"
	message := fmt.Sprintf("Execution %s has completed successfully.", e.Name)
	if fields.Text(condition, "state") == "CONDITION_FAILED" {
		message, severity = fmt.Sprintf("Execution %s has failed to complete, %d/%d tasks were a success.", e.Name,
			fields.Whole(execution, "succeededCount", 0), e.Tasks), "ERROR"
		status = object{"code": float64(http.StatusInternalServerError), "message": fields.Text(condition, "message")}
	}
	status["message"] = message
	s.keepEntry(object{
		"logName":  fmt.Sprintf("projects/%s/logs/cloudaudit.googleapis.com%%2Fsystem_event", e.Project),
		"resource": e.monitored(), "severity": severity,
		"labels": object{"run.googleapis.com/execution_name": e.Name},
		"protoPayload": object{
			"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "run.googleapis.com",
			"methodName": "/Jobs.RunJob", "resourceName": fmt.Sprintf("namespaces/%s/executions/%s", e.Project, e.Name), "status": status,
		},
	})
}
