package api

import (
	"net/http"
	"testing"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// later is a plane whose changes take effect late, and its clock.
func later(t *testing.T, spread engine.Spread) (s *Server, pass func(time.Duration)) {
	t.Helper()
	now := testTime
	s = newPlane(t, func() time.Time { return now })
	s.SetSpread(spread)
	return s, func(d time.Duration) { now = now.Add(d) }
}

const enableScheduler = "/serviceusage/v1/projects/p1-demo/services/cloudscheduler.googleapis.com"

// TestLateAPI: an API that was just enabled is refused as a disabled one, until its time is over.
func TestLateAPI(t *testing.T) {
	s, pass := later(t, engine.Spread{APIs: engine.Delay{Time: time.Minute}})
	must(t, s, "POST", enableScheduler+":enable", "")
	if got := must(t, s, "GET", enableScheduler, "")["state"]; got != "ENABLED" {
		t.Errorf("the API is %v", got)
	}
	code, answer := ask(t, s, "GET", triggerPath, "")
	if details := fields.Items(answer, "error.details"); code != http.StatusForbidden || len(details) != 1 || details[0]["reason"] != "SERVICE_DISABLED" {
		t.Errorf("an API that is late: %d %v", code, answer)
	}
	pass(time.Minute)
	must(t, s, "GET", triggerPath, "")
}

// TestLateAgent: IAM does not know a service agent that was just made, for as many calls as were asked for.
func TestLateAgent(t *testing.T) {
	s, _ := later(t, engine.Spread{Agents: engine.Delay{Calls: 2}})
	must(t, s, "POST", enableScheduler+":enable", "")
	must(t, s, "POST", "/serviceusage/v1beta1/projects/p1-demo/services/cloudscheduler.googleapis.com:generateServiceIdentity", "")
	const agent = "service-424242424242@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
	body := `{"policy":{"bindings":[{"role":"roles/iam.serviceAccountTokenCreator","members":["serviceAccount:` + agent + `"]}]}}`
	for i := range 2 {
		code, answer := ask(t, s, "POST", projectPath+":setIamPolicy", body)
		if got, want := fields.Text(answer, "error.message"), "Service account "+agent+" does not exist."; code != http.StatusBadRequest || got != want {
			t.Errorf("call %d: %d %q, want %q", i, code, got, want)
		}
	}
	must(t, s, "POST", projectPath+":setIamPolicy", body)
}

// TestLateGrant: a job whose account was granted its secrets a moment ago is refused, exists, and can be made ready once the grant
// has spread; a grant that is taken away works as long.
func TestLateGrant(t *testing.T) {
	s, pass := later(t, engine.Spread{Grants: engine.Delay{Time: time.Minute, Calls: 1}})
	grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
	pass(time.Hour) // the call is still to be refused
	_, op := ask(t, s, "POST", jobsPath+"?jobId=sync", jobBody)
	if fields.Whole(op, "error.code", 0) != 13 {
		t.Errorf("create with a late grant: %v", op)
	}
	must(t, s, "PATCH", jobsPath+"/sync", jobBody)
	const secret = "projects/p1-demo/secrets/db_name/versions/1"
	must(t, s, "POST", projectPath+":setIamPolicy", `{"policy":{}}`)
	ok(t, s.Allowed(runner, "secretmanager.versions.access", secret))
}
