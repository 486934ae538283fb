package stack

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func TestProbeHasTheJobsSecretsAlone(t *testing.T) {
	job := func(envs ...any) resource.PropertyMap {
		return resource.NewPropertyMapFromMap(map[string]any{"name": "job", "template": map[string]any{"taskCount": 4, "template": map[string]any{
			"serviceAccount": "a@p", "containers": []any{map[string]any{"image": "i@sha256:0", "args": []any{"sync"}, "envs": envs}},
		}}})
	}
	secret := map[string]any{"name": "DB_NAME", "valueSource": map[string]any{"secretKeyRef": map[string]any{"secret": "db_name", "version": "1"}}}
	got, mounts := probeOf(job(secret, map[string]any{"name": "PLAIN", "value": "x"}))
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"labels":{"vertex-metadata-probe":"true"},"template":{"template":{"containers":[{"env":[{"name":"DB_NAME","valueSource":{"secretKeyRef":{"secret":"db_name","version":"1"}}}],"image":"i@sha256:0"}],"serviceAccount":"a@p"}}}`
	if diff := cmp.Diff(want, string(text)); diff != "" || !mounts {
		t.Errorf("probe (-want +got), mounts %t:\n%s", mounts, diff)
	}
	if _, mounts := probeOf(job(map[string]any{"name": "PLAIN", "value": "x"})); mounts {
		t.Error("a job without secrets is probed")
	}
}

// The probe is deleted before it is made, in case one was left, and afterwards whatever came of it.
func TestProbe(t *testing.T) {
	for _, test := range []struct {
		name    string
		created int    // status of the creation
		answer  string // of it, or of its operation
		want    string
	}{
		{"may read", 200, `{"name":"operations/1","done":true}`, ""},
		{"may not read yet", 200, `{"name":"operations/1","done":true,"error":{"message":"Permission denied on secret: x"}}`, "Permission denied on secret: x"},
		{"refused at once", 403, "SERVICE_DISABLED", "SERVICE_DISABLED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var calls []string
			job := `{"labels":{"vertex-metadata-probe":"true"}}` // left by an update that was killed
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls = append(calls, r.Method)
				if r.Header.Get("Authorization") != "Bearer token" {
					t.Errorf("%s without the token", r.URL)
				}
				switch {
				case r.Method == "POST" && r.URL.RequestURI() == "/p/jobs?jobId=job-probe":
					w.WriteHeader(test.created)
					_, _ = w.Write([]byte(test.answer))
					if test.created == 200 {
						job = `{"labels":{"vertex-metadata-probe":"true"}}`
					}
				case job == "" || r.URL.RequestURI() != "/p/jobs/job-probe":
					w.WriteHeader(http.StatusNotFound)
				case r.Method == "DELETE":
					job = ""
				default:
					_, _ = w.Write([]byte(job))
				}
			}))
			defer server.Close()
			p := &prober{base: server.URL + "/", token: "token", parent: "p/jobs", name: "job-probe"}
			got, err := p.try(context.Background(), map[string]any{})
			if err == nil {
				err = p.remove(context.Background())
			}
			if err != nil || got != test.want || job != "" {
				t.Errorf("refused for %q (%v), left behind: %q; want %q", got, err, job, test.want)
			}
			if want := []string{"GET", "DELETE", "GET", "POST"}; len(calls) < 4 || cmp.Diff(want, calls[:4]) != "" {
				t.Errorf("calls %q", calls)
			}
		})
	}
}

// A job that happens to have the probe's name is somebody's own.
func TestProbeDeletesNobodysJob(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		_, _ = w.Write([]byte(`{"labels":{"team":"theirs"}}`))
	}))
	defer server.Close()
	p := &prober{base: server.URL + "/", token: "token", parent: "p/jobs", name: "job-probe"}
	_, err := p.try(context.Background(), map[string]any{})
	if want := "job-probe is a job of its own, without the label vertex-metadata-probe; rename it, or choose another name for this job"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
