package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/sandbox/controlplane/fields"
)

func TestPolicyConflict(t *testing.T) {
	s := newPlane(t)
	first := must(t, s, "POST", projectPath+":getIamPolicy", "")
	body := `{"policy": {"etag": ` + quote(fields.Text(first, "etag")) + `, "bindings": [{"role": "roles/viewer", "members": ["` + runner + `"]}]}}`
	must(t, s, "POST", projectPath+":setIamPolicy", body)
	code, answer := ask(t, s, "POST", projectPath+":setIamPolicy", body)
	if code != 409 || fields.Text(answer, "error.status") != "ABORTED" {
		t.Errorf("the second write with one etag got %d %v", code, answer)
	}
	want := []any{object{"role": "roles/viewer", "members": []any{runner}}}
	if diff := cmp.Diff(want, must(t, s, "POST", projectPath+":getIamPolicy", "")["bindings"]); diff != "" {
		t.Error(diff)
	}
}

// TestPolicyForm merges what says the same, sorts, and drops what grants nothing.
func TestPolicyForm(t *testing.T) {
	s := newPlane(t)
	answer := must(t, s, "POST", projectPath+":setIamPolicy", `{"policy": {"bindings": [
		{"role": "roles/viewer", "members": ["user:b@x", "user:a@x"]}, {"role": "roles/run.admin", "members": []},
		{"role": "roles/viewer", "members": ["user:a@x"]},
		{"role": "roles/viewer", "members": ["user:c@x"], "condition": {"expression": "resource.name == 'x'"}}]}}`)
	want := []any{
		object{"role": "roles/viewer", "members": []any{"user:a@x", "user:b@x"}},
		object{"role": "roles/viewer", "members": []any{"user:c@x"}, "condition": object{"expression": "resource.name == 'x'"}},
	}
	if diff := cmp.Diff(want, answer["bindings"]); diff != "" {
		t.Error(diff)
	}
}

func TestAllowed(t *testing.T) {
	const (
		project = projectPath
		secret  = secretsPath + "/db_name"
		bucket  = "projects/_/buckets/demo-bucket"
		store   = "projects/p1-demo/locations/global/collections/default_collection/dataStores/posts"
	)
	for _, test := range []struct {
		name                 string
		on, role             string // what is granted
		permission, resource string // what is asked
		want                 bool
	}{
		{"nothing granted", "", "", "storage.objects.get", bucket + "/objects/a", false},
		{"project role on an object", project, "roles/storage.objectAdmin", "storage.objects.delete", bucket + "/objects/a/b", true},
		{"project role on the bucket itself", project, "roles/storage.objectAdmin", "storage.buckets.delete", bucket, false},
		{"object of no bucket", project, "roles/storage.objectAdmin", "storage.objects.get", "projects/_/buckets/absent/objects/a", false},
		{"viewer may not write", project, "roles/storage.objectViewer", "storage.objects.create", bucket + "/objects/a", false},
		{"user may not touch lists of access", project, "roles/storage.objectUser", "storage.objects.setIamPolicy", bucket + "/objects/a", false},
		{"secret's own role", secret, "roles/secretmanager.secretAccessor", "secretmanager.versions.access", "projects/p1-demo/secrets/db_name/versions/latest", true},
		{"secret's own role by number", secret, "roles/secretmanager.secretAccessor", "secretmanager.versions.access", "projects/424242424242/secrets/db_name/versions/1", true},
		{"another secret", secret, "roles/secretmanager.secretAccessor", "secretmanager.versions.access", "projects/p1-demo/secrets/other/versions/1", false},
		{"data store by the project", project, "roles/discoveryengine.editor", "discoveryengine.documents.import", store + "/branches/0", true},
		{"search viewer may not import", project, "roles/discoveryengine.viewer", "discoveryengine.documents.import", store + "/branches/0", false},
		{"in full", project, "roles/discoveryengine.viewer", "discoveryengine.documents.list", "//discoveryengine.googleapis.com/" + store + "/branches/0", true},
		{"another project's data store", project, "roles/discoveryengine.editor", "discoveryengine.documents.import", "projects/other/locations/global/dataStores/x", false},
		{"Cloud SQL", project, "roles/cloudsql.client", "cloudsql.instances.connect", "projects/p1-demo/instances/db", true},
		{"the project itself", project, "roles/viewer", "resourcemanager.projects.get", "//cloudresourcemanager.googleapis.com/projects/p1-demo", true},
		{"run by a role of the project", project, "roles/run.developer", "run.jobs.run", inTokyo + "/jobs/sync", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newPlane(t)
			if test.on != "" && test.on != secret {
				grant(t, s, test.on, test.role, runner)
			}
			if test.on == secret {
				must(t, s, "POST", secret+":setIamPolicy", `{"policy":{"bindings":[{"role":"`+test.role+`","members":["`+runner+`"]}]}}`)
			}
			err := s.Allowed(runner, test.permission, test.resource)
			if (err == nil) != test.want {
				t.Errorf("Allowed(%s, %s) = %v, want %v", test.permission, test.resource, err, test.want)
			}
			if err != nil && status.Code(err) != codes.PermissionDenied {
				t.Errorf("the refusal is %v over gRPC", status.Code(err))
			}
		})
	}
}

