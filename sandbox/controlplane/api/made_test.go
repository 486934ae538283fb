package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/fields"
)

// recorder is a data plane that records its calls.
type recorder struct {
	told  []string
	full  bool  // buckets are not empty
	fails error // of databases
}

func (r *recorder) note(words ...string) { r.told = append(r.told, strings.Join(words, " ")) }

func (r *recorder) CreateBucket(name string) { r.note("create bucket", name) }

func (r *recorder) DeleteBucket(name string) bool {
	r.note("delete bucket", name)
	return !r.full
}

func (r *recorder) Objects() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.note("objects", q.Method, q.URL.Path)
		_, _ = w.Write([]byte("{}"))
	})
}

func (r *recorder) CreateDataStore(s DataStore) {
	r.note("create data store", s.Project, s.Number, s.Location, s.ID, s.Content)
}
func (r *recorder) DeleteDataStore(s DataStore) { r.note("delete data store", s.ID) }

func (r *recorder) CreateDatabase(instance, name string) error {
	r.note("create database", instance, name)
	return r.fails
}

func (r *recorder) DeleteDatabase(instance, name string) error {
	r.note("delete database", instance, name)
	return r.fails
}

func (r *recorder) CreateUser(instance, name, _ string) error {
	r.note("create user", instance, name)
	return r.fails
}

func (r *recorder) DeleteUser(instance, name string) error {
	r.note("delete user", instance, name)
	return r.fails
}

// step is a request and what it is answered: a code, and the value at a path of the answer, or the error's message.
type step struct {
	request, body string
	code          int
	path, want    string
}

const (
	inSearch   = "/discoveryengine/v1/projects/p1-demo/locations/global/collections/default_collection"
	storeBody  = `{"displayName": "Posts", "industryVertical": "GENERIC", "contentConfig": "CONTENT_REQUIRED", "solutionTypes": ["SOLUTION_TYPE_SEARCH"]}`
	storeName  = "projects/424242424242/locations/global/collections/default_collection/dataStores/posts"
	engineBody = `{"displayName": "App", "solutionType": "SOLUTION_TYPE_SEARCH", "dataStoreIds": ["posts"]}`
	inInst     = "/sqladmin/sql/v1beta4/sql/v1beta4/projects/p1-demo/instances"
	iamUser    = `{"name": "runner-account@p1-demo.iam", "type": "CLOUD_IAM_SERVICE_ACCOUNT"}`
	inPools    = "/iam/v1/projects/p1-demo/locations/global/workloadIdentityPools"
	github     = `"oidc": {"issuerUri": "https://token.actions.githubusercontent.com"}, "attributeMapping": {"google.subject": "assertion.sub"}`
	inRings    = "/cloudkms/v1/v1/projects/p1-demo/locations/global/keyRings"
)

