package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/fields"
)

func withScheduler(t *testing.T) *Server {
	t.Helper()
	s := newPlane(t)
	must(t, s, "POST", "/serviceusage/v1/projects/p1-demo/services/cloudscheduler.googleapis.com:enable", "")
	return s
}

func TestTrigger(t *testing.T) {
	s := withScheduler(t)
	want := object{
		"name": inTokyo + "/jobs/tick", "schedule": "*/3 * * * *", "timeZone": "Etc/UTC", "state": "ENABLED", "attemptDeadline": "180s",
		"scheduleTime": "2026-01-02T03:06:00Z", "userUpdateTime": "2026-01-02T03:04:05.000000Z",
		"retryConfig": object{"maxRetryDuration": "0s", "minBackoffDuration": "5s", "maxBackoffDuration": "3600s", "maxDoublings": 5.0},
		"httpTarget": object{
			"uri": "https://run.googleapis.com/v2/" + inTokyo + "/jobs/sync:run", "httpMethod": "POST", "headers": object{"User-Agent": "Google-Cloud-Scheduler"},
			"oauthToken": object{"serviceAccountEmail": runnerEmail, "scope": "https://www.googleapis.com/auth/cloud-platform"},
		},
	}
	if diff := cmp.Diff(want, must(t, s, "POST", triggerPath, triggerBody)); diff != "" {
		t.Error(diff)
	}
	if got := must(t, s, "POST", triggerPath+"/tick:pause", ""); got["state"] != "PAUSED" {
		t.Errorf("paused: %v", got["state"])
	}
	if due := s.Due(testTime.Add(time.Hour)); len(due) != 0 {
		t.Errorf("a paused trigger is due: %v", due)
	}
	must(t, s, "POST", triggerPath+"/tick:resume", "")
	if due := s.Due(testTime.Add(time.Minute)); len(due) != 0 {
		t.Errorf("due before its time: %v", due)
	}
	if due := s.Due(testTime.Add(2 * time.Minute)); len(due) != 1 {
		t.Errorf("due at its time: %v", due)
	}
	if due := s.Due(testTime.Add(2 * time.Minute)); len(due) != 0 {
		t.Errorf("due twice: %v", due)
	}
}

func TestTriggerRefusals(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"schedule", "*/3 * * * *", "every now and then", `schedule "every now and then" is invalid: expected five fields, found 4`},
		{"time zone", `"schedule"`, `"timeZone": "Mars/Olympus", "schedule"`, `time zone "Mars/Olympus" is unknown`},
		{"name", inTokyo + "/jobs/tick", "tick", `Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>"; it is "tick".`},
		{"address", "https://run.googleapis.com", "run.googleapis.com", `HTTP target URI "run.googleapis.com/v2/` + inTokyo + `/jobs/sync:run" is not an http or https URL.`},
		{"OAuth elsewhere", "https://run.googleapis.com", "https://example.com", `OAuth tokens are sent to *.googleapis.com only; the URI is https://example.com/v2/` + inTokyo + `/jobs/sync:run.`},
		{"account", runnerEmail, "ghost@p1-demo.iam.gserviceaccount.com", "Permission 'iam.serviceaccounts.actAs' denied on service account ghost@p1-demo.iam.gserviceaccount.com (or it may not exist)."},
		{"deadline", `"schedule"`, `"attemptDeadline": "3600s", "schedule"`, "attempt_deadline must be between 15 seconds and 30 minutes; it is 3600s."},
		{"retries", `"schedule"`, `"retryConfig": {"retryCount": 9}, "schedule"`, "retry_count must be between 0 and 5; it is 9."},
		{"no target", `"httpTarget"`, `"other"`, "A target is required: the sandbox knows HTTP targets."},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := withScheduler(t)
			_, answer := ask(t, s, "POST", triggerPath, strings.Replace(triggerBody, test.old, test.new, 1))
			if got := fields.Text(answer, "error.message"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestTriggerToken(t *testing.T) {
	s := withScheduler(t)
	must(t, s, "POST", triggerPath, triggerBody)
	trigger, err := s.Trigger(inTokyo + "/jobs/tick")
	ok(t, err)
	const agent = "service-" + testNumber + "@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
	if _, err := s.TriggerToken(trigger); err == nil || !strings.Contains(err.Error(), "The service agent "+agent+" does not exist") {
		t.Errorf("without the agent: %v", err)
	}
	must(t, s, "POST", "/serviceusage/v1beta1/projects/p1-demo/services/cloudscheduler.googleapis.com:generateServiceIdentity", "")
	_, err = s.TriggerToken(trigger) // by the agent's own role
	ok(t, err)
	s.TakeOwnRoles()
	if _, err := s.TriggerToken(trigger); err == nil || !strings.Contains(err.Error(), "'iam.serviceAccounts.getAccessToken' denied") {
		t.Errorf("without the role: %v", err)
	}
	grant(t, s, projectPath, "roles/iam.serviceAccountTokenCreator", "serviceAccount:"+agent)
	token, err := s.TriggerToken(trigger)
	ok(t, err)
	if member, err := s.Bearer(token); err != nil || member != runner {
		t.Errorf("the token is of %s, %v", member, err)
	}
}
