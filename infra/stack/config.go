package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Namespace is the prefix of every setting in a stack file: the project's name in Pulumi.yaml.
const Namespace = "vertex-metadata"

// Setting is one key of a stack file as Pulumi.yaml declares it. Default is written as in YAML.
type Setting struct {
	Key, Type, Default, Doc string

	set  func(value string) error
	into any // pointer to the field of Args
}

// Declared lists every setting in the order in which the README shows them. Parsed values land in a.
func Declared(a *Args) []Setting {
	return []Setting{
		input("cloudSqlInstance", "", "Cloud SQL instance to read from, as project:region:instance, or its name alone; not needed with a DATABASE_URL under secrets", &a.CloudSQLInstance),
		text("cloudSqlIpType", "", "How to reach the instance: empty: through the socket that Cloud Run mounts; private, psc or public: by Google's connector, private and psc through vpcNetwork", &a.CloudSQLIPType),
		input("database", "", "Database; empty: the secret db_name holds it", &a.Database),
		input("databaseUser", "", "Role that the job logs in as; empty: the secret db_user holds it, or with databaseAuth iam the job's account", &a.DatabaseUser),
		text("databaseAuth", authPassword, "How the job logs in: password, or iam: by its account's token, without a password", &a.DatabaseAuth),
		boolean("createDatabaseUser", "false", "Create the role in the instance, with the password that secretValues has; with databaseAuth iam it is created unless databaseUser names one", &a.CreateDatabaseUser),
		text("dbPasswordSecret", "", "Secret of the database password, as secret or secret:version; empty: the secret secret_id names it", &a.DBPasswordSecret),

		input("dataStore", "", "Vertex AI Search data store; empty: the secret data_store_id holds it", &a.DataStore),
		text("dataStoreLocation", "global", "Location of the data store: global, us or eu", &a.DataStoreLocation),
		boolean("createDataStore", "false", "Create the data store; it is protected, and stays at destroy", &a.CreateDataStore),
		text("dataStoreContent", "required", "What a data store that is created takes: required: documents with content; none: without", &a.DataStoreContent),
		text("dataStoreParser", "", "Parser of a data store that is created: digital, ocr or layout, which alone reads images; empty: Google's default", &a.DataStoreParser),
		text("dataStoreSchemaFile", "", "JSON schema of a data store that is created, relative to Pulumi.yaml; empty: Google derives it from the documents", &a.DataStoreSchemaFile),
		boolean("createSearchApp", "false", "Create a search app over the data store, or over those of all syncs in the location", &a.CreateSearchApp),
		text("searchApp", "", "Name of the search app that is created; empty: the job's name", &a.SearchApp),

		input("bucket", "", "Bucket for the snapshot and the state; empty: the secret gcs_bucket holds it", &a.Bucket),
		boolean("createBucket", "false", "Create the bucket, closed to the public; it stays at destroy", &a.CreateBucket),

		text("syncQueryFile", "", "File with the SELECT to sync, relative to Pulumi.yaml; empty: the job's own query", &a.SyncQueryFile),
		records("syncs", "Several syncs in one job: a list of name, dataStore, dataStoreLocation, dataStoreContent, queryFile and mimeTypes; empty: one without a name", &a.Syncs),

		object("secrets", "Secret per variable as secret or secret:version, over the nine defaults; an empty value leaves an optional variable out", &a.Secrets),
		boolean("createSecrets", "false", "Create the secrets that secretValues holds, and pin the job to the versions made", &a.CreateSecrets),
		secrets("secretValues", "Value per secret, each set with pulumi config set --secret --path", &a.SecretValues),
		object("env", "Further plain environment variables of the job", &a.Env),

		text("artifactRepository", "", "Artifact Registry repository of the image (required unless image is set)", &a.ArtifactRepository),
		boolean("createArtifactRepository", "false", "Create the repository; false: it exists already", &a.CreateArtifactRepository),
		text("artifactLocation", "", "Location of the repository, for example asia; empty: the region", &a.ArtifactLocation),
		input("image", "", "Deploy this image, by digest (…@sha256:…), and build none", &a.Image),
		text("imageName", "create-vertex-metadata", "Name of the image that is built", &a.ImageName),
		text("imageTag", "latest", "Tag to push; the job is deployed by digest whatever the tag", &a.ImageTag),
		text("imageRegistry", "", "Registry to push to, as host or host:port; empty: LOCATION-docker.pkg.dev. Cloud Run pulls from gcr.io, docker.pkg.dev and docker.io alone; docker login first where it is not Google's", &a.ImageRegistry),
		object("imageBuildArgs", "Build arguments, for example GO_IMAGE and RUNTIME_IMAGE for mirrored base images", &a.ImageBuildArgs),
		text("imageBuildNetwork", "default", "Network of the build's commands: default, host or none", &a.ImageBuildNetwork),

		text("jobName", "create-vertex-metadata", "Name of the Cloud Run Job", &a.JobName),
		text("jobAccount", "vertex-metadata-sa", "Account id the job runs as", &a.JobAccount),
		text("cpu", "1000m", "CPU of one task", &a.CPU),
		text("memory", "512Mi", "Memory of one task", &a.Memory),
		number("tasks", "1", "Tasks that divide the syncs between them; more than there are syncs have nothing to do", &a.Tasks),
		number("parallelism", "0", "Tasks that may run at once; 0: all of them", &a.Parallelism),
		optionalNumber("maxRetries", "1", "Retries of a failed task", &a.MaxRetries),
		duration("timeout", "900s", "Time one attempt of a task may take", &a.Timeout),
		object("labels", "Labels of the job, its executions and what is created beside it", &a.Labels),
		boolean("deletionProtection", "false", "Refuse to delete job and trigger, by destroy or by replacement", &a.DeletionProtection),
		input("vpcNetwork", "", "VPC network for direct egress; empty: none", &a.VPCNetwork),
		input("vpcSubnetwork", "", "Subnetwork for direct egress; empty: the one named like the network", &a.VPCSubnetwork),
		text("vpcEgress", "private-ranges-only", "What leaves through the VPC: private-ranges-only or all-traffic", &a.VPCEgress),
		input("kmsKey", "", "Cloud KMS key that encrypts the job, as projects/…/cryptoKeys/…; empty: Google's", &a.KMSKey),

		text("triggerName", "trigger-vertex-metadata", "Name of the Cloud Scheduler job", &a.TriggerName),
		text("runnerAccount", "scheduler-runner-sa", "Account id the trigger calls the job as", &a.RunnerAccount),
		text("schedule", "*/3 * * * *", "When to run, as five cron fields", &a.Schedule),
		text("timeZone", "Etc/UTC", "Time zone of the schedule", &a.TimeZone),
		boolean("paused", "false", "Keep the trigger but do not fire it", &a.Paused),
		duration("attemptDeadline", "180s", "Time the call that starts the job may take", &a.AttemptDeadline),
		number("schedulerRetries", "0", "Retries of that call before the next tick", &a.SchedulerRetries),

		text("iamScope", scopeProject, "Breadth of the grants: project (as in the seed document) or resource (narrowest)", &a.IAMScope),
		text("projectNumber", "", "Number of the project; only needed where Google does not return the address of a service agent", &a.ProjectNumber),
		duration("settleLimit", "10m", "Longest time to retry what Google refuses because a grant, a service agent or an API of this update has not taken effect yet", &a.SettleLimit),
		boolean("adopt", "false", "Take over what the seed's commands made by hand; for one up, then false again", &a.Adopt),

		boolean("monitoring", "false", "Log-based metrics, a dashboard and alerts", &a.Monitoring),
		list("alertEmails", "Addresses that alerts go to", &a.AlertEmails),
		duration("alertAfter", "30m", "Alert when no run has succeeded for this long", &a.AlertAfter),
		duration("alertImportAfter", "6h", "Alert when an import has been under way for this long", &a.AlertImportAfter),
		number("alertFailed", "100", "Alert when a run refuses more documents than this, or has them rejected", &a.AlertFailed),
	}
}