// TestMade makes, reads, changes and deletes each kind of thing by the calls of the gcp provider, with what is refused in between, and
// checks the calls of the data plane.
func TestMade(t *testing.T) {
	for _, test := range []struct {
		name  string
		data  recorder
		steps []step
		told  []string
	}{
		{"bucket", recorder{}, []step{
			{"POST /storage/v1/b?project=p1-demo&alt=json", `{"name": "fresh", "location": "eu", "labels": {"a": "b"}}`, 200, "location", "EU"},
			{"PATCH /storage/v1/b/fresh", `{"labels": null, "versioning": {"enabled": true}}`, 200, "versioning.enabled", "true"},
			{"GET /storage/v1/b/fresh", "", 200, "labels", ""},
			{"GET /storage/v1/b/fresh/o?versions=true", "", 200, "", ""},
			{"GET /storage/v1/b/fresh/anywhereCaches", "", 200, "kind", "storage#anywhereCaches"},
			{"DELETE /storage/v1/b/fresh", "", 200, "", ""},
			{"GET /storage/v1/b/fresh", "", 404, "", "The specified bucket does not exist."},
		}, []string{"create bucket fresh", "create bucket fresh", "objects GET /storage/v1/b/fresh/o", "delete bucket fresh"}},
		{"bucket that is not empty", recorder{full: true}, []step{
			{"DELETE /storage/v1/b/demo-bucket", "", 409, "", "The bucket you tried to delete is not empty."},
			{"GET /storage/v1/b/demo-bucket", "", 200, "name", "demo-bucket"},
		}, []string{"delete bucket demo-bucket"}},
		{"data store", recorder{}, []step{
			{"POST " + inSearch + "/dataStores?dataStoreId=posts", storeBody, 200, "response.name", storeName},
			{"POST " + inSearch + "/dataStores?dataStoreId=posts", storeBody, 409, "", "DataStore " + storeName + " already exists."},
			{"GET " + inSearch + "/dataStores/posts", "", 200, "defaultSchemaId", "default_schema"},
			{"GET " + inSearch + "/dataStores/posts/schemas/default_schema", "", 200, "name", storeName + "/schemas/default_schema"},
			{"POST " + inSearch + "/dataStores/posts/schemas?schemaId=mine", `{"jsonSchema": "{}"}`, 400, "", "DataStore " + storeName + " has schema default_schema already; a data store has one schema."},
			{"PATCH " + inSearch + "/dataStores/posts?updateMask=displayName", `{"displayName": "New", "contentConfig": "NO_CONTENT"}`, 200, "contentConfig", "CONTENT_REQUIRED"},
			{"POST " + inSearch + "/engines?engineId=app", engineBody, 200, "done", "true"},
			{"POST " + inSearch + "/engines?engineId=other", strings.Replace(engineBody, `"posts"`, `"absent"`, 1), 404, "", "DataStore " + strings.Replace(storeName, "posts", "absent", 1) + " not found."},
			{"DELETE " + inSearch + "/dataStores/posts", "", 400, "", "Cannot delete DataStore " + storeName + ": it is used by Engine " + strings.Replace(storeName, "dataStores/posts", "engines/app", 1) + "."},
			{"DELETE " + inSearch + "/engines/app", "", 200, "done", "true"},
			{"DELETE " + inSearch + "/dataStores/posts", "", 200, "done", "true"},
			{"GET " + inSearch + "/dataStores/posts", "", 404, "", "DataStore " + storeName + " not found."},
		}, []string{
			"create data store p1-demo 424242424242 global posts CONTENT_REQUIRED", "create data store p1-demo 424242424242 global posts CONTENT_REQUIRED",
			"delete data store posts",
		}},
		{"schema", recorder{}, []step{
			{"POST " + inSearch + "/dataStores?dataStoreId=posts&skipDefaultSchemaCreation=true", storeBody, 200, "response.defaultSchemaId", ""},
			{"POST " + inSearch + "/dataStores/posts/schemas?schemaId=mine", `{"jsonSchema": "{"}`, 400, "", "json_schema is not valid JSON: unexpected end of JSON input."},
			{"POST " + inSearch + "/dataStores/posts/schemas?schemaId=mine", `{"jsonSchema": "{\"properties\": {\"a\": {\"type\": \"string\"}}}"}`, 200, "done", "true"},
			{"GET " + inSearch + "/dataStores/posts", "", 200, "defaultSchemaId", "mine"},
			{"PATCH " + inSearch + "/dataStores/posts/schemas/mine", `{"jsonSchema": "{}"}`, 400, "", `Field "a" cannot be removed from the schema.`},
			{"PATCH " + inSearch + "/dataStores/posts/schemas/mine", `{"jsonSchema": "{\"properties\": {\"a\": {\"type\": \"number\"}}}"}`, 400, "", `The type of field "a" cannot change from string to number.`},
			{"DELETE " + inSearch + "/dataStores/posts/schemas/mine", "", 200, "done", "true"},
		}, []string{"create data store p1-demo 424242424242 global posts CONTENT_REQUIRED"}},
		{"data store elsewhere", recorder{}, []step{
			{"POST " + strings.Replace(inSearch, "global", "asia-northeast1", 1) + "/dataStores?dataStoreId=x", storeBody, 400, "", `Location "asia-northeast1" is not supported: it must be global, us or eu.`},
		}, nil},
		{"database and user", recorder{}, []step{
			{"GET " + inInst + "/app", "", 200, "settings.activationPolicy", "ALWAYS"},
			{"POST " + inInst + "/app/databases", `{"name": "shop"}`, 200, "operationType", "CREATE_DATABASE"},
			{"GET " + inInst + "/app/databases/shop", "", 200, "charset", "UTF8"},
			{"POST " + inInst + "/app/users", iamUser, 200, "status", "DONE"},
			{"POST " + inInst + "/app/users", strings.Replace(iamUser, ".iam", ".iam.gserviceaccount.com", 1), 400, "", "Invalid request: Database username for Cloud IAM service account should be created without \".gserviceaccount.com\" suffix."},
			{"POST " + inInst + "/app/users", strings.Replace(iamUser, "runner", "ghost", 1), 400, "", "Invalid request: Provided CLOUD_IAM_SERVICE_ACCOUNT: ghost-account@p1-demo.iam.gserviceaccount.com, does not exist."},
			{"POST " + inInst + "/app/users", `{"name": "plain", "password": "hidden"}`, 200, "targetId", "app"},
			{"GET " + inInst + "/app/users/plain", "", 200, "password", ""},
			{"DELETE " + inInst + "/app/users?name=plain&host=", "", 200, "operationType", "DELETE_USER"},
			{"DELETE " + inInst + "/app/databases/shop", "", 200, "operationType", "DELETE_DATABASE"},
			{"POST " + inInst + "/absent/databases", `{"name": "shop"}`, 404, "", "The Cloud SQL instance does not exist."},
		}, []string{
			"create database app shop", "create user app runner-account@p1-demo.iam", "create user app plain", "delete user app plain", "delete database app shop",
		}},
		{"database that PostgreSQL refuses", recorder{fails: errors.New("permission denied")}, []step{
			{"POST " + inInst + "/app/databases", `{"name": "shop"}`, 500, "", "permission denied"},
		}, []string{"create database app shop"}},
		{"identity pool", recorder{}, []step{
			{"POST " + inPools + "?workloadIdentityPoolId=gcp-x", `{}`, 400, "", "The prefix `gcp-` is reserved for use by Google, and may not be specified: \"gcp-x\"."},
			{"POST " + inPools + "?workloadIdentityPoolId=github", `{}`, 200, "response.state", "ACTIVE"},
			{"POST " + inPools + "/github/providers?workloadIdentityPoolProviderId=actions", `{` + github + `}`, 400, "", "The attribute condition must reference one of the provider's claims. For more information, see https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines#conditions"},
			{"POST " + inPools + "/github/providers?workloadIdentityPoolProviderId=actions", `{` + github + `, "attributeCondition": "assertion.repository == 'a/b'"}`, 200, "done", "true"},
			{"DELETE " + inPools + "/github", "", 200, "response.state", "DELETED"},
			{"GET " + inPools + "/github", "", 200, "state", "DELETED"},
			{"POST " + inPools + "?workloadIdentityPoolId=github", `{}`, 409, "", "Requested entity already exists"},
			{"POST " + inPools + "/github:undelete", `{}`, 200, "response.state", "ACTIVE"},
		}, nil},
		{"key", recorder{}, []step{
			{"POST /serviceusage/v1/projects/p1-demo/services/cloudkms.googleapis.com:enable", "", 200, "", ""},
			{"POST " + inRings + "?keyRingId=ring", "{}", 200, "name", "projects/p1-demo/locations/global/keyRings/ring"},
			{"POST " + inRings + "/ring/cryptoKeys?cryptoKeyId=key", `{"rotationPeriod": "7776000s"}`, 200, "primary.state", "ENABLED"},
			{"POST " + inRings + "/ring/cryptoKeys/key/cryptoKeyVersions/1:destroy", "{}", 200, "state", "DESTROY_SCHEDULED"},
			{"POST " + inRings + "/ring/cryptoKeys/key/cryptoKeyVersions/1:destroy", "{}", 400, "", "CryptoKeyVersion projects/p1-demo/locations/global/keyRings/ring/cryptoKeys/key/cryptoKeyVersions/1 has state DESTROY_SCHEDULED and cannot be destroyed."},
			{"PATCH " + inRings + "/ring/cryptoKeys/key?updateMask=rotationPeriod", `{"rotationPeriod": null}`, 200, "rotationPeriod", ""},
			{"DELETE " + inRings + "/ring", "", 404, "", "Method not found: the sandbox does not know DELETE " + inRings + "/ring."},
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newPlane(t)
			s.NewInstance(testProject, "asia-northeast1", "app")
			s.SetDataPlane(&test.data)
			for _, step := range test.steps {
				method, path, _ := strings.Cut(step.request, " ")
				code, answer := ask(t, s, method, path, step.body)
				at := step.path
				if code >= 400 {
					at = "error.message"
				}
				if got := shown(answer, at); code != step.code || at != "" && got != step.want {
					t.Errorf("%s %s:\ngot  %d %s\nwant %d %s", method, path, code, got, step.code, step.want)
				}
			}
			if diff := cmp.Diff(test.told, test.data.told); diff != "" {
				t.Errorf("the data plane was told (-want +got):\n%s", diff)
			}
		})
	}
}

func shown(answer object, path string) string {
	if value, ok := fields.Field(answer, path).(bool); ok {
		return map[bool]string{true: "true", false: "false"}[value]
	}
	return fields.Text(answer, path)
}
