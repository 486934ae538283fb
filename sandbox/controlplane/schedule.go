package controlplane

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

var schedulerFormat = regexp.MustCompile(`^[A-Za-z0-9_-]{1,500}$`)

// schedulerKinds are the jobs of Cloud Scheduler. sandbox/scheduler fires them.
func schedulerKinds() []*kind {
	switchTo := func(state string) verb {
		return verb{permission: "cloudscheduler.jobs." + map[string]string{"PAUSED": "pause", "ENABLED": "enable"}[state], run: func(c *call) (any, error) {
			found, err := c.stored()
			if err != nil {
				return nil, err
			}
			put(found.resource, "state", state)
			setNext(found.resource, c.now())
			return c.present(found.resource), nil
		}}
	}
	return []*kind{{
		service: "cloudscheduler", versions: []string{"v1", "v1beta1"}, pattern: newPattern(jobsPattern), title: "job", list: "jobs",
		permission: "cloudscheduler.jobs", format: schedulerFormat, stamps: []string{"userUpdateTime"},
		outputs: []string{"state", "status", "scheduleTime", "lastAttemptTime"},
		newID: func(c *call) (string, error) {
			name := text(c.body, "name")
			if !strings.HasPrefix(name, fmt.Sprintf("projects/%s/locations/%s/jobs/", c.vars["project"], c.vars["location"])) {
				return "", invalid("Job name must be formatted: \"projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>\"; it is %q.", name)
			}
			return last(name), nil
		},
		prepare: prepareTrigger,
		verbs: map[string]verb{
			"POST pause": switchTo("PAUSED"), "POST resume": switchTo("ENABLED"),
			"POST run": {"cloudscheduler.jobs.run", func(c *call) (any, error) {
				found, err := c.stored()
				if err != nil {
					return nil, err
				}
				if c.forced != nil {
					// The attempt itself comes back to the control plane, which must not be locked then.
					go c.forced(c.on)
				}
				return c.present(found.resource), nil
			}},
		},
	}}
}

func prepareTrigger(c *call, _, trigger object) error {
	put(trigger, "name", c.on)
	orElse(trigger, "timeZone", "Etc/UTC")
	orElse(trigger, "state", "ENABLED")
	orElse(trigger, "attemptDeadline", "180s")
	for name, value := range map[string]any{
		"maxRetryDuration": "0s", "minBackoffDuration": "5s", "maxBackoffDuration": "3600s", "maxDoublings": 5.0,
	} {
		orElse(trigger, "retryConfig."+name, value)
	}
	schedule, err := ParseSchedule(text(trigger, "schedule"), text(trigger, "timeZone"))
	if err != nil {
		return invalid("%v", err)
	}
	put(trigger, "scheduleTime", schedule.Next(c.now()).UTC().Format(time.RFC3339))
	if deadline := seconds(text(trigger, "attemptDeadline")); deadline < 15*time.Second || deadline > 30*time.Minute {
		return invalid("attempt_deadline must be between 15 seconds and 30 minutes; it is %s.", text(trigger, "attemptDeadline"))
	}
	if n := whole(trigger, "retryConfig.retryCount", 0); n < 0 || n > 5 {
		return invalid("retry_count must be between 0 and 5; it is %d.", n)
	}
	if whole(trigger, "retryConfig.retryCount", 0) == 0 {
		// As in every answer of the API, a number that is 0 is left out.
		drop(trigger, "retryConfig.retryCount")
	}
	return c.checkTarget(trigger)
}

func (c *call) checkTarget(trigger object) error {
	target := child(trigger, "httpTarget")
	if target == nil {
		return invalid("A target is required: the sandbox knows HTTP targets.")
	}
	orElse(target, "httpMethod", "POST")
	orElse(target, "headers.User-Agent", "Google-Cloud-Scheduler")
	address, err := url.Parse(text(target, "uri"))
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return invalid("HTTP target URI %q is not an http or https URL.", text(target, "uri"))
	}
	oauth, oidc := child(target, "oauthToken"), child(target, "oidcToken")
	if oauth != nil && oidc != nil {
		return invalid("Only one of oauth_token and oidc_token may be given.")
	}
	if oauth != nil {
		if !strings.HasSuffix(address.Hostname(), ".googleapis.com") {
			return invalid("OAuth tokens are sent to *.googleapis.com only; the URI is %s.", text(target, "uri"))
		}
		orElse(oauth, "scope", "https://www.googleapis.com/auth/cloud-platform")
	}
	for _, token := range []object{oauth, oidc} {
		if token != nil {
			if err := c.actAs(text(token, "serviceAccountEmail")); err != nil {
				return notFound("%v", err)
			}
		}
	}
	return nil
}

// ParseSchedule reads a schedule in unix-cron form and its time zone, as Cloud Scheduler does.
func ParseSchedule(schedule, zone string) (cron.Schedule, error) {
	if _, err := time.LoadLocation(zone); err != nil {
		return nil, fmt.Errorf("time zone %q is unknown", zone)
	}
	parsed, err := cron.ParseStandard("CRON_TZ=" + zone + " " + schedule)
	if err != nil {
		return nil, fmt.Errorf("schedule %q or time zone %q is invalid: %w", schedule, zone, err)
	}
	return parsed, nil
}
