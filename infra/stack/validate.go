package stack

import (
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the same time zones on every machine
)

// Cloud Run accepts 32 KiB in one variable; a longer query belongs in a view of the database.
const maxQuery = 32 << 10

// A socket path is limited to 107 bytes, /cloudsql/ before and /.s.PGSQL.5432 behind the instance included.
const maxInstance = 107 - len("/cloudsql/") - len("/.s.PGSQL.5432")

// maxTasks is what the job takes: an import has at most 100 objects, and each task writes one. Cloud Run takes 10,000.
const maxTasks = 100

var (
	projectID    = regexp.MustCompile(`^([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	regionID     = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
	digits       = regexp.MustCompile(`^[0-9]*$`)
	accountID    = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	resourceID   = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	triggerID    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,500}$`)
	imagePath    = regexp.MustCompile(`^[a-z0-9]+([._/-][a-z0-9]+)*$`)
	imageTag     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	imageDigest  = regexp.MustCompile(`^[^@\s]+@sha256:[0-9a-f]{64}$`)
	instanceName = regexp.MustCompile(`^([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]+:[a-z0-9-]+:[a-z][a-z0-9-]*$`)
	labelKey     = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue   = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
	variable     = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	secretLike   = regexp.MustCompile(`PASSWORD|SECRET|TOKEN|API_KEY|PRIVATE_KEY|CREDENTIAL|DATABASE_URL`)
	kmsKeyName   = regexp.MustCompile(`^projects/[^/]+/locations/([^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+$`)
	bucketName   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)
	roleName     = regexp.MustCompile(`^(roles|(projects|organizations)/[^/]+/roles)/[A-Za-z0-9_.]+$`)
)

// Validate reports every problem of the settings at once, each with the key to set.
func (s Settings) Validate() error {
	var found problems
	s.check(&found)
	return found.err()
}

// check holds the rules that need no more than one look at a value; the rest is in checkTogether.
func (s Settings) check(p *problems) {
	p.require(s.Project != "", "gcp:project", "is not set; give the project's id")
	p.match(projectID, s.Project, "gcp:project", "a project id")
	p.match(regionID, s.Region, "gcp:region", "a region such as asia-northeast1")
	p.match(digits, s.ProjectNumber, "projectNumber", "a project number")
	p.require(s.CloudSQLInstance != "", "cloudSqlInstance", "is not set; give project:region:instance")
	p.match(instanceName, s.CloudSQLInstance, "cloudSqlInstance", "project:region:instance")
	p.require(len(s.CloudSQLInstance) <= maxInstance, "cloudSqlInstance",
		"has %d characters; the path of its socket leaves room for %d", len(s.CloudSQLInstance), maxInstance)

	p.match(accountID, s.JobAccount, "jobAccount", "6 to 30 lower-case letters, digits and dashes")
	p.match(accountID, s.RunnerAccount, "runnerAccount", "6 to 30 lower-case letters, digits and dashes")
	p.match(resourceID, s.JobName, "jobName", "at most 63 lower-case letters, digits and dashes")
	p.match(triggerID, s.TriggerName, "triggerName", "letters, digits, dashes and underscores")
	s.checkSize(p)
	p.between(s.Tasks, 1, maxTasks, "tasks")
	p.between(s.Parallelism, 0, s.Tasks, "parallelism")
	p.between(s.MaxRetries, 0, 10, "maxRetries")
	p.within(s.Timeout, time.Second, 7*24*time.Hour, "timeout")
	p.oneOf(s.DataStoreLocation, "dataStoreLocation", "global", "us", "eu")
	p.oneOf(s.VPCEgress, "vpcEgress", "private-ranges-only", "all-traffic")

	p.match(imagePath, s.ImageName, "imageName", "an image name of lower-case letters, digits and separators")
	p.match(imageTag, s.ImageTag, "imageTag", "an image tag")
	p.match(imageDigest, s.Image, "image", "an image by digest: name@sha256:…")
	p.oneOf(s.ImageBuildNetwork, "imageBuildNetwork", "default", "host", "none")
	p.match(resourceID, s.ArtifactRepository, "artifactRepository", "a repository id, without host or project")

	if _, err := parseSchedule(s.Schedule); err != nil {
		p.add("schedule", "%v", err)
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "" {
		p.add("timeZone", "%q is not a time zone such as Asia/Tokyo", s.TimeZone)
	}
	p.within(s.AttemptDeadline, 15*time.Second, 30*time.Minute, "attemptDeadline")
	p.between(s.SchedulerRetries, 0, 5, "schedulerRetries")

	p.oneOf(s.IAMScope, "iamScope", scopeProject, scopeResource)
	p.match(bucketName, s.Bucket, "bucket", "a bucket name, without gs://")
	p.match(roleName, s.DataStoreRole, "dataStoreRole", "a role such as roles/discoveryengine.admin")
	p.within(s.GrantWait, 0, 10*time.Minute, "grantWait")
	p.within(s.AlertAfter, 2*time.Minute, 48*time.Hour, "alertAfter")
	p.within(s.AlertImportAfter, 10*time.Minute, 30*24*time.Hour, "alertImportAfter")
	s.checkMaps(p)
	s.checkTogether(p)
}

// checkMaps looks into the settings that hold several values, in the order of their names.
func (s Settings) checkMaps(p *problems) {
	for _, name := range sortedKeys(s.Env) {
		switch {
		case !variable.MatchString(name):
			p.add("env", "%s is not a variable name of capitals, digits and underscores", name)
		case secretLike.MatchString(name):
			p.add("env", "%s looks like a secret; put it into Secret Manager and name it under secrets", name)
		case strings.HasPrefix(name, "CLOUD_RUN_"), name == "CLOUD_SQL_INSTANCE", name == "GCP_LOCATION":
			p.add("env", "%s is set by the program or by Cloud Run; leave it out", name)
		}
		if _, ok := s.mounts()[name]; ok {
			p.add("env", "%s is mounted from a secret; set it under secrets", name)
		}
	}
	for _, name := range sortedKeys(s.Secrets) {
		ref := s.Secrets[name]
		switch {
		case !variable.MatchString(name):
			p.add("secrets", "%s is not a variable name of capitals, digits and underscores", name)
		case ref == "" && slices.Contains(s.neededSecrets(), name):
			p.add("secrets", "%s cannot be left out; the job needs it", name)
		case ref != "" && !secretRef.MatchString(ref):
			p.add("secrets", "%s: %q is not secret, secret:version or projects/PROJECT/secrets/SECRET:version", name, ref)
		}
	}
	for _, key := range sortedKeys(s.Labels) {
		if !labelKey.MatchString(key) || !labelValue.MatchString(s.Labels[key]) {
			p.add("labels", "%s: %q is not a label of at most 63 lower-case letters, digits, dashes and underscores", key, s.Labels[key])
		}
	}
	for _, address := range s.AlertEmails {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			p.add("alertEmails", "%q is not an e-mail address", address)
		}
	}
}