// fieldOf is the name of the field of Args that a setting is read into.
func fieldOf(a *Args, into any) string {
	fields := reflect.ValueOf(a).Elem()
	for i := range fields.NumField() {
		if fields.Field(i).CanAddr() && fields.Type().Field(i).IsExported() && fields.Field(i).Addr().Interface() == into {
			return fields.Type().Field(i).Name
		}
	}
	panic("a setting is read into no field of Args")
}

func text(key, def, doc string, into *string) Setting {
	return Setting{key, "string", def, doc, func(v string) error { *into = v; return nil }, into}
}

func input(key, def, doc string, into *pulumi.StringInput) Setting {
	return Setting{key, "string", def, doc, func(v string) error {
		if v != "" {
			*into = pulumi.String(v)
		}
		return nil
	}, into}
}

// boolean takes what the CLI takes, and no more.
func boolean(key, def, doc string, into *bool) Setting {
	return Setting{key, "boolean", def, doc, func(v string) error {
		if v != "true" && v != "false" {
			return fmt.Errorf("%q is not true or false", v)
		}
		*into = v == "true"
		return nil
	}, into}
}

func number(key, def, doc string, into *int) Setting {
	return Setting{key, "integer", def, doc, func(v string) (err error) {
		if *into, err = strconv.Atoi(v); err != nil {
			return fmt.Errorf("%q is not a whole number", v)
		}
		return nil
	}, into}
}

