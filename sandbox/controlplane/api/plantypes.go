package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

const inLocation = "projects/{project}/locations/{location}/"

// deployers are, for each type of resource that the Pulumi program uses, the calls that make one.
var deployers = map[string]func(d *deployer, in object) error{
	// There is no registry here to push to: the runner of the jobs knows what an image stands for.
	"docker:index/image:Image": func(*deployer, object) error { return nil },

	"gcp:projects/service:Service": func(d *deployer, in object) error {
		return d.send("POST", fillInputs("/serviceusage/v1/projects/{project}/services/{service}:enable", in), nil)
	},
	"gcp:projects/serviceIdentity:ServiceIdentity": func(d *deployer, in object) error {
		return d.send("POST", fillInputs("/serviceusage/v1beta1/projects/{project}/services/{service}:generateServiceIdentity", in), nil)
	},
	"gcp:serviceaccount/account:Account": func(d *deployer, in object) error {
		return d.send("POST", fillInputs("/iam/v1/projects/{project}/serviceAccounts", in),
			object{"accountId": in["accountId"], "serviceAccount": without(in, "accountId", "project")})
	},
	"gcp:projects/iAMCustomRole:IAMCustomRole": func(d *deployer, in object) error {
		role := without(in, "roleId", "project", "permissions")
		role["includedPermissions"] = in["permissions"]
		fields.OrElse(role, "stage", "GA")
		return d.send("POST", fillInputs("/iam/v1/projects/{project}/roles", in), object{"roleId": in["roleId"], "role": role})
	},
	"gcp:storage/bucket:Bucket": func(d *deployer, in object) error {
		// The plan's inputs are the provider's; of them only what distinguishes buckets here.
		return d.send("POST", fillInputs("/storage/v1/b?project={project}", in), object{"name": in["name"], "location": in["location"], "labels": in["labels"]})
	},
	"gcp:discoveryengine/dataStore:DataStore": func(d *deployer, in object) error {
		path := "/discoveryengine/v1/projects/{project}/locations/{location}/collections/default_collection/dataStores?dataStoreId={dataStoreId}"
		if skip, _ := in["skipDefaultSchemaCreation"].(bool); skip {
			path += "&skipDefaultSchemaCreation=true"
		}
		return d.send("POST", fillInputs(path, in), without(in, "project", "location", "dataStoreId", "createAdvancedSiteSearch", "skipDefaultSchemaCreation"))
	},
	"gcp:discoveryengine/schema:Schema": post("/discoveryengine/v1/projects/{project}/locations/{location}/collections/default_collection/dataStores/{dataStoreId}/schemas?schemaId={schemaId}", "location", "dataStoreId", "schemaId"),
	"gcp:discoveryengine/searchEngine:SearchEngine": func(d *deployer, in object) error {
		search := without(in, "project", "location", "collectionId", "engineId")
		search["solutionType"] = "SOLUTION_TYPE_SEARCH"
		return d.send("POST", fillInputs("/discoveryengine/v1/projects/{project}/locations/{location}/collections/{collectionId}/engines?engineId={engineId}", in), search)
	},
	"gcp:secretmanager/secret:Secret": func(d *deployer, in object) error {
		return d.send("POST", fillInputs("/secretmanager/v1/projects/{project}/secrets?secretId={secretId}", in), object{"replication": object{"automatic": object{}}, "labels": in["labels"]})
	},
	"gcp:secretmanager/secretVersion:SecretVersion": func(d *deployer, in object) error {
		data := base64.StdEncoding.EncodeToString([]byte(fields.Text(in, "secretData")))
		return d.send("POST", fillInputs("/secretmanager/v1/{secret}:addVersion", in), object{"payload": object{"data": data}})
	},
	"gcp:sql/database:Database":                  post("/sqladmin/sql/v1beta4/projects/{project}/instances/{instance}/databases"),
	"gcp:sql/user:User":                          post("/sqladmin/sql/v1beta4/projects/{project}/instances/{instance}/users"),
	"gcp:artifactregistry/repository:Repository": post("/artifactregistry/v1/"+inLocation+"repositories?repositoryId={repositoryId}", "repositoryId", "location"),
	"gcp:cloudrunv2/job:Job": func(d *deployer, in object) error {
		job := withoutNulls(without(in, "project", "location", "name", "deletionProtection")).(object)
		for _, container := range fields.Items(job, "template.template.containers") {
			if envs, ok := container["envs"]; ok {
				container["env"] = envs
				delete(container, "envs")
			}
		}
		return d.send("POST", fillInputs("/run/v2/"+inLocation+"jobs?jobId={name}", in), job)
	},
	"gcp:cloudscheduler/job:Job": deployTrigger,
	"gcp:logging/metric:Metric":  post("/logging/v2/projects/{project}/metrics"),
	"gcp:monitoring/dashboard:Dashboard": func(d *deployer, in object) error {
		dashboard := object{}
		if err := json.Unmarshal([]byte(fields.Text(in, "dashboardJson")), &dashboard); err != nil {
			return fmt.Errorf("read dashboard: %w", err)
		}
		return d.send("POST", fillInputs("/monitoring/v1/projects/{project}/dashboards", in), dashboard)
	},
	"gcp:monitoring/notificationChannel:NotificationChannel": func(d *deployer, in object) error {
		made, err := d.Request("POST", fillInputs("/monitoring/v3/projects/{project}/notificationChannels", in), without(in, "project"))
		if err == nil {
			d.channels[fields.Text(in, "labels.email_address")] = fields.Text(made, "name")
		}
		return err
	},
	"gcp:monitoring/alertPolicy:AlertPolicy": func(d *deployer, in object) error {
		alert := without(in, "project")
		var channels []any
		for _, channel := range fields.Texts(in, "notificationChannels") {
			// A plan names a channel by the address that it reaches.
			if name := d.channels[engine.Last(channel)]; name != "" {
				channel = name
			}
			channels = append(channels, channel)
		}
		if channels != nil {
			alert["notificationChannels"] = channels
		}
		return d.send("POST", fillInputs("/monitoring/v3/projects/{project}/alertPolicies", in), alert)
	},

	"gcp:projects/iAMMember:IAMMember":                             grantOn("cloudresourcemanager", "v1", "projects/{project}"),
	"gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": grantOn("artifactregistry", "v1", inLocation+"repositories/{repository}"),
	"gcp:secretmanager/secretIamMember:SecretIamMember":            grantOn("secretmanager", "v1", "projects/{project}/secrets/{secretId}"),
	"gcp:storage/bucketIAMMember:BucketIAMMember":                  grantOn("storage", "v1", "b/{bucket}"),
	"gcp:serviceaccount/iAMMember:IAMMember":                       grantOn("iam", "v1", "{serviceAccountId}"),
	"gcp:cloudrunv2/jobIamMember:JobIamMember":                     grantOn("run", "v2", inLocation+"jobs/{name}"),
	"gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember":                grantOn("cloudkms", "v1", "{cryptoKeyId}"),
}

// deployTrigger makes a Scheduler job and pauses it if it is declared paused, which are two calls.
func deployTrigger(d *deployer, in object) error {
	parent := fillInputs("projects/{project}/locations/{region}/jobs", in)
	trigger := without(in, "project", "region", "paused")
	trigger["name"] = parent + "/" + fields.Text(in, "name")
	if err := d.send("POST", "/cloudscheduler/v1/"+parent, trigger); err != nil {
		return err
	}
	if paused, _ := in["paused"].(bool); paused {
		return d.send("POST", "/cloudscheduler/v1/"+fields.Text(trigger, "name")+":pause", nil)
	}
	return nil
}

// withoutNulls drops what a plan leaves open.
func withoutNulls(value any) any {
	switch v := value.(type) {
	case object:
		for key, inner := range v {
			if inner == nil {
				delete(v, key)
			} else {
				v[key] = withoutNulls(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutNulls(inner)
		}
	}
	return value
}
