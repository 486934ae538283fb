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