func TestAuthorize(t *testing.T) {
	s := newPlane(t)
	const resource = "projects/_/buckets/demo-bucket"
	if err := s.Authorize("made-up", "storage.objects.get", resource); status.Code(err) != codes.Unauthenticated {
		t.Errorf("an unknown token: %v", err)
	}
	if err := s.Authorize(s.AdminToken(), "storage.objects.get", resource); err != nil {
		t.Errorf("the admin: %v", err)
	}
	want := "Permission 'storage.objects.get' denied on resource 'b/demo-bucket' (or it may not exist). " + runnerEmail + " lacks it."
	if err := s.Authorize(s.Token(runner), "storage.objects.get", resource); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestCallersNeedPermission: a caller that is not the operator may do what was granted and no more.
func TestCallersNeedPermission(t *testing.T) {
	s := newPlane(t)
	grant(t, s, projectPath, "roles/secretmanager.secretAccessor", runner)
	must(t, s, "POST", jobsPath+"?jobId=sync", jobBody)
	token := s.Token(runner)
	requests := []struct{ method, path, body string }{
		{"GET", jobsPath + "/sync", ""},
		{"GET", jobsPath, ""},
		{"POST", jobsPath + "?jobId=b", jobBody},
		{"PATCH", jobsPath + "/sync", jobBody},
		{"POST", jobsPath + "/sync:run", "{}"},
		{"GET", jobsPath + "/sync:getIamPolicy", ""},
		{"DELETE", jobsPath + "/sync", ""},
		{"GET", "/run/apis/run.googleapis.com/v1/namespaces/p1-demo/jobs", ""},
		{"GET", "/serviceusage/v1/projects/p1-demo/services", ""},
		{"POST", "/logging/v2/entries:list", `{"resourceNames":["projects/p1-demo"]}`},
		{"POST", "/iamcredentials/v1/projects/-/serviceAccounts/" + runnerEmail + ":generateAccessToken", "{}"},
	}
	for _, r := range requests {
		if code, answer := askAs(t, s, token, r.method, r.path, r.body); code != 403 {
			t.Errorf("%s %s without a grant: %d %v", r.method, r.path, code, answer)
		}
	}
	grant(t, s, projectPath, "roles/run.admin", runner)
	if code, answer := askAs(t, s, token, "POST", jobsPath+"?jobId=b", jobBody); code != 403 || fields.Text(answer, "error.message") !=
		"Permission 'iam.serviceaccounts.actAs' denied on service account "+runnerEmail+" (or it may not exist)." {
		t.Errorf("deploying as an account that one may not act as: %d %v", code, answer)
	}
	grant(t, s, projectPath, "roles/iam.serviceAccountUser", runner)
	if code, answer := askAs(t, s, token, "POST", jobsPath+"?jobId=b", jobBody); code != 200 {
		t.Errorf("deploying with all grants: %d %v", code, answer)
	}
}

// TestDeletedAccount: a new account of the same name does not inherit the old one's grants.
func TestDeletedAccount(t *testing.T) {
	s := newPlane(t)
	grant(t, s, projectPath, "roles/viewer", runner)
	must(t, s, "DELETE", "/iam/v1/projects/p1-demo/serviceAccounts/"+runnerEmail, "")
	must(t, s, "POST", "/iam/v1/projects/p1-demo/serviceAccounts", `{"accountId":"runner-account"}`)
	if s.Allowed(runner, "resourcemanager.projects.get", "//cloudresourcemanager.googleapis.com/projects/p1-demo") == nil {
		t.Error("the new account has the old one's role")
	}
}

func TestCustomRole(t *testing.T) {
	s := newPlane(t)
	const path = "/iam/v1/projects/p1-demo/roles"
	must(t, s, "POST", path, `{"roleId": "purger", "role": {"title": "Purger", "includedPermissions": ["discoveryengine.documents.purge"]}}`)
	grant(t, s, projectPath, "projects/p1-demo/roles/purger", runner)
	const branch = "projects/p1-demo/locations/global/dataStores/x/branches/0"
	ok(t, s.Allowed(runner, "discoveryengine.documents.purge", branch))
	must(t, s, "DELETE", path+"/purger", "")
	if s.Allowed(runner, "discoveryengine.documents.purge", branch) == nil {
		t.Error("a deleted role still grants")
	}
	must(t, s, "POST", path+"/purger:undelete", "{}")
	ok(t, s.Allowed(runner, "discoveryengine.documents.purge", branch))
}

// TestLimitedAdmin gives and takes roles as somebody who may do so with some roles only.
func TestLimitedAdmin(t *testing.T) {
	const limited = `{"role": "roles/resourcemanager.projectIamAdmin", "members": ["` + runner + `"], "condition": {"title": "some", "expression": ` +
		`"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/run.developer', 'roles/logging.logWriter'])"}}`
	const owner = `{"role": "roles/owner", "members": ["user:owner@x"]}`
	policy := func(bindings string) string { return `{"policy": {"version": 3, "bindings": [` + bindings + `]}}` }
	for _, test := range []struct {
		name, bindings string
		want           int
	}{
		{"nothing changed", limited + "," + owner, 200},
		{"gives one of them", limited + "," + owner + `,{"role": "roles/run.developer", "members": ["user:a@x"]}`, 200},
		{"gives both", limited + "," + owner + `,{"role": "roles/run.developer", "members": ["user:a@x"]},{"role": "roles/logging.logWriter", "members": ["user:a@x"]}`, 200},
		{"gives another", limited + "," + owner + `,{"role": "roles/run.admin", "members": ["user:a@x"]}`, 403},
		{"gives one of them and another", limited + "," + owner + `,{"role": "roles/run.developer", "members": ["user:a@x"]},{"role": "roles/run.admin", "members": ["user:a@x"]}`, 403},
		{"takes another away", limited, 403},
		{"gives another to one more", limited + `,{"role": "roles/owner", "members": ["user:owner@x", "` + runner + `"]}`, 403},
		{"lifts its own limit", `{"role": "roles/resourcemanager.projectIamAdmin", "members": ["` + runner + `"]},` + owner, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newPlane(t)
			must(t, s, "POST", projectPath+":setIamPolicy", policy(limited+","+owner))
			if code, answer := askAs(t, s, s.Token(runner), "POST", projectPath+":setIamPolicy", policy(test.bindings)); code != test.want {
				t.Errorf("got %d %v, want %d", code, answer, test.want)
			}
		})
	}
}