// checkTogether holds the rules that tie settings to each other.
func (s Settings) checkTogether(p *problems) {
	p.require(s.ArtifactRepository != "" || s.Image != "", "artifactRepository", "is not set; name the repository to push to, or a prebuilt image under image")
	p.require(!s.CreateArtifactRepository || s.ArtifactRepository != "", "createArtifactRepository", "needs artifactRepository: the name of the repository to create")
	p.require(s.JobAccount != s.RunnerAccount, "runnerAccount", "must differ from jobAccount; the trigger may only start the job")
	p.require(s.VPCSubnetwork == "" || s.VPCNetwork != "", "vpcNetwork", "is not set though vpcSubnetwork is; name the network too")
	if s.IAMScope == scopeResource {
		p.require(s.Bucket != "", "bucket", "is not set; iamScope resource grants access to this bucket alone")
		p.require(s.DBPasswordSecret != "" || s.Secrets["DATABASE_URL"] != "", "dbPasswordSecret", "is not set; iamScope resource grants access secret by secret")
	}
	if s.DBPasswordSecret != "" && (!secretRef.MatchString(s.DBPasswordSecret) || strings.Contains(s.DBPasswordSecret, ":")) {
		p.add("dbPasswordSecret", "%q is not a secret id or projects/PROJECT/secrets/SECRET", s.DBPasswordSecret)
	}
	if s.KMSKey != "" {
		key := kmsKeyName.FindStringSubmatch(s.KMSKey)
		p.require(key != nil, "kmsKey", "%q is not projects/…/locations/…/keyRings/…/cryptoKeys/…", s.KMSKey)
		p.require(key == nil || key[1] == s.Region, "kmsKey", "%q is not in the job's region %s", s.KMSKey, s.Region)
	}
	p.require(len(s.AlertEmails) == 0 || s.Monitoring, "monitoring", "is false though alertEmails are given; set it to true")
	if schedule, err := parseSchedule(s.Schedule); err == nil && s.Monitoring && !s.Paused {
		pause := longestPause(schedule, s.AlertAfter)
		p.require(pause < s.AlertAfter, "alertAfter", "%s is not longer than a pause of the schedule, %s; the alert would go off with every such pause", s.AlertAfter, pause)
	}
	_, inEnv := s.Env["SYNC_QUERY"]
	p.require(!inEnv || s.SyncQueryFile == "", "syncQueryFile", "is set and so is SYNC_QUERY under env; keep one")
}

// readQuery returns the text of the query file; a path is taken from the project's folder.
func readQuery(root, file string, p *problems) string {
	if file == "" {
		return ""
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(root, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		p.add("syncQueryFile", "cannot be read: %v", err)
		return ""
	}
	query := strings.TrimSpace(string(text))
	p.require(query != "", "syncQueryFile", "%s is empty", file)
	p.require(len(query) <= maxQuery, "syncQueryFile", "%s has %d bytes, Cloud Run takes %d; make it a view and select from that", file, len(query), maxQuery)
	return query
}

// problems collects what is wrong, one line each.
type problems []string

func (p *problems) add(key, format string, args ...any) {
	if !strings.Contains(key, ":") {
		key = Namespace + ":" + key
	}
	*p = append(*p, key+": "+fmt.Sprintf(format, args...))
}

func (p *problems) require(ok bool, key, format string, args ...any) {
	if !ok {
		p.add(key, format, args...)
	}
}

// match lets an empty value pass: whether one is needed is a rule of its own.
func (p *problems) match(rule *regexp.Regexp, value, key, want string) {
	p.require(value == "" || rule.MatchString(value), key, "%q is not %s", value, want)
}

func (p *problems) between(value, low, high int, key string) {
	p.require(low <= value && value <= high, key, "%d is not between %d and %d", value, low, high)
}

func (p *problems) within(value, low, high time.Duration, key string) {
	p.require(low <= value && value <= high, key, "%s is not between %s and %s", value, low, high)
	p.require(value%time.Second == 0, key, "%s is not in whole seconds", value)
}

func (p *problems) oneOf(value, key string, allowed ...string) {
	p.require(slices.Contains(allowed, value), key, "%q is none of %s", value, strings.Join(allowed, ", "))
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return errors.New("settings to mend with `pulumi config set` or in the stack's file:\n  " + strings.Join(p, "\n  "))
}
