package stack

import (
	"reflect"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args says what to deploy. A field that is left at its zero value has the default of its setting, which Declared lists with the
// meaning of each. What another resource may provide is an input; the rest decides which resources there are.
type Args struct {
	Project       string // default: that of the gcp provider's configuration
	Region        string // default: that of the gcp provider's configuration, else asia-northeast1
	ProjectNumber string

	// Names in Google Cloud. Left out, they follow from the component's name, so that two systems in a project do not collide.
	JobName, JobAccount, TriggerName, RunnerAccount string

	CPU, Memory        string
	Tasks, Parallelism int
	MaxRetries         *int // default 1
	Timeout            time.Duration
	Secrets            map[string]string // variable -> secret[:version], over DefaultSecrets
	Env                map[string]string
	Labels             map[string]string
	DeletionProtection bool
	KMSKey             pulumi.StringInput

	VPCNetwork, VPCSubnetwork pulumi.StringInput
	VPCEgress                 string

	CloudSQLInstance   pulumi.StringInput // project:region:instance
	CloudSQLIPType     string
	Database           pulumi.StringInput
	DatabaseUser       pulumi.StringInput
	DatabaseAuth       string
	DBPasswordSecret   string
	CreateDatabaseUser bool

	DataStore           pulumi.StringInput
	DataStoreLocation   string
	DataStoreContent    string
	DataStoreParser     string
	DataStoreSchemaFile string
	DataStoreSchema     string // what DataStoreSchemaFile holds
	SearchApp           string
	CreateDataStore     bool
	CreateSearchApp     bool

	Bucket       pulumi.StringInput
	CreateBucket bool

	SecretValues  map[string]pulumi.StringInput // secret -> value
	CreateSecrets bool

	SyncQueryFile string
	SyncQuery     string // what SyncQueryFile holds
	Syncs         []Sync

	Image                    pulumi.StringInput // by digest; left out, it is built and pushed
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

	IAMScope    string
	SettleLimit time.Duration
	Adopt       bool

	Monitoring       bool
	AlertEmails      []string
	AlertAfter       time.Duration
	AlertImportAfter time.Duration
	AlertFailed      int

	// loaded says that Load read all of this from a stack's settings: problems name the settings, and the stack may have been
	// deployed by an earlier version, whose resources go by other names.
	loaded bool
}

// Sync is one of several syncs of one job, each with a query and a data store of its own.
type Sync struct {
	Name              string `json:"name"`
	DataStore         string `json:"dataStore,omitempty"`
	DataStoreLocation string `json:"dataStoreLocation,omitempty"`
	DataStoreContent  string `json:"dataStoreContent,omitempty"`
	QueryFile         string `json:"queryFile,omitempty"`
	MIMETypes         string `json:"mimeTypes,omitempty"`

	Query string `json:"-"` // what QueryFile holds
}

// complete fills in what was left out.
func (a Args) complete(ctx *pulumi.Context, name string) Args {
	if a.Project == "" {
		a.Project = providerConfig(ctx, "project")
	}
	if a.Region == "" {
		a.Region = providerConfig(ctx, "region")
	}
	if a.Region == "" {
		a.Region = "asia-northeast1"
	}
	for field, value := range map[*string]string{
		&a.JobName: name, &a.TriggerName: name + "-trigger", &a.JobAccount: name + "-sa", &a.RunnerAccount: name + "-runner",
	} {
		if *field == "" {
			*field = value
		}
	}
	for _, d := range Declared(&a) {
		if !a.loaded && d.Default != "" && reflect.ValueOf(d.into).Elem().IsZero() {
			if err := d.set(d.Default); err != nil {
				panic(err) // a default that its own type refuses: the tests read every one
			}
		}
	}
	if instance := known(a.CloudSQLInstance); instance != "" && !strings.ContainsAny(instance, ":/.") {
		a.CloudSQLInstance = pulumi.String(a.Project + ":" + a.Region + ":" + instance)
	}
	return a
}

func providerConfig(ctx *pulumi.Context, key string) string {
	value, _ := ctx.GetConfig("gcp:" + key)
	return value
}

// known is the value of an input if it is plain, and empty if it is left out or only known after deployment.
func known(in pulumi.StringInput) string {
	value, _ := in.(pulumi.String)
	return string(value)
}

// given says whether an input was set at all.
func given(in pulumi.StringInput) bool {
	value, plain := in.(pulumi.String)
	return in != nil && (!plain || value != "")
}

// shown is an input for people: Grant.Target and the like.
func shown(in pulumi.StringInput) string {
	if given(in) && known(in) == "" {
		return "(known after deployment)"
	}
	return known(in)
}

// derive computes one input from another, at once where it is plain.
func derive(in pulumi.StringInput, from func(string) string) pulumi.StringInput {
	if _, plain := in.(pulumi.String); plain || in == nil {
		return pulumi.String(from(known(in)))
	}
	return in.ToStringOutput().ApplyT(from).(pulumi.StringOutput)
}

// ptr makes an input optional: one that is not set is left out, since an empty one would show in every plan.
func ptr(in pulumi.StringInput) pulumi.StringPtrInput {
	if !given(in) {
		return nil
	}
	if optional, ok := in.(pulumi.StringPtrInput); ok {
		return optional
	}
	return in.ToStringOutput().ToStringPtrOutput()
}

// byURL says that the database is named by a URL in a secret, and not by instance, name and role.
func (a Args) byURL() bool { return a.Secrets["DATABASE_URL"] != "" }

// socket says that the job reaches the database through the socket that Cloud Run mounts.
func (a Args) socket() bool { return given(a.CloudSQLInstance) && a.CloudSQLIPType == "" }

// iamLogin says that the job logs in to the database as its account, without a password.
func (a Args) iamLogin() bool { return a.DatabaseAuth == authIAM }

const (
	scopeProject  = "project"
	scopeResource = "resource"

	authPassword = "password"
	authIAM      = "iam"
)
