package api

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

var schedulerFormat = regexp.MustCompile(`^[A-Za-z0-9_-]{1,500}$`)

// schedulerKinds are the jobs of Cloud Scheduler. sandbox/scheduler fires them.
func (s *Server) schedulerKinds() []*engine.Kind {
	switchTo := func(state string) engine.Verb {
		return engine.Verb{Permission: "cloudscheduler.jobs." + map[string]string{"PAUSED": "pause", "ENABLED": "enable"}[state], Run: func(c *engine.Call) (any, error) {
			found, err := c.Stored()
			if err != nil {
				return nil, err
			}
			fields.Put(found.Resource, "state", state)
			setNext(found.Resource, c.Now())
			return c.Present(found.Resource), nil
		}}
	}
	return []*engine.Kind{{
		Service: "cloudscheduler", Versions: []string{"v1", "v1beta1"}, Pattern: engine.NewPattern(jobsPattern), Title: "job", List: "jobs",
		Permission: "cloudscheduler.jobs", Format: schedulerFormat, Stamps: []string{"userUpdateTime"},
		Outputs: []string{"state", "status", "scheduleTime", "lastAttemptTime"},
		NewID: func(c *engine.Call) (string, error) {
			name := fields.Text(c.Body, "name")
			if !strings.HasPrefix(name, fmt.Sprintf("projects/%s/locations/%s/jobs/", c.Vars["project"], c.Vars["location"])) {
				return "", engine.Invalid("Job name must be formatted: \"projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>\"; it is %q.", name)
			}
			return engine.Last(name), nil
		},
		Taken:   func(c *engine.Call) string { return fmt.Sprintf("Job %s already exists.", c.On) },
		Prepare: s.prepareTrigger,
		Verbs: map[string]engine.Verb{
			"POST pause": switchTo("PAUSED"), "POST resume": switchTo("ENABLED"),
			"POST run": {Permission: "cloudscheduler.jobs.run", Run: func(c *engine.Call) (any, error) {
				found, err := c.Stored()
				if err != nil {
					return nil, err
				}
				if s.forced != nil {
					// The attempt itself comes back to the control plane, which must not be locked then.
					go s.forced(c.On)
				}
				return c.Present(found.Resource), nil
			}},
		},
	}}
}

func (s *Server) prepareTrigger(c *engine.Call, _, trigger object) error {
	fields.Put(trigger, "name", c.On)
	fields.OrElse(trigger, "timeZone", "Etc/UTC")
	fields.OrElse(trigger, "state", "ENABLED")
	fields.OrElse(trigger, "attemptDeadline", "180s")
	for name, value := range map[string]any{
		"maxRetryDuration": "0s", "minBackoffDuration": "5s", "maxBackoffDuration": "3600s", "maxDoublings": 5.0,
	} {
		fields.OrElse(trigger, "retryConfig."+name, value)
	}
	schedule, err := ParseSchedule(fields.Text(trigger, "schedule"), fields.Text(trigger, "timeZone"))
	if err != nil {
		return engine.Invalid("%v", err)
	}
	fields.Put(trigger, "scheduleTime", schedule.Next(c.Now()).UTC().Format(time.RFC3339))
	if deadline := seconds(fields.Text(trigger, "attemptDeadline")); deadline < 15*time.Second || deadline > 30*time.Minute {
		return engine.Invalid("attempt_deadline must be between 15 seconds and 30 minutes; it is %s.", fields.Text(trigger, "attemptDeadline"))
	}
	if n := fields.Whole(trigger, "retryConfig.retryCount", 0); n < 0 || n > 5 {
		return engine.Invalid("retry_count must be between 0 and 5; it is %d.", n)
	}
	if fields.Whole(trigger, "retryConfig.retryCount", 0) == 0 {
		// As in every answer of the API, a number that is 0 is left out.
		fields.Drop(trigger, "retryConfig.retryCount")
	}
	return s.checkTarget(c, trigger)
}

func (s *Server) checkTarget(c *engine.Call, trigger object) error {
	target := fields.Child(trigger, "httpTarget")
	if target == nil {
		return engine.Invalid("A target is required: the sandbox knows HTTP targets.")
	}
	fields.OrElse(target, "httpMethod", "POST")
	fields.OrElse(target, "headers.User-Agent", "Google-Cloud-Scheduler")
	address, err := url.Parse(fields.Text(target, "uri"))
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return engine.Invalid("HTTP target URI %q is not an http or https URL.", fields.Text(target, "uri"))
	}
	oauth, oidc := fields.Child(target, "oauthToken"), fields.Child(target, "oidcToken")
	if oauth != nil && oidc != nil {
		return engine.Invalid("Only one of oauth_token and oidc_token may be given.")
	}
	if oauth != nil {
		if !strings.HasSuffix(address.Hostname(), ".googleapis.com") {
			return engine.Invalid("OAuth tokens are sent to *.googleapis.com only; the URI is %s.", fields.Text(target, "uri"))
		}
		fields.OrElse(oauth, "scope", "https://www.googleapis.com/auth/cloud-platform")
	}
	for _, token := range []object{oauth, oidc} {
		if token != nil {
			if err := s.actAs(c, fields.Text(token, "serviceAccountEmail")); err != nil {
				return engine.NotFound("%v", err)
			}
		}
	}
	return nil
}
