package api

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// fakeRunner ends every execution as a test asks it to.
type fakeRunner struct {
	failure error
	mu      sync.Mutex
	ran     []Execution
}

func (f *fakeRunner) Image(reference string) error {
	if strings.Contains(reference, "absent") {
		return errors.New("it was not pushed")
	}
	return nil
}

func (f *fakeRunner) Run(_ context.Context, e Execution, record *Record) error {
	f.mu.Lock()
	f.ran = append(f.ran, e)
	f.mu.Unlock()
	record.TaskStarted(0, 0)
	record.Line(0, 0, "stdout", `{"severity": "WARNING", "message": "hello", "n": 1}`)
	result := Result{}
	if f.failure != nil {
		result = Result{ExitCode: 1, Message: f.failure.Error()}
	}
	record.TaskEnded(0, result, false)
	return f.failure
}

// TestSecretDenied: a job whose account may not read a secret is refused in the operation and exists all the same.
func TestSecretDenied(t *testing.T) {
	s := newPlane(t)
	const message = "Permission denied on secret: projects/424242424242/secrets/db_name/versions/latest for Revision service account " + runnerEmail +
		". The service account used must be granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or higher level."
	code, op := ask(t, s, "POST", jobsPath+"?jobId=sync", jobBody)
	if want := (object{"code": 13.0, "message": message}); code != 200 || !cmp.Equal(want, op["error"]) {
		t.Errorf("create: %d %v", code, op)
	}
	job := must(t, s, "GET", jobsPath+"/sync", "")
	if got := fields.Text(job, "terminalCondition.message"); got != message || fields.Text(job, "terminalCondition.state") != "CONDITION_FAILED" {
		t.Errorf("the job's condition is %v", job["terminalCondition"])
	}
	s.SetRunner(&fakeRunner{})
	if code, answer := ask(t, s, "POST", jobsPath+"/sync:run", "{}"); code != 400 || fields.Text(answer, "error.status") != "FAILED_PRECONDITION" {
		t.Errorf("run of a job that is not ready: %d %v", code, answer)
	}
	grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
	must(t, s, "PATCH", jobsPath+"/sync", jobBody)
}

