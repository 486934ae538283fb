package stack

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// Namespace is the prefix of every setting in a stack file: the project's name in Pulumi.yaml.
const Namespace = "vertex-metadata"

// Settings says what to deploy. Declared describes every field but Project, Region and SyncQuery;
// Validate says what may be in them.
type Settings struct {
	Project string // from gcp:project
	Region  string // from gcp:region, asia-northeast1 when that is not set

	ProjectNumber string

	JobName, JobAccount       string
	TriggerName               string
	RunnerAccount             string
	CPU, Memory               string
	Tasks, Parallelism        int
	MaxRetries                int
	Timeout                   time.Duration
	CloudSQLInstance          string
	DataStoreLocation         string
	Secrets                   map[string]string // variable -> secret[:version], over DefaultSecrets
	Env                       map[string]string
	SyncQueryFile             string
	SyncQuery                 string // what SyncQueryFile holds
	Labels                    map[string]string
	DeletionProtection        bool
	VPCNetwork, VPCSubnetwork string
	VPCEgress                 string
	KMSKey                    string

	Image                    string
	ImageName, ImageTag      string
	ImageRegistry            string
	ImageBuildArgs           map[string]string
	ImageBuildNetwork        string
	ArtifactRepository       string
	ArtifactLocation         string
	CreateArtifactRepository bool

	Schedule, TimeZone string
	Paused             bool
	AttemptDeadline    time.Duration
	SchedulerRetries   int

	IAMScope         string
	Bucket           string
	DBPasswordSecret string
	DataStoreRole    string
	GrantWait        time.Duration
	Adopt            bool

	Monitoring  bool
	AlertEmails []string
	AlertAfter  time.Duration

	AlertImportAfter time.Duration
}

// Setting is one key of a stack file as Pulumi.yaml declares it. Default is written as in YAML.
type Setting struct {
	Key, Type, Default, Doc string

	set func(value string) error
}

// Declared lists every setting in the order in which the README shows them. Parsed values land in s.
func Declared(s *Settings) []Setting {
	return []Setting{
		text("cloudSqlInstance", "", "Cloud SQL instance to read from, as project:region:instance (required)", &s.CloudSQLInstance),
		text("artifactRepository", "", "Artifact Registry repository of the image (required unless image is set)", &s.ArtifactRepository),
		boolean("createArtifactRepository", "false", "Create the repository; false: it exists already", &s.CreateArtifactRepository),
		text("artifactLocation", "", "Location of the repository, for example asia; empty: the region", &s.ArtifactLocation),

		text("image", "", "Deploy this image, by digest (…@sha256:…), and build none", &s.Image),
		text("imageName", "create-vertex-metadata", "Name of the image that is built", &s.ImageName),
		text("imageTag", "latest", "Tag to push; the job is deployed by digest whatever the tag", &s.ImageTag),
		text("imageRegistry", "", "Registry host to push to; empty: LOCATION-docker.pkg.dev. Not Google's: docker login there first", &s.ImageRegistry),
		object("imageBuildArgs", "Build arguments, for example GO_IMAGE and RUNTIME_IMAGE for mirrored base images", &s.ImageBuildArgs),
		text("imageBuildNetwork", "default", "Network of the build's commands: default, host or none", &s.ImageBuildNetwork),

		text("jobName", "create-vertex-metadata", "Name of the Cloud Run Job", &s.JobName),
		text("jobAccount", "vertex-metadata-sa", "Account id the job runs as", &s.JobAccount),
		text("cpu", "1000m", "CPU of one task", &s.CPU),
		text("memory", "512Mi", "Memory of one task", &s.Memory),
		number("tasks", "1", "Tasks that share the table between them", &s.Tasks),
		number("parallelism", "0", "Tasks that may run at once; 0: all of them", &s.Parallelism),
		number("maxRetries", "1", "Retries of a failed task", &s.MaxRetries),
		duration("timeout", "900s", "Time one attempt of a task may take", &s.Timeout),
		text("dataStoreLocation", "global", "Location of the Vertex AI Search data store: global, us or eu", &s.DataStoreLocation),
		object("secrets", "Secret per variable as secret or secret:version, over the nine defaults; an empty value leaves an optional variable out", &s.Secrets),
		object("env", "Further plain environment variables of the job", &s.Env),
		text("syncQueryFile", "", "File with the SELECT to sync, relative to Pulumi.yaml; empty: the job's own query", &s.SyncQueryFile),
		object("labels", "Labels of the job, its executions and the repository", &s.Labels),
		boolean("deletionProtection", "false", "Refuse to delete job and trigger, by destroy or by replacement", &s.DeletionProtection),
		text("vpcNetwork", "", "VPC network for direct egress; empty: none", &s.VPCNetwork),
		text("vpcSubnetwork", "", "Subnetwork for direct egress; empty: the one named like the network", &s.VPCSubnetwork),
		text("vpcEgress", "private-ranges-only", "What leaves through the VPC: private-ranges-only or all-traffic", &s.VPCEgress),
		text("kmsKey", "", "Cloud KMS key that encrypts the job, as projects/…/cryptoKeys/…; empty: Google's", &s.KMSKey),

		text("triggerName", "trigger-vertex-metadata", "Name of the Cloud Scheduler job", &s.TriggerName),
		text("runnerAccount", "scheduler-runner-sa", "Account id the trigger calls the job as", &s.RunnerAccount),
		text("schedule", "*/3 * * * *", "When to run, as five cron fields", &s.Schedule),
		text("timeZone", "Etc/UTC", "Time zone of the schedule", &s.TimeZone),
		boolean("paused", "false", "Keep the trigger but do not fire it", &s.Paused),
		duration("attemptDeadline", "180s", "Time the call that starts the job may take", &s.AttemptDeadline),
		number("schedulerRetries", "0", "Retries of that call before the next tick", &s.SchedulerRetries),

		text("iamScope", "project", "Breadth of the grants: project (as in the seed document) or resource (narrowest)", &s.IAMScope),
		text("bucket", "", "Bucket named by the gcs_bucket secret; needed for iamScope resource", &s.Bucket),
		text("dbPasswordSecret", "", "Secret of the database password, named by the secret_id secret; needed for iamScope resource", &s.DBPasswordSecret),
		text("dataStoreRole", "", "Role to grant on the data store instead of the program's choice; empty: see the access table", &s.DataStoreRole),
		text("projectNumber", "", "Number of the project; only needed where Google does not tell the address of a service agent", &s.ProjectNumber),
		duration("grantWait", "30s", "Pause between new grants and the creation or change of the job, so that they have taken effect", &s.GrantWait),
		boolean("adopt", "false", "Take over what the seed's commands made by hand; for one up, then false again", &s.Adopt),

		boolean("monitoring", "false", "Log-based metrics, a dashboard and alerts", &s.Monitoring),
		list("alertEmails", "Addresses that alerts go to", &s.AlertEmails),
		duration("alertAfter", "30m", "Alert when no run has succeeded for this long", &s.AlertAfter),
		duration("alertImportAfter", "6h", "Alert when an import has been under way for this long", &s.AlertImportAfter),
	}
}

