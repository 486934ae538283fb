package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"vertexmetadata/sandbox/controlplane/fields"
)

const (
	testProject = "p1-demo"
	testNumber  = "424242424242"
	inTokyo     = "projects/p1-demo/locations/asia-northeast1"
	runnerEmail = "runner-account@p1-demo.iam.gserviceaccount.com"
	runner      = "serviceAccount:" + runnerEmail
)

// testTime is when every test takes place.
var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newPlane has a project with an account, two secrets, a repository and a bucket.
func newPlane(t *testing.T, clock ...func() time.Time) *Server {
	t.Helper()
	s := New(Options{Now: append(clock, func() time.Time { return testTime })[0]})
	t.Cleanup(s.Close)
	s.NewProject(testProject, testNumber)
	ok(t, s.NewSecret(testProject, "db_name", "app"))
	ok(t, s.NewSecret(testProject, "other", "secret"))
	ok(t, s.NewRepository(testProject, "asia-northeast1", "jobs"))
	ok(t, s.NewBucket(testProject, "demo-bucket", "asia-northeast1"))
	must(t, s, "POST", "/iam/v1/projects/p1-demo/serviceAccounts", `{"accountId":"runner-account"}`)
	return s
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask sends a request over HTTP as the operator and answers its status and body.
func ask(t *testing.T, s *Server, method, path, body string) (int, object) {
	t.Helper()
	return askAs(t, s, s.AdminToken(), method, path, body)
}

func askAs(t *testing.T, s *Server, token, method, path, body string) (int, object) {
	t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewBufferString(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	answer := object{}
	if w.Body.Len() > 0 {
		ok(t, json.Unmarshal(w.Body.Bytes(), &answer))
	}
	return w.Code, answer
}

// must sends a request that succeeds; a long-running operation answers what it made.
func must(t *testing.T, s *Server, method, path, body string) object {
	t.Helper()
	code, answer := ask(t, s, method, path, body)
	if code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, code, fields.Text(answer, "error.message"))
	}
	if failed := fields.Child(answer, "error"); failed != nil {
		t.Fatalf("%s %s: operation failed: %s", method, path, fields.Text(failed, "message"))
	}
	if response := fields.Child(answer, "response"); response != nil {
		return response
	}
	return answer
}

// grant adds a member to a role on a resource, as clients do: read, change, write.
func grant(t *testing.T, s *Server, resource, role, member string) {
	t.Helper()
	policy := must(t, s, "POST", resource+":getIamPolicy", "")
	bindings, _ := policy["bindings"].([]any)
	policy["bindings"] = append(bindings, object{"role": role, "members": []any{member}})
	content, err := json.Marshal(object{"policy": policy})
	ok(t, err)
	must(t, s, "POST", resource+":setIamPolicy", string(content))
}

const (
	projectPath = "/cloudresourcemanager/v1/projects/p1-demo"
	jobsPath    = "/run/v2/projects/p1-demo/locations/asia-northeast1/jobs"
	secretsPath = "/secretmanager/v1/projects/p1-demo/secrets"
	triggerPath = "/cloudscheduler/v1/projects/p1-demo/locations/asia-northeast1/jobs"
)

// jobBody is a job that reads one secret as the runner's account.
const jobBody = `{"template": {"template": {"serviceAccount": "` + runnerEmail + `", "maxRetries": 0, "timeout": "60s",
	"volumes": [{"name": "cloudsql", "cloudSqlInstance": {"instances": ["p1-demo:asia-northeast1:db"]}}],
	"containers": [{"image": "asia-northeast1-docker.pkg.dev/p1-demo/jobs/sync@sha256:1",
		"volumeMounts": [{"name": "cloudsql", "mountPath": "/cloudsql"}],
		"env": [{"name": "PLAIN", "value": "x"}, {"name": "DB_NAME", "valueSource": {"secretKeyRef": {"secret": "db_name", "version": "latest"}}}]}]}}}`

const triggerBody = `{"name": "` + inTokyo + `/jobs/tick", "schedule": "*/3 * * * *", "httpTarget": {
	"uri": "https://run.googleapis.com/v2/` + inTokyo + `/jobs/sync:run", "oauthToken": {"serviceAccountEmail": "` + runnerEmail + `"}}}`