func optionalNumber(key, def, doc string, into **int) Setting {
	var value int
	setting := number(key, def, doc, &value)
	setting.into = into
	set := setting.set
	setting.set = func(v string) error { *into = &value; return set(v) }
	return setting
}

func duration(key, def, doc string, into *time.Duration) Setting {
	return Setting{key, "string", def, doc, func(v string) (err error) {
		if *into, err = time.ParseDuration(v); err != nil {
			return fmt.Errorf("%q is not a duration such as 90s or 15m", v)
		}
		return nil
	}, into}
}

func list(key, doc string, into *[]string) Setting {
	return Setting{key, "array", "[]", doc, func(v string) error {
		*into = nil
		if json.Unmarshal([]byte(v), into) != nil {
			return errors.New("is not a list of strings")
		}
		return nil
	}, into}
}

func object(key, doc string, into *map[string]string) Setting {
	return Setting{key, "object", "{}", doc, func(v string) (err error) {
		*into, err = texts(v)
		return err
	}, into}
}

func secrets(key, doc string, into *map[string]pulumi.StringInput) Setting {
	return Setting{key, "object", "{}", doc, func(v string) error {
		values, err := texts(v)
		if err != nil {
			return err
		}
		*into = nil
		if len(values) > 0 {
			*into = map[string]pulumi.StringInput{}
		}
		for name, value := range values {
			(*into)[name] = pulumi.ToSecret(pulumi.String(value)).(pulumi.StringOutput)
		}
		return nil
	}, into}
}

// texts reads a map of texts. Numbers and booleans are taken as they are written, for pulumi config set --path stores them as such;
// findUnquoted names those that YAML takes for others. A problem names a key and never a value, which may be secret.
func texts(v string) (map[string]string, error) {
	var given map[string]any
	decoder := json.NewDecoder(strings.NewReader(v))
	decoder.UseNumber()
	if decoder.Decode(&given) != nil {
		return nil, errors.New("is not a map of strings")
	}
	values := map[string]string{}
	for _, name := range sortedKeys(given) {
		switch value := given[name].(type) {
		case nil:
			values[name] = ""
		case string, bool, json.Number:
			values[name] = fmt.Sprint(value)
		default:
			return nil, fmt.Errorf("%s is not text", name)
		}
	}
	return values, nil
}