// Load reads and validates the stack's settings. The error names every problem with the key to set.
func Load(ctx *pulumi.Context) (Settings, error) {
	var s Settings
	gcp := config.New(ctx, "gcp")
	s.Project, s.Region = gcp.Get("project"), gcp.Get("region")
	if s.Region == "" {
		s.Region = "asia-northeast1"
	}
	var found problems
	own := config.New(ctx, Namespace)
	for _, d := range Declared(&s) {
		value := own.Get(d.Key)
		if value == "" {
			value = d.Default
		}
		if err := d.set(value); err != nil {
			found.add(d.Key, "%v", err)
		}
	}
	findStrangers(os.Getenv(pulumi.EnvConfig), &found)
	s.SyncQuery = readQuery(ctx.RootDirectory(), s.SyncQueryFile, &found)
	s.check(&found)
	return s, found.err()
}

// findStrangers looks for settings that are none: Pulumi passes a misspelt one over without a word. The argument is all
// of the stack's configuration as the CLI hands it to the program, a JSON object, or empty.
func findStrangers(configuration string, found *problems) {
	var given map[string]any
	if json.Unmarshal([]byte(configuration), &given) != nil {
		return // what it holds is read, and judged, key by key
	}
	declared := Declared(&Settings{})
	for _, name := range sortedKeys(given) {
		key, own := strings.CutPrefix(name, Namespace+":")
		if !own || slices.ContainsFunc(declared, func(d Setting) bool { return d.Key == key }) {
			continue
		}
		if i := slices.IndexFunc(declared, func(d Setting) bool { return strings.EqualFold(d.Key, key) }); i >= 0 {
			found.add(key, "is not a setting; write %s", declared[i].Key)
		} else {
			found.add(key, "is not a setting; infra/README.md lists them")
		}
	}
}

func text(key, def, doc string, into *string) Setting {
	return Setting{key, "string", def, doc, func(v string) error { *into = v; return nil }}
}

func boolean(key, def, doc string, into *bool) Setting {
	return Setting{key, "boolean", def, doc, func(v string) (err error) {
		if *into, err = strconv.ParseBool(v); err != nil {
			return fmt.Errorf("%q is not true or false", v)
		}
		return nil
	}}
}

func number(key, def, doc string, into *int) Setting {
	return Setting{key, "integer", def, doc, func(v string) (err error) {
		if *into, err = strconv.Atoi(v); err != nil {
			return fmt.Errorf("%q is not a whole number", v)
		}
		return nil
	}}
}

func duration(key, def, doc string, into *time.Duration) Setting {
	return Setting{key, "string", def, doc, func(v string) (err error) {
		if *into, err = time.ParseDuration(v); err != nil {
			return fmt.Errorf("%q is not a duration such as 90s or 15m", v)
		}
		return nil
	}}
}

func list(key, doc string, into *[]string) Setting {
	return Setting{key, "array", "[]", doc, func(v string) error {
		if json.Unmarshal([]byte(v), into) != nil {
			return fmt.Errorf("is not a list of strings")
		}
		return nil
	}}
}

func object(key, doc string, into *map[string]string) Setting {
	return Setting{key, "object", "{}", doc, func(v string) error {
		if json.Unmarshal([]byte(v), into) != nil {
			return fmt.Errorf("is not a map of strings; quote numbers and booleans")
		}
		return nil
	}}
}
