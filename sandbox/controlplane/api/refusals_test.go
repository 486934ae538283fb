package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/fields"
)

// TestRefusals are requests that the real APIs refuse, with their codes and words.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name, method, path, body string
		code                     int
		want                     string // the error's status and message
	}{
		{"unknown method", "POST", "/run/v2/projects/p1-demo/locations/x/services", "{}", 404, "NOT_FOUND Method not found: the sandbox does not know POST /run/v2/projects/p1-demo/locations/x/services."},
		{"unknown verb", "POST", jobsPath + "/sync:pause", "{}", 404, "NOT_FOUND Method not found: the sandbox does not know POST " + jobsPath + "/sync:pause."},
		{"unknown service", "GET", "/pubsub/v1/projects/p1-demo/topics", "", 404, "NOT_FOUND Method not found: the sandbox does not know GET /pubsub/v1/projects/p1-demo/topics."},
		{"unknown project", "GET", "/run/v2/projects/nobody/locations/x/jobs/y", "", 403, "PERMISSION_DENIED Permission 'run.jobs.get' denied on resource project nobody (or it may not exist)."},
		{"not JSON", "POST", jobsPath + "?jobId=a", "{", 400, "INVALID_ARGUMENT Invalid JSON payload received. unexpected end of JSON input"},
		{"no such job", "GET", jobsPath + "/absent", "", 404, "NOT_FOUND Resource '" + inTokyo + "/jobs/absent' of kind 'JOB' does not exist."},
		{"delete no such job", "DELETE", jobsPath + "/absent", "", 404, "NOT_FOUND Resource '" + inTokyo + "/jobs/absent' of kind 'JOB' does not exist."},
		{"job id", "POST", jobsPath + "?jobId=Bad_Name", jobBody, 400, `INVALID_ARGUMENT Invalid job id "Bad_Name": it must match ^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$.`},
		{"job without container", "POST", jobsPath + "?jobId=a", "{}", 400, "INVALID_ARGUMENT Violation in CreateJobRequest.job.template.template.containers: must have at least one container."},
		{"account that is not there", "POST", jobsPath + "?jobId=a", strings.ReplaceAll(jobBody, "runner-account", "ghost"), 403, "PERMISSION_DENIED Permission 'iam.serviceaccounts.actAs' denied on service account ghost@p1-demo.iam.gserviceaccount.com (or it may not exist)."},
		{"reserved variable", "POST", jobsPath + "?jobId=a", strings.Replace(jobBody, "PLAIN", "CLOUD_RUN_JOB", 1), 400, "INVALID_ARGUMENT The following reserved env names were provided: CLOUD_RUN_JOB. These values are automatically set by the system."},
		{"variable twice", "POST", jobsPath + "?jobId=a", strings.Replace(jobBody, "PLAIN", "DB_NAME", 1), 400, `INVALID_ARGUMENT Duplicate environment variable name "DB_NAME".`},
		{"Cloud SQL elsewhere", "POST", jobsPath + "?jobId=a", strings.Replace(jobBody, `"/cloudsql"`, `"/sql"`, 1), 400, "INVALID_ARGUMENT A Cloud SQL volume must be mounted at /cloudsql."},
		{"mount of no volume", "POST", jobsPath + "?jobId=a", strings.Replace(jobBody, `"name": "cloudsql", "mountPath"`, `"name": "x", "mountPath"`, 1), 400, `INVALID_ARGUMENT volume_mounts: no volume with the name "x".`},
		{"timeout", "POST", jobsPath + "?jobId=a", strings.Replace(jobBody, "60s", "15 minutes", 1), 400, `INVALID_ARGUMENT Violation in CreateJobRequest.job.template.template.timeout: "15 minutes" must be between 1s and 604800s.`},
		{"retries", "POST", jobsPath + "?jobId=a", strings.Replace(jobBody, `"maxRetries": 0`, `"maxRetries": 11`, 1), 400, "INVALID_ARGUMENT Violation in CreateJobRequest.job.template.template.max_retries: must be between 0 and 10."},
		{"account twice", "POST", "/iam/v1/projects/p1-demo/serviceAccounts", `{"accountId":"runner-account"}`, 409, "ALREADY_EXISTS Service account runner-account already exists within project projects/p1-demo."},
		{"account id", "POST", "/iam/v1/projects/p1-demo/serviceAccounts", `{"accountId":"a"}`, 400, `INVALID_ARGUMENT The account ID "a" does not have a length between 6 and 30, or has characters other than lower-case letters, digits and dashes.`},
		{"no such account", "GET", "/iam/v1/projects/-/serviceAccounts/ghost@p1-demo.iam.gserviceaccount.com", "", 404, "NOT_FOUND Unknown service account"},
		{"secret twice", "POST", secretsPath + "?secretId=db_name", `{"replication":{"automatic":{}}}`, 409, "ALREADY_EXISTS Resource 'projects/p1-demo/secrets/db_name' already exists."},
		{"secret without replication", "POST", secretsPath + "?secretId=new", `{}`, 400, "INVALID_ARGUMENT The request was invalid: secret.replication must be provided."},
		{"version of no secret", "POST", secretsPath + "/absent:addVersion", `{}`, 404, "NOT_FOUND Resource 'projects/p1-demo/secrets/absent' of kind 'SECRET' does not exist."},
		{"no such version", "GET", secretsPath + "/db_name/versions/7:access", "", 404, "NOT_FOUND Secret Version [projects/p1-demo/secrets/db_name/versions/7] not found."},
		{"bucket twice", "POST", "/storage/v1/b?project=p1-demo", `{"name":"demo-bucket"}`, 409, "ALREADY_EXISTS Resource 'b/demo-bucket' already exists."},
		{"no such bucket", "GET", "/storage/v1/b/absent", "", 404, "NOT_FOUND The specified bucket does not exist."},
		{"unknown API", "POST", "/serviceusage/v1/projects/p1-demo/services/cloudshceduler.googleapis.com:enable", "", 403, "PERMISSION_DENIED Not found or permission denied for service(s): cloudshceduler.googleapis.com."},
		{"API that is off", "GET", triggerPath, "", 403, "PERMISSION_DENIED Cloud Scheduler API has not been used in project 424242424242 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/cloudscheduler.googleapis.com/overview?project=424242424242 then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."},
		{"member that is not there", "POST", projectPath + ":setIamPolicy", `{"policy":{"bindings":[{"role":"roles/viewer","members":["serviceAccount:x@y"]}]}}`, 400, "INVALID_ARGUMENT Service account x@y does not exist."},
		{"agent before it is made", "POST", projectPath + ":setIamPolicy", `{"policy":{"bindings":[{"role":"roles/viewer","members":["serviceAccount:service-424242424242@gcp-sa-cloudscheduler.iam.gserviceaccount.com"]}]}}`, 400, "INVALID_ARGUMENT Service account service-424242424242@gcp-sa-cloudscheduler.iam.gserviceaccount.com does not exist."},
		{"unknown role", "POST", projectPath + ":setIamPolicy", `{"policy":{"bindings":[{"role":"roles/run.devloper","members":[]}]}}`, 400, "INVALID_ARGUMENT Role roles/run.devloper is not supported for this resource."},
		{"unknown condition", "POST", projectPath + ":setIamPolicy", `{"policy":{"bindings":[{"role":"roles/viewer","condition":{"expression":"request.time < x"}}]}}`, 400, `INVALID_ARGUMENT The sandbox cannot evaluate the condition "request.time < x" from "request.time < x" on.`},
		{"alert over no metric", "POST", "/monitoring/v3/projects/p1-demo/alertPolicies", `{"displayName":"a","combiner":"OR","conditions":[{"conditionThreshold":{"filter":"metric.type=\"logging.googleapis.com/user/runs\""}}]}`, 404, `NOT_FOUND Cannot find metric(s) that match type = "logging.googleapis.com/user/runs". If a metric was created recently, it could take up to 10 minutes to become available. Please try again soon. (condition 0)`},
		{"metric with a bad filter", "POST", "/logging/v2/projects/p1-demo/metrics", `{"name":"m","filter":"a="}`, 400, `INVALID_ARGUMENT Invalid filter of metric m: Unparseable filter: a = needs a value.`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newPlane(t)
			code, answer := ask(t, s, test.method, test.path, test.body)
			got := fields.Text(answer, "error.status") + " " + fields.Text(answer, "error.message")
			if code != test.code || got != test.want {
				t.Errorf("got  %d %s\nwant %d %s", code, got, test.code, test.want)
			}
		})
	}
}

