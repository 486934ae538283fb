package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Every digest and project number of a plan; a real one is only known once the image is pushed.
const (
	digest        = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	projectNumber = "123456789012"
)

// agentDomains are the parts of service agents' addresses that name the service.
var agentDomains = map[string]string{
	"cloudscheduler.googleapis.com":  "gcp-sa-cloudscheduler",
	"discoveryengine.googleapis.com": "gcp-sa-discoveryengine",
	"run.googleapis.com":             "serverless-robot-prod",
}

// compute returns the id and the outputs beyond the inputs that the cloud would give a resource, as far as the
// program uses them. A type that is not listed has none that matter.
func compute(typ, name string, in resource.PropertyMap) (string, resource.PropertyMap, error) {
	text := func(key string) string {
		if v := in[resource.PropertyKey(key)]; v.IsString() {
			return v.StringValue()
		}
		return ""
	}
	id, out := name, map[string]any{}
	switch typ {
	case "gcp:serviceaccount/account:Account":
		email := fmt.Sprintf("%s@%s.iam.gserviceaccount.com", text("accountId"), text("project"))
		id = fmt.Sprintf("projects/%s/serviceAccounts/%s", text("project"), email)
		out["email"], out["member"], out["name"] = email, "serviceAccount:"+email, id
	case "gcp:projects/serviceIdentity:ServiceIdentity":
		domain, ok := agentDomains[text("service")]
		if !ok {
			return "", nil, fmt.Errorf("compute service agent of %s: its address is not known here", text("service"))
		}
		email := fmt.Sprintf("service-%s@%s.iam.gserviceaccount.com", projectNumber, domain)
		out["email"], out["member"] = email, "serviceAccount:"+email
	case "gcp:artifactregistry/repository:Repository":
		id = fmt.Sprintf("projects/%s/locations/%s/repositories/%s", text("project"), text("location"), text("repositoryId"))
	case "gcp:storage/bucket:Bucket":
		if id = text("name"); id == "" { // the engine makes a name of the resource's
			id = name + "-0000000"
			out["name"] = id
		}
	case "gcp:secretmanager/secret:Secret":
		id = fmt.Sprintf("projects/%s/secrets/%s", text("project"), text("secretId"))
	case "gcp:secretmanager/secretVersion:SecretVersion":
		id, out["version"] = text("secret")+"/versions/1", "1"
	case "gcp:discoveryengine/dataStore:DataStore":
		id = fmt.Sprintf("projects/%s/locations/%s/collections/default_collection/dataStores/%s", text("project"), text("location"), text("dataStoreId"))
	case "gcp:cloudrunv2/job:Job", "gcp:cloudscheduler/job:Job":
		id = fmt.Sprintf("projects/%s/locations/%s%s/jobs/%s", text("project"), text("location"), text("region"), text("name"))
	case "docker:index/image:Image":
		image := text("imageName")
		out["repoDigest"] = image[:strings.LastIndex(image, ":")] + "@" + digest
	case "gcp:monitoring/dashboard:Dashboard":
		id = fmt.Sprintf("projects/%s/dashboards/00000000-0000-0000-0000-000000000000", projectNumber)
	case "gcp:monitoring/notificationChannel:NotificationChannel":
		address, _ := in["labels"].ObjectValue()["email_address"].V.(string)
		id = fmt.Sprintf("projects/%s/notificationChannels/%s", text("project"), address)
		out["name"] = id
	}
	return id, resource.NewPropertyMapFromMap(out), nil
}
