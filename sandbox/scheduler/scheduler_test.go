package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/api"
)

const (
	triggers = "/cloudscheduler/v1/projects/p1-demo/locations/asia-northeast1/jobs"
	name     = "projects/p1-demo/locations/asia-northeast1/jobs/tick"
	account  = "runner-account@p1-demo.iam.gserviceaccount.com"
	agent    = "service-424242424242@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// clock is a clock that moves by advance, and by every wait.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Wait(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	return nil
}

// newCloud has a control plane with the trigger's account, and a scheduler on a clock of its own.
func newCloud(t *testing.T) (*api.Server, *Scheduler, *clock) {
	t.Helper()
	c := &clock{now: start}
	plane := api.New(api.Options{Now: c.Now})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	plane.NewProject("p1-demo", "424242424242", "run", "iam", "cloudscheduler")
	address, err := plane.Start(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(plane, Options{Address: address, Now: c.Now, Wait: c.Wait})
	post(t, s, "/iam/v1/projects/p1-demo/serviceAccounts", `{"accountId": "runner-account"}`)
	return plane, s, c
}

func post(t *testing.T, s *Scheduler, path, body string) {
	t.Helper()
	request, err := http.NewRequest("POST", "http://"+s.options.Address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.plane.AdminToken())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s", path, response.Status)
	}
}

// declare makes a trigger for a target, with further fields.
func declare(t *testing.T, s *Scheduler, target string, fields map[string]any) {
	t.Helper()
	trigger := map[string]any{"name": name, "schedule": "*/3 * * * *", "httpTarget": map[string]any{"uri": target}}
	for field, value := range fields {
		trigger[field] = value
	}
	content, err := json.Marshal(trigger)
	if err != nil {
		t.Fatal(err)
	}
	post(t, s, triggers, string(content))
}

func TestTick(t *testing.T) {
	plane, s, c := newCloud(t)
	var calls []string
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		calls = append(calls, fmt.Sprint(r.Method, " ", r.URL.Path, " ", r.Header.Get("User-Agent"), " ", c.Now().Format("15:04")))
	}))
	defer target.Close()
	declare(t, s, target.URL+"/target", nil)
	for range 10 {
		c.now = c.now.Add(time.Minute)
		s.Tick(t.Context())
	}
	want := []string{
		"POST /target Google-Cloud-Scheduler 03:06", "POST /target Google-Cloud-Scheduler 03:09", "POST /target Google-Cloud-Scheduler 03:12",
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Error(diff)
	}
	trigger := plane.Resource("cloudscheduler", name)
	if trigger["lastAttemptTime"] != "2026-01-02T03:12:05Z" || trigger["scheduleTime"] != "2026-01-02T03:15:00Z" {
		t.Errorf("the trigger's times are %v and %v", trigger["lastAttemptTime"], trigger["scheduleTime"])
	}
}

// TestTimeZone: a schedule is of its time zone, daylight saving time included.
func TestTimeZone(t *testing.T) {
	for _, test := range []struct{ zone, now, want string }{
		{"Asia/Tokyo", "2026-01-02T03:04:05Z", "2026-01-02T15:00:00Z"},
		{"Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T22:00:00Z"}, // the night in which an hour is left out
		{"Etc/UTC", "2026-01-02T03:04:05Z", "2026-01-03T00:00:00Z"},
	} {
		schedule, err := api.ParseSchedule("0 0 * * *", test.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := schedule.Next(now).UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("midnight in %s after %s is %s, want %s", test.zone, test.now, got, test.want)
		}
	}
}

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

// TestForced: a request to run a trigger now fires it, paused or not.
func TestForced(t *testing.T) {
	_, s, _ := newCloud(t)
	called := make(chan struct{}, 1)
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called <- struct{}{} }))
	defer target.Close()
	declare(t, s, target.URL, nil)
	post(t, s, triggers+"/tick:pause", "")
	post(t, s, triggers+"/tick:run", "")
	select {
	case <-called:
	case <-time.After(10 * time.Second):
		t.Error("the target was not called")
	}
}

func TestFireNothing(t *testing.T) {
	_, s, _ := newCloud(t)
	_, err := s.Fire(t.Context(), "projects/p1-demo/locations/x/jobs/absent")
	if want := "fire trigger projects/p1-demo/locations/x/jobs/absent: Job projects/p1-demo/locations/x/jobs/absent does not exist."; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestRun: by the real clock, a trigger fires when it is due and not before; Run ends with its context.
func TestRun(t *testing.T) {
	_, s, c := newCloud(t)
	called := make(chan struct{}, 1)
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called <- struct{}{} }))
	defer target.Close()
	declare(t, s, target.URL, nil)
	c.mu.Lock()
	c.now = c.now.Add(3 * time.Minute)
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(ended)
	}()
	select {
	case <-called:
	case <-time.After(10 * time.Second):
		t.Error("a due trigger was not fired")
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("Run did not end with its context")
	}
}
