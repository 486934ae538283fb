package scheduler

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRetries(t *testing.T) {
	for _, test := range []struct {
		name   string
		config map[string]any
		fails  int // how often the target fails before it succeeds
		status string
		calls  int
		waits  []time.Duration
	}{
		{"none by default", nil, 1, "INTERNAL", 1, nil},
		{"until it succeeds", map[string]any{"retryCount": 5}, 2, "OK", 3, []time.Duration{5 * time.Second, 10 * time.Second}},
		{"as many as allowed", map[string]any{"retryCount": 2}, 9, "INTERNAL", 3, []time.Duration{5 * time.Second, 10 * time.Second}},
		{
			"doubled so often",
			map[string]any{"retryCount": 4, "minBackoffDuration": "1s", "maxDoublings": 2},
			9, "INTERNAL", 5,
			[]time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second},
		},
		{
			"never over the longest pause",
			map[string]any{"retryCount": 3, "minBackoffDuration": "4s", "maxBackoffDuration": "6s"},
			9, "INTERNAL", 4,
			[]time.Duration{4 * time.Second, 6 * time.Second, 6 * time.Second},
		},
		{"not for longer than", map[string]any{"retryCount": 5, "maxRetryDuration": "12s"}, 9, "INTERNAL", 3, []time.Duration{5 * time.Second, 10 * time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plane, s, c := newCloud(t)
			calls := 0
			target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls++; calls <= test.fails {
					http.Error(w, "try later", http.StatusServiceUnavailable)
				}
			}))
			defer target.Close()
			declare(t, s, target.URL, map[string]any{"retryConfig": test.config})
			a, err := s.Fire(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if a.Status != test.status || calls != test.calls {
				t.Errorf("%d calls, the last with %s; want %d with %s", calls, a.Status, test.calls, test.status)
			}
			if diff := cmp.Diff(test.waits, c.waits); diff != "" {
				t.Error(diff)
			}
			entries, err := plane.Logs("p1-demo", `resource.type="cloud_scheduler_job"`)
			if err != nil || len(entries) != test.calls {
				t.Errorf("%d log entries (%v), want one for each of %d attempts", len(entries), err, test.calls)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	_, s, _ := newCloud(t)
	asked := make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer target.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel() // what the attempt's deadline does, sooner
	}()
	declare(t, s, target.URL, nil)
	if a, err := s.Fire(ctx, name); err != nil || a.Status != "UNAVAILABLE" {
		t.Errorf("%+v, %v", a, err)
	}
	trigger, err := s.plane.Trigger(name)
	if err != nil || trigger.Deadline != 3*time.Minute {
		t.Errorf("the deadline is %v, %v", trigger.Deadline, err)
	}
	trigger.Deadline = time.Nanosecond
	if a := s.call(t.Context(), trigger); a.Status != "DEADLINE_EXCEEDED" {
		t.Errorf("past its deadline: %+v", a)
	}
}

// TestIdentity: the call of a Google API is made as the trigger's account, with all that this needs.
func TestIdentity(t *testing.T) {
	const target = "https://run.googleapis.com/v2/projects/p1-demo/locations/asia-northeast1/jobs/sync:run"
	plane, s, _ := newCloud(t)
	declare(t, s, target, map[string]any{"httpTarget": map[string]any{
		"uri": target, "oauthToken": map[string]any{"serviceAccountEmail": account},
	}})
	grant := func(role, member string) {
		t.Helper()
		post(t, s, "/cloudresourcemanager/v1/projects/p1-demo:setIamPolicy", fmt.Sprintf(`{"policy": {"bindings": [
			{"role": "roles/iam.serviceAccountTokenCreator", "members": ["serviceAccount:%s"]}, {"role": %q, "members": [%q]}]}}`, agent, role, member))
	}
	for _, step := range []struct {
		name         string
		do           func()
		status, says string
	}{
		{"no agent", func() {}, "PERMISSION_DENIED", "The service agent " + agent + " does not exist"},
		{"agent without role", func() {
			plane.TakeOwnRoles()
			post(t, s, "/serviceusage/v1beta1/projects/p1-demo/services/cloudscheduler.googleapis.com:generateServiceIdentity", "")
		}, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied on resource 'projects/p1-demo/serviceAccounts/" + account + "'"},
		{"account without role", func() { grant("roles/viewer", "serviceAccount:"+account) }, "PERMISSION_DENIED", "Permission 'run.jobs.run' denied"},
		{"may run what is not there", func() { grant("roles/run.invoker", "serviceAccount:"+account) }, "NOT_FOUND", "of kind 'JOB' does not exist"},
	} {
		step.do()
		a, err := s.Fire(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != step.status || !strings.Contains(a.Message, step.says) {
			t.Errorf("%s: %s %s\nwant %s … %s …", step.name, a.Status, a.Message, step.status, step.says)
		}
		stored := plane.Resource("cloudscheduler", name)["status"].(map[string]any)
		if stored["message"] != a.Message {
			t.Errorf("%s: the trigger's status is %v", step.name, stored)
		}
	}
}
