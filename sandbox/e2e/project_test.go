// Package e2e proves the deployed system on one machine: the real gcloud and the real Pulumi provider deploy into the sandbox's
// control plane, its schedule fires, and its job runs as a process.
package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"vertexmetadata/sandbox/cloudrun"
	"vertexmetadata/sandbox/controlplane"
)

// What a reader of the seed document has before its first command.
const (
	projectID     = "sandbox-project"
	projectNumber = "123456789012"
	region        = "asia-northeast1"
	repository    = "app"
	instance      = projectID + ":" + region + ":app-db"
	jobName       = "projects/" + projectID + "/locations/" + region + "/jobs/create-vertex-metadata"
	triggerName   = "projects/" + projectID + "/locations/" + region + "/jobs/trigger-vertex-metadata"
)

// secretValues are the secrets that the job mounts and the database password, by id.
var secretValues = map[string]string{
	"gcp_project": instance, "db_name": "app", "db_user": "app", "gcs_bucket": "sandbox-bucket", "project_id": projectID,
	"secret_id": "db_password", "version_id": "latest", "gemini_api_key": "unused", "data_store_id": "posts", "db_password": "sandbox-password",
}

// taskMarker makes this test's own binary the job: it prints a line and ends.
const taskMarker = "DATA_STORE_ID"

func TestMain(m *testing.M) {
	if os.Getenv("CLOUD_RUN_JOB") != "" {
		fmt.Println("synced " + os.Getenv(taskMarker) + " in " + os.Getenv("CLOUD_RUN_EXECUTION"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// newProject starts a control plane with a project as the seed document supposes it. Jobs run this test's own binary.
func newProject(t *testing.T) (*controlplane.Server, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	plane := controlplane.New(controlplane.Options{Logger: testLogger(t)})
	t.Cleanup(plane.Close)
	plane.NewProject(projectID, projectNumber)
	for id, value := range secretValues {
		must(t, plane.NewSecret(projectID, id, value))
	}
	must(t, plane.NewRepository(projectID, region, repository))
	must(t, plane.NewBucket(projectID, "sandbox-bucket", region))
	binary, err := os.Executable()
	must(t, err)
	cloudrun.New(plane, cloudrun.Options{Image: func(reference string) (string, error) {
		if !strings.HasPrefix(reference, region+"-docker.pkg.dev/"+projectID+"/"+repository+"/create-vertex-metadata") {
			return "", fmt.Errorf("no image %s was pushed", reference)
		}
		return binary, nil
	}})
	address, err := plane.Start(ctx, "127.0.0.1:0")
	must(t, err)
	return plane, address
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