func TestUnknownRequestsAreCounted(t *testing.T) {
	s := newPlane(t)
	ask(t, s, "GET", "/run/v2/projects/p1-demo/locations/x/services", "")
	ask(t, s, "GET", jobsPath+"/absent", "") // known, and not there
	if diff := cmp.Diff([]string{"GET /run/v2/projects/p1-demo/locations/x/services"}, s.Unknown()); diff != "" {
		t.Error(diff)
	}
}

// TestAddresses are the ways in which clients write one resource's address.
func TestAddresses(t *testing.T) {
	s := newPlane(t)
	for _, path := range []string{
		secretsPath + "/db_name",
		"/secretmanager/v1/v1/projects/p1-demo/secrets/db_name",   // the provider over plain http
		"/secretmanager/v1/projects/424242424242/secrets/db_name", // by number
		"http://secretmanager.googleapis.com/v1/projects/p1-demo/secrets/db_name",
		"http://asia-northeast1-secretmanager.googleapis.com/v1/projects/p1-demo/secrets/db_name",
	} {
		if got := fields.Text(must(t, s, "GET", path, ""), "name"); got != "projects/424242424242/secrets/db_name" {
			t.Errorf("GET %s: name %q", path, got)
		}
	}
	byAddress := must(t, s, "GET", "/iam/v1/projects/-/serviceAccounts/"+runnerEmail, "")
	byID := must(t, s, "GET", "/iam/v1/projects/-/serviceAccounts/"+fields.Text(byAddress, "uniqueId"), "")
	if diff := cmp.Diff(byAddress, byID); diff != "" {
		t.Error(diff)
	}
}

