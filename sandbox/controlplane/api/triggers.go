package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// Trigger is a Scheduler job as sandbox/scheduler needs it.
type Trigger struct {
	Name     string // projects/P/locations/L/jobs/J
	Method   string
	URI      string
	Body     []byte
	Headers  map[string]string
	Account  string        // e-mail address of the OAuth identity; "" calls without one
	Deadline time.Duration // of one attempt
	Retries  int
	// Backoff between attempts: at first Min, doubled up to Doublings times, never over Max.
	Min, Max  time.Duration
	Doublings int
	// Longest is how long retries go on after the first attempt; 0 sets no bound.
	Longest time.Duration
}

// Attempt is the outcome of one call of a trigger's target.
type Attempt struct {
	At      time.Time
	Code    int    // HTTP status of the answer; 0 when there was none
	Status  string // canonical name; OK for success
	Message string // what went wrong
}

// OnForcedRun sets what a request to run a trigger now calls, with the trigger's name.
func (s *Server) OnForcedRun(fire func(name string)) {
	s.Lock()
	defer s.Unlock()
	s.forced = fire
}

// Due are the enabled triggers whose time has come by now. Each is answered once per due time: their next times are set.
func (s *Server) Due(now time.Time) []Trigger {
	s.Lock()
	defer s.Unlock()
	var due []Trigger
	for _, e := range s.InOrder() {
		if e.Kind.Service != "cloudscheduler" || fields.Text(e.Resource, "state") != "ENABLED" {
			continue
		}
		at, err := time.Parse(time.RFC3339, fields.Text(e.Resource, "scheduleTime"))
		if err != nil || at.After(now) {
			continue
		}
		setNext(e.Resource, now)
		due = append(due, trigger(e.Resource))
	}
	return due
}

// setNext sets the next time of a trigger after now. Its schedule was checked when it was stored.
func setNext(stored object, now time.Time) {
	if schedule, err := ParseSchedule(fields.Text(stored, "schedule"), fields.Text(stored, "timeZone")); err == nil {
		fields.Put(stored, "scheduleTime", schedule.Next(now).UTC().Format(time.RFC3339))
	}
}

// Trigger finds a trigger by its name.
func (s *Server) Trigger(name string) (Trigger, error) {
	s.Lock()
	defer s.Unlock()
	found := s.Find("cloudscheduler/" + name)
	if found == nil {
		return Trigger{}, engine.NotFound("Job %s does not exist.", name)
	}
	return trigger(found.Resource), nil
}

func trigger(stored object) Trigger {
	t := Trigger{
		Name: fields.Text(stored, "name"), Method: fields.Text(stored, "httpTarget.httpMethod"), URI: fields.Text(stored, "httpTarget.uri"),
		Headers: map[string]string{}, Account: fields.Text(stored, "httpTarget.oauthToken.serviceAccountEmail"),
		Deadline: seconds(fields.Text(stored, "attemptDeadline")), Retries: fields.Whole(stored, "retryConfig.retryCount", 0),
		Min: seconds(fields.Text(stored, "retryConfig.minBackoffDuration")), Max: seconds(fields.Text(stored, "retryConfig.maxBackoffDuration")),
		Doublings: fields.Whole(stored, "retryConfig.maxDoublings", 0), Longest: seconds(fields.Text(stored, "retryConfig.maxRetryDuration")),
	}
	// A body that is not base64 was refused by nobody; it is then sent empty.
	t.Body, _ = base64.StdEncoding.DecodeString(fields.Text(stored, "httpTarget.body"))
	for name, value := range fields.Child(stored, "httpTarget.headers") {
		t.Headers[name] = fmt.Sprint(value)
	}
	return t
}

// TriggerToken mints the token that Cloud Scheduler sends for a trigger: its service agent does, if it exists and may.
func (s *Server) TriggerToken(t Trigger) (string, error) {
	s.Lock()
	defer s.Unlock()
	p := s.Project(strings.Split(t.Name, "/")[1])
	agent := agentAddress("cloudscheduler", p.Number)
	if !p.Agents[agent] {
		return "", engine.Denied("The service agent %s does not exist: create it with gcloud beta services identity create --service=cloudscheduler.googleapis.com.", agent)
	}
	return s.impersonate("serviceAccount:"+agent, t.Account)
}

// RecordAttempt keeps how an attempt ended, in the trigger and in the log, as Cloud Scheduler does.
func (s *Server) RecordAttempt(t Trigger, a Attempt) {
	s.Lock()
	defer s.Unlock()
	segments := strings.Split(t.Name, "/")
	payload := object{
		"@type": "type.googleapis.com/google.cloud.scheduler.logging.AttemptFinished", "jobName": t.Name, "targetType": "HTTP", "url": t.URI,
	}
	severity := "INFO"
	status := object{}
	if a.Status != "OK" {
		severity = "ERROR"
		failed := engine.Failure(a.Code, a.Status, "%s", a.Message)
		status = object{"code": float64(failed.RPCCode()), "message": a.Message}
		payload["status"] = a.Status
		payload["debugInfo"] = fmt.Sprintf("URL_ERROR-ERROR_OTHER. Original HTTP response code number = %d. %s", a.Code, a.Message)
	}
	if found := s.Find("cloudscheduler/" + t.Name); found != nil {
		fields.Put(found.Resource, "lastAttemptTime", a.At.UTC().Format(time.RFC3339Nano))
		fields.Put(found.Resource, "status", status)
	}
	s.keepEntry(object{
		"logName":  fmt.Sprintf("projects/%s/logs/cloudscheduler.googleapis.com%%2Fexecutions", segments[1]),
		"resource": object{"type": "cloud_scheduler_job", "labels": object{"job_id": segments[5], "location": segments[3], "project_id": segments[1]}},
		"severity": severity, "jsonPayload": payload, "httpRequest": object{"status": float64(a.Code)},
	})
}

// StatusOf is the canonical name for the HTTP status of an answer.
func StatusOf(code int) string {
	switch {
	case code >= 200 && code < 300:
		return "OK"
	case code == http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case code == http.StatusForbidden:
		return "PERMISSION_DENIED"
	case code == http.StatusNotFound:
		return "NOT_FOUND"
	case code == http.StatusConflict:
		return "ABORTED"
	case code == http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case code >= 500:
		return "INTERNAL"
	case code >= 400:
		return "INVALID_ARGUMENT"
	}
	return "UNKNOWN"
}
