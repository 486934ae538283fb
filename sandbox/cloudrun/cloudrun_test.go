package cloudrun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/api"
)

const (
	projectID = "p1-demo"
	account   = "sync-account@p1-demo.iam.gserviceaccount.com"
	jobName   = "projects/p1-demo/locations/asia-northeast1/jobs/sync"
	instance  = "p1-demo:asia-northeast1:db"
)

// cloud is a control plane with one job.
type cloud struct {
	*api.Server
	t       *testing.T
	address string
}

// newCloud has a job of this test's binary that does the task, changed by the template's fields.
func newCloud(t *testing.T, task string, options Options, template map[string]any) *cloud {
	t.Helper()
	plane := api.New(api.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(plane.Close)
	t.Cleanup(cancel)
	plane.NewProject(projectID, "424242424242")
	if err := plane.NewSecret(projectID, "db_name", "app"); err != nil {
		t.Fatal(err)
	}
	if options.Image == nil {
		options.Image = func(reference string) (string, error) {
			if reference == "missing" {
				return "", errors.New("nobody built it")
			}
			return os.Executable()
		}
	}
	New(plane, options)
	address, err := plane.Start(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{plane, t, address}
	c.post("/iam/v1/projects/p1-demo/serviceAccounts", map[string]any{"accountId": "sync-account"})
	c.post("/cloudresourcemanager/v1/projects/p1-demo:setIamPolicy", map[string]any{"policy": map[string]any{"bindings": []any{
		map[string]any{"role": "roles/secretmanager.secretAccessor", "members": []any{"serviceAccount:" + account}},
		map[string]any{"role": "roles/cloudsql.client", "members": []any{"serviceAccount:" + account}},
	}}})
	taskTemplate := map[string]any{
		"serviceAccount": account, "maxRetries": 0, "timeout": "60s",
		"containers": []any{map[string]any{
			"image": "sync", "command": []any{"/job", "sync"}, "args": []any{"--full"},
			"volumeMounts": []any{map[string]any{"name": "cloudsql", "mountPath": "/cloudsql"}},
			"env": []any{
				map[string]any{"name": "TASK", "value": task},
				map[string]any{"name": "DB_NAME", "valueSource": map[string]any{"secretKeyRef": map[string]any{"secret": "db_name", "version": "latest"}}},
			},
		}},
		"volumes": []any{map[string]any{"name": "cloudsql", "cloudSqlInstance": map[string]any{"instances": []any{instance}}}},
	}
	execution := map[string]any{"template": taskTemplate}
	for name, value := range template {
		if name == "taskCount" || name == "parallelism" {
			execution[name] = value
		} else {
			taskTemplate[name] = value
		}
	}
	c.post("/run/v2/projects/p1-demo/locations/asia-northeast1/jobs?jobId=sync", map[string]any{"template": execution})
	return c
}

func (c *cloud) post(path string, body map[string]any) map[string]any {
	c.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	request, err := http.NewRequest("POST", "http://"+c.address+path, bytes.NewReader(content))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.AdminToken())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer := map[string]any{}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK || answer["error"] != nil {
		c.t.Fatalf("POST %s: %d %v %v", path, response.StatusCode, answer, err)
	}
	return answer
}

// start runs the job and answers the execution's name.
func (c *cloud) start() string {
	c.t.Helper()
	op := c.post("/run/v2/"+jobName+":run", map[string]any{})
	return op["metadata"].(map[string]any)["name"].(string)
}

// run runs the job to its end and answers its failure.
func (c *cloud) run() (execution map[string]any, failure error) {
	c.t.Helper()
	name := c.start()
	return c.wait(name)
}

func (c *cloud) wait(name string) (execution map[string]any, failure error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	failure, err := c.WaitExecution(ctx, name)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.Resource("run", name), failure
}

// output are the lines that the job wrote.
func (c *cloud) output(log string) []string {
	c.t.Helper()
	entries, err := c.Logs(projectID, `logName:"`+log+`"`)
	if err != nil {
		c.t.Fatal(err)
	}
	var lines []string
	for _, entry := range entries {
		lines = append(lines, fmt.Sprint(entry["textPayload"]))
	}
	return lines
}

func TestEnvironment(t *testing.T) {
	c := newCloud(t, "environment", Options{Env: []string{"SANDBOX=1"}, Endpoints: Endpoints{SecretManager: "127.0.0.1:1"}}, nil)
	execution, failure := c.run()
	if failure != nil {
		t.Fatal(failure)
	}
	name := execution["name"].(string)
	name = name[strings.LastIndex(name, "/")+1:]
	got := map[string]string{}
	for _, line := range c.output("stdout") {
		key, value, _ := strings.Cut(line, "=")
		got[key] = value
	}
	for _, varies := range []string{"HOME", "CLOUD_SQL_SOCKET_DIR", "SECRETMANAGER_ENDPOINT"} {
		if got[varies] == "" {
			t.Errorf("%s is not set", varies)
		}
		delete(got, varies)
	}
	want := map[string]string{
		"TASK": "environment", "DB_NAME": "app", "SANDBOX": "1", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"CLOUD_RUN_JOB": "sync", "CLOUD_RUN_EXECUTION": name, "CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": "1", "CLOUD_RUN_TASK_ATTEMPT": "0",
		"args [sync --full]": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOutcomes(t *testing.T) {
	for _, test := range []struct {
		name, task string
		template   map[string]any
		failure    string // NAME stands for the execution
		counts     map[string]any
	}{
		{"success", "second attempt", map[string]any{"maxRetries": 1}, "", map[string]any{"succeededCount": 1.0, "retriedCount": 1.0}},
		{"failure", "fail", nil, "Task NAME-task0 failed with message: The container exited with an error.", map[string]any{"failedCount": 1.0}},
		{"failure after retries", "fail", map[string]any{"maxRetries": 2}, "Task NAME-task0 failed with message: The container exited with an error.", map[string]any{"failedCount": 1.0, "retriedCount": 2.0}},
		{
			"some tasks fail", "odd tasks fail",
			map[string]any{"taskCount": 4, "parallelism": 2},
			"Task NAME-task1 failed with message: The container exited with an error.",
			map[string]any{"failedCount": 2.0, "succeededCount": 2.0},
		},
		{"timeout", "end at SIGTERM", map[string]any{"timeout": "1s"}, "Task NAME-task0 failed with message: The configured timeout was reached.", map[string]any{"failedCount": 1.0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, test.task, Options{}, test.template)
			execution, failure := c.run()
			name := execution["name"].(string)
			want := strings.ReplaceAll(test.failure, "NAME", name[strings.LastIndex(name, "/")+1:])
			if got := fmt.Sprint(failure); got != want && (failure != nil || want != "") {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			counts := map[string]any{}
			for _, counter := range []string{"succeededCount", "failedCount", "retriedCount", "cancelledCount", "runningCount"} {
				if n := execution[counter]; n != nil {
					counts[counter] = n
				}
			}
			if diff := cmp.Diff(test.counts, counts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSecretTakenAway: secrets are read when a task starts, as the account may then.
func TestSecretTakenAway(t *testing.T) {
	c := newCloud(t, "environment", Options{Sockets: map[string]string{instance: "x"}}, map[string]any{"maxRetries": 3})
	if err := c.Revoke("//cloudresourcemanager.googleapis.com/projects/p1-demo", "roles/secretmanager.secretAccessor", "serviceAccount:"+account); err != nil {
		t.Fatal(err)
	}
	execution, failure := c.run()
	want := "Permission denied on secret: projects/424242424242/secrets/db_name/versions/latest for Revision service account " + account +
		". The service account used must be granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or higher level."
	if failure == nil || failure.Error() != want {
		t.Errorf("got  %v\nwant %s", failure, want)
	}
	if execution["retriedCount"] != nil {
		t.Errorf("it was tried again: %v", execution["retriedCount"])
	}
	if diff := cmp.Diff([]string{want}, c.output("varlog")); diff != "" {
		t.Error(diff)
	}
}

func TestLongLine(t *testing.T) {
	c := newCloud(t, "long line", Options{}, nil)
	if _, failure := c.run(); failure != nil {
		t.Fatal(failure)
	}
	lines := c.output("stdout")
	if len(lines) != 1 || len(lines[0]) != maxLine {
		t.Errorf("%d lines, the first of %d bytes; want one of %d", len(lines), len(lines[0]), maxLine)
	}
}