func TestToken(t *testing.T) {
	s := newPlane(t)
	if code, answer := askAs(t, s, "made-up", "GET", projectPath, ""); code != 401 || fields.Text(answer, "error.status") != "UNAUTHENTICATED" {
		t.Errorf("an unknown token got %d %v", code, answer)
	}
}

func TestEtags(t *testing.T) {
	s := newPlane(t)
	grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
	job := must(t, s, "POST", jobsPath+"?jobId=sync", jobBody)
	changed := strings.Replace(jobBody, "{", `{"etag": `+quote(fields.Text(job, "etag"))+`,`, 1)
	must(t, s, "PATCH", jobsPath+"/sync", changed)
	code, answer := ask(t, s, "PATCH", jobsPath+"/sync", changed)
	if code != 409 || fields.Text(answer, "error.status") != "ABORTED" {
		t.Errorf("the second change with one etag got %d %v", code, answer)
	}
	if code, _ := ask(t, s, "DELETE", jobsPath+"/sync?etag=%22old%22", ""); code != 409 {
		t.Errorf("delete with an old etag got %d", code)
	}
	must(t, s, "DELETE", jobsPath+"/sync", "")
	if code, _ := ask(t, s, "GET", jobsPath+"/sync", ""); code != 404 {
		t.Errorf("a deleted job got %d", code)
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// TestUpdate changes what the mask names and nothing else, keeps what only the service sets, and counts generations.
func TestUpdate(t *testing.T) {
	s := newPlane(t)
	path := "/artifactregistry/v1/projects/p1-demo/locations/asia-northeast1/repositories/jobs"
	must(t, s, "PATCH", path+"?updateMask=description,labels", `{"description": "images", "labels": {"a": "b"}, "format": "NPM", "createTime": "never"}`)
	must(t, s, "PATCH", path+"?updateMask=labels", `{}`)
	want := object{
		"name": inTokyo + "/repositories/jobs", "format": "DOCKER", "mode": "STANDARD_REPOSITORY", "description": "images", "sizeBytes": "0",
		"registryUri": "asia-northeast1-docker.pkg.dev/p1-demo/jobs", "createTime": "2026-01-02T03:04:05.000000Z", "updateTime": "2026-01-02T03:04:05.000000Z",
	}
	if diff := cmp.Diff(want, must(t, s, "GET", path, "")); diff != "" {
		t.Error(diff)
	}
}