func TestImages(t *testing.T) {
	for _, test := range []struct{ name, image, want string }{
		{"no such repository", "asia-northeast1-docker.pkg.dev/p1-demo/absent/sync@sha256:1", "Image 'asia-northeast1-docker.pkg.dev/p1-demo/absent/sync@sha256:1' not found."},
		{"not pushed", "asia-northeast1-docker.pkg.dev/p1-demo/jobs/absent@sha256:1", "Image 'asia-northeast1-docker.pkg.dev/p1-demo/jobs/absent@sha256:1' not found. it was not pushed"},
		{"another registry", "docker.io/library/sync", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newPlane(t)
			s.SetRunner(&fakeRunner{})
			grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
			_, op := ask(t, s, "POST", jobsPath+"?jobId=sync", strings.Replace(jobBody, "asia-northeast1-docker.pkg.dev/p1-demo/jobs/sync@sha256:1", test.image, 1))
			if got := fields.Text(op, "error.message"); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestExecution(t *testing.T) {
	for _, test := range []struct {
		name    string
		failure error
		state   string
		counter string
	}{
		{"success", nil, "CONDITION_SUCCEEDED", "succeededCount"},
		{"failure", errors.New("it broke"), "CONDITION_FAILED", "failedCount"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newPlane(t)
			fake := &fakeRunner{failure: test.failure}
			s.SetRunner(fake)
			grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
			must(t, s, "POST", jobsPath+"?jobId=sync", jobBody)
			_, op := ask(t, s, "POST", jobsPath+"/sync:run", "{}")
			name := fields.Text(op, "metadata.name")
			outcome, err := s.WaitExecution(t.Context(), name)
			ok(t, err)
			if (outcome == nil) != (test.failure == nil) {
				t.Errorf("outcome %v", outcome)
			}
			execution := must(t, s, "GET", "/run/v2/"+name, "")
			condition := fields.Items(execution, "conditions")[0]
			if fields.Text(condition, "state") != test.state || fields.Whole(execution, test.counter, 0) != 1 || fields.Text(execution, "completionTime") == "" || execution[runningOperation] != nil {
				t.Errorf("the execution is %v", execution)
			}
			_, op = ask(t, s, "GET", "/run/v2/"+fields.Text(op, "name"), "")
			if op["done"] != true || (op["error"] == nil) != (test.failure == nil) {
				t.Errorf("the operation is %v", op)
			}
			tasks := fields.Items(must(t, s, "GET", "/run/v2/"+name+"/tasks", ""), "tasks")
			if len(tasks) != 1 || fields.Text(fields.Items(tasks[0], "conditions")[0], "state") != test.state {
				t.Errorf("the tasks are %v", tasks)
			}
			if got := must(t, s, "GET", jobsPath+"/sync", ""); fields.Whole(got, "executionCount", 0) != 1 || fields.Text(got, "latestCreatedExecution.name") != engine.Last(name) {
				t.Errorf("the job is %v", got)
			}
			want := Execution{
				Name: engine.Last(name), Job: "sync", Project: testProject, Location: "asia-northeast1", Account: runnerEmail,
				Image: "asia-northeast1-docker.pkg.dev/p1-demo/jobs/sync@sha256:1", Tasks: 1, Timeout: 60e9,
				Command: []string{}, Args: []string{}, CloudSQL: []string{"p1-demo:asia-northeast1:db"},
				Env: []Variable{{Name: "PLAIN", Value: "x"}, {Name: "DB_NAME", Secret: "projects/p1-demo/secrets/db_name/versions/latest"}},
			}
			if diff := cmp.Diff([]Execution{want}, fake.ran); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunWithoutRunner(t *testing.T) {
	s := newPlane(t)
	grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
	must(t, s, "POST", jobsPath+"?jobId=sync", jobBody)
	if code, answer := ask(t, s, "POST", jobsPath+"/sync:run", "{}"); code != 400 || fields.Text(answer, "error.message") != "This sandbox was started without anything that runs jobs." {
		t.Errorf("got %d %v", code, answer)
	}
}

// TestOverrides: they need a permission of their own and change one execution only.
func TestOverrides(t *testing.T) {
	s := newPlane(t)
	fake := &fakeRunner{}
	s.SetRunner(fake)
	grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
	grant(t, s, projectPath, "roles/run.invoker", runner)
	must(t, s, "POST", jobsPath+"?jobId=sync", jobBody)
	const overrides = `{"overrides": {"taskCount": 3, "timeout": "5s", "containerOverrides": [{"args": ["--full"], "env": [{"name": "PLAIN", "value": "y"}]}]}}`
	if code, _ := askAs(t, s, s.Token(runner), "POST", jobsPath+"/sync:run", overrides); code != 403 {
		t.Errorf("an invoker overrides: %d", code)
	}
	if code, _ := askAs(t, s, s.Token(runner), "POST", jobsPath+"/sync:run", "{}"); code != 200 {
		t.Errorf("an invoker runs: %d", code)
	}
	_, op := ask(t, s, "POST", jobsPath+"/sync:run", overrides)
	s.done.Wait()
	if op["name"] == nil || len(fake.ran) != 2 {
		t.Fatalf("ran %d", len(fake.ran))
	}
	i := 0
	if fake.ran[0].Tasks == 1 {
		i = 1
	}
	if e := fake.ran[i]; e.Tasks != 3 || e.Timeout != 5e9 || !cmp.Equal(e.Args, []string{"--full"}) || e.Env[1] != (Variable{Name: "PLAIN", Value: "y"}) {
		t.Errorf("the execution is %+v", e)
	}
}

// TestKnative: a job goes from version 2 to version 1 and back and stays what it is.
func TestKnative(t *testing.T) {
	s := newPlane(t)
	grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
	must(t, s, "POST", jobsPath+"?jobId=sync", jobBody)
	const path = "http://asia-northeast1-127.0.0.1:9/run/apis/run.googleapis.com/v1/namespaces/p1-demo/jobs/sync"
	before, err := s.Snapshot()
	ok(t, err)
	job := must(t, s, "GET", path, "")
	annotations := fields.Child(job, "spec.template.metadata.annotations")
	if annotations[sqlInstances] != "p1-demo:asia-northeast1:db" {
		t.Errorf("annotations %v", annotations)
	}
	content := encode(t, job)
	must(t, s, "PUT", path, content)
	after, err := s.Snapshot()
	ok(t, err)
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("there and back:\n%s", diff)
	}
	if code, _ := ask(t, s, "PUT", path, content); code != 409 {
		t.Errorf("a second change of one resource version got %d", code)
	}
	if code, answer := ask(t, s, "GET", "/run/apis/run.googleapis.com/v1/namespaces/p1-demo/jobs/sync", ""); code != 400 {
		t.Errorf("without a region: %d %v", code, answer)
	}
	must(t, s, "DELETE", path, "")
}
