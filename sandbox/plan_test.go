package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/api"
)

// aPlan has the names of somebody's own project. Its id is a part of other names.
const aPlan = `{"stack": "mine", "resources": [
	{"type": "gcp:cloudrunv2/job:Job", "inputs": {"project": "shop", "location": "us-central1", "name": "sync", "template": {"template": {
		"volumes": [{"cloudSqlInstance": {"instances": ["shop:us-central1:main"]}}],
		"containers": [{"image": "us-central1-docker.pkg.dev/shop/jobs/sync", "envs": [
			{"name": "CLOUD_SQL_INSTANCE", "value": "shop:us-central1:main"}, {"name": "GCS_BUCKET", "value": "shop-sync"},
			{"name": "DB_NAME", "value": "shopdb"}, {"name": "DATA_STORE_ID", "value": "products"}, {"name": "LOG_LEVEL", "value": "debug"}]}]}}}},
	{"type": "gcp:cloudscheduler/job:Job", "inputs": {"region": "us-east1", "name": "tick"}},
	{"type": "gcp:storage/bucketIAMMember:BucketIAMMember", "inputs": {"bucket": "shop-sync", "role": "roles/storage.objectUser"}},
	{"type": "gcp:storage/bucketIAMMember:BucketIAMMember", "inputs": {"bucket": "shop-images", "role": "roles/storage.objectViewer"}},
	{"type": "gcp:projects/iAMMember:IAMMember", "inputs": {"project": "shop", "member": "serviceAccount:x@shop.iam.gserviceaccount.com"}}]}`

func TestReadPlan(t *testing.T) {
	p, err := readPlan([]byte(aPlan))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"shop:us-central1:main", "demo-project:asia-northeast1:app", "shop-sync", "demo-vertex-metadata", `"shop"`, `"demo-project"`,
		"/shop/", "/demo-project/", "@shop.", "@demo-project.",
	).Replace(aPlan)
	if diff := cmp.Diff(want, string(p.text)); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	if p.job != "projects/demo-project/locations/us-central1/jobs/sync" || p.trigger != "projects/demo-project/locations/us-east1/jobs/tick" {
		t.Errorf("job %s, trigger %s", p.job, p.trigger)
	}
	if diff := cmp.Diff([]string{"DB_NAME=app", "DATA_STORE_ID=nature-posts"}, p.env); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestReadPlanRefusals(t *testing.T) {
	const remedy = ": write it with go run ./infra/plan -stack NAME -json"
	for _, test := range []struct{ in, want string }{
		{"", "read plan: unexpected end of JSON input" + remedy},
		{"{}", "read plan: it has no Cloud Run Job with a trigger" + remedy},
	} {
		if _, err := readPlan([]byte(test.in)); err == nil || err.Error() != test.want {
			t.Errorf("%q: got %v, want %s", test.in, err, test.want)
		}
	}
}

// A stack that creates its data store and bucket keeps its names for them.
func TestReadPlanOfCreated(t *testing.T) {
	p, err := readPlan([]byte(strings.Replace(aPlan, `"resources": [`, `"resources": [
		{"type": "gcp:discoveryengine/dataStore:DataStore", "inputs": {"dataStoreId": "products", "location": "eu"}},
		{"type": "gcp:storage/bucket:Bucket", "inputs": {"name": "shop-sync"}},`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if p.store.ID != "products" || p.store.Location != "eu" || strings.Contains(string(p.text), "demo-vertex-metadata") {
		t.Errorf("data store %+v, plan %s", p.store, p.text)
	}
	if diff := cmp.Diff([]string{"DB_NAME=app"}, p.env); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

// A job that logs in by IAM keeps its user, and conditions and users name the sandbox's instance without its region.
func TestReadPlanOfIAMLogin(t *testing.T) {
	plan := strings.Replace(aPlan, `{"name": "DB_NAME", "value": "shopdb"}`,
		`{"name": "DB_IAM_AUTH", "value": "true"}, {"name": "DB_USER", "value": "x@shop.iam"}`, 1)
	p, err := readPlan([]byte(strings.Replace(plan, `"resources": [`, `"resources": [
		{"type": "gcp:sql/user:User", "inputs": {"instance": "main", "name": "x@shop.iam"}},
		{"type": "gcp:projects/iAMMember:IAMMember", "inputs": {"condition": {"expression": "resource.name == 'projects/shop/instances/main'"}}},`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if want := "x@demo-project.iam"; p.login != want {
		t.Errorf("login %q, want %q", p.login, want)
	}
	if diff := cmp.Diff([]string{"DB_USER=x@demo-project.iam", "DATA_STORE_ID=nature-posts"}, p.env); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	for _, want := range []string{`{"instance": "app", "name": "x@demo-project.iam"}`, `'projects/demo-project/instances/app'`} {
		if !strings.Contains(string(p.text), want) {
			t.Errorf("no %s in the plan %s", want, p.text)
		}
	}
}

// Several syncs have the data stores that SYNCS names, which are made unless the stack does. The demo looks at the first.
func TestReadPlanOfSyncs(t *testing.T) {
	plan := strings.Replace(aPlan, `{"name": "DATA_STORE_ID", "value": "products"}`,
		`{"name": "SYNCS", "value": "[{\"name\":\"a\",\"data_store\":\"shop\"},{\"name\":\"b\",\"data_store\":\"spots\",\"location\":\"eu\"},{\"name\":\"c\",\"data_store\":\"made\"}]"}`, 1)
	p, err := readPlan([]byte(strings.Replace(plan, `"resources": [`, `"resources": [
		{"type": "gcp:discoveryengine/dataStore:DataStore", "inputs": {"dataStoreId": "made", "location": "global"}},`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	first := newStore("demo-project", "global") // its name is the project's, and changes with that
	if diff := cmp.Diff(first, p.store); diff != "" {
		t.Errorf("data store (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]api.DataStore{first, newStore("spots", "eu")}, p.existing); diff != "" {
		t.Errorf("data stores (-want +got):\n%s", diff)
	}
}
