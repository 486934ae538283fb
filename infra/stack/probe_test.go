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
	want := `{"template":{"template":{"containers":[{"env":[{"name":"DB_NAME","valueSource":{"secretKeyRef":{"secret":"db_name","version":"1"}}}],"image":"i@sha256:0"}],"serviceAccount":"a@p"}}}`
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
			there := true
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls = append(calls, r.Method+" "+r.URL.RequestURI())
				if r.Header.Get("Authorization") != "Bearer token" {
					t.Errorf("%s without the token", r.URL)
				}
				switch {
				case r.Method == "POST":
					w.WriteHeader(test.created)
					_, _ = w.Write([]byte(test.answer))
					there = test.created == 200
				case r.Method == "DELETE" && there:
					there = false
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			defer server.Close()
			p := &prober{base: server.URL + "/", token: "token", parent: "p/jobs", name: "job-probe"}
			got, err := p.try(context.Background(), map[string]any{})
			if err == nil {
				err = p.remove(context.Background())
			}
			if err != nil || got != test.want || there {
				t.Errorf("refused for %q (%v), left behind: %t; want %q", got, err, there, test.want)
			}
			if want := []string{"DELETE /p/jobs/job-probe", "GET /p/jobs/job-probe", "POST /p/jobs?jobId=job-probe"}; len(calls) < 3 || cmp.Diff(want, calls[:3]) != "" {
				t.Errorf("calls %q", calls)
			}
		})
	}
}
