package stack

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the same time zones on every machine
	"unicode"
	"unicode/utf8"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// A socket path is limited to 107 bytes, /cloudsql/ before and /.s.PGSQL.5432 behind the instance included.
const maxInstance = 107 - len("/cloudsql/") - len("/.s.PGSQL.5432")

// maxName is how many bytes PostgreSQL keeps of a name.
const maxName = 63

// maxTasks is more than there are syncs. Cloud Run takes 10,000; the job takes any number.
const maxTasks = 100

var (
	projectID    = regexp.MustCompile(`^([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	regionID     = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
	locationID   = regexp.MustCompile(`^[a-z]+(-[a-z]+[0-9]+)?$`)
	digits       = regexp.MustCompile(`^[0-9]*$`)
	accountID    = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	resourceID   = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	triggerID    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,500}$`)
	dataStoreID  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	imagePath    = regexp.MustCompile(`^[a-z0-9]+([._/-][a-z0-9]+)*$`)
	imageTag     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	imageDigest  = regexp.MustCompile(`^[a-z0-9._-]+(:[0-9]+)?(/[a-z0-9._-]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?@sha256:[0-9a-f]{64}$`)
	registryHost = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[1-9][0-9]{0,4})?$`)
	instanceName = regexp.MustCompile(`^([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]+:[a-z0-9-]+:[a-z][a-z0-9-]*$`)
	anyInstance  = regexp.MustCompile(`^([a-z][a-z0-9.-]*:)?[^:/\s]+:[^:/\s]+:[^:/\s]+$`)
	network      = regexp.MustCompile(`^((https://www\.googleapis\.com/compute/v1/)?projects/[a-z0-9.:-]+/(global/networks|regions/[a-z0-9-]+/subnetworks)/)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	variable     = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	secretID     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	secretLike   = regexp.MustCompile(`PASSWORD|SECRET|TOKEN|API_KEY|PRIVATE_KEY|CREDENTIAL|DATABASE_URL`)
	kmsKeyName   = regexp.MustCompile(`^projects/[^/]+/locations/([^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+$`)
	bucketName   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)
)

// validate reports every problem of the arguments at once. What is only known after deployment is left to Google.
func (a Args) validate() error {
	var found problems
	a.check(&found)
	return found.err(&a)
}

// check holds the rules that need no more than one look at a value; the rest is in checkTogether.
func (a Args) check(p *problems) {
	p.require(a.Project != "", "gcp:project", "is not set; give the project's id")
	p.match(projectID, a.Project, "gcp:project", "a project id")
	p.match(regionID, a.Region, "gcp:region", "a region such as asia-northeast1")
	p.match(digits, a.ProjectNumber, "projectNumber", "a project number")
	a.checkDatabase(p)
	a.checkSearch(p)
	p.match(bucketName, known(a.Bucket), "bucket", "a bucket name of 3 or more lower-case letters, digits, dots, dashes and underscores, without gs://")

	p.match(accountID, a.JobAccount, "jobAccount", "6 to 30 lower-case letters, digits and dashes, a letter first and no dash last")
	p.match(accountID, a.RunnerAccount, "runnerAccount", "6 to 30 lower-case letters, digits and dashes, a letter first and no dash last")
	p.match(resourceID, a.JobName, "jobName", "at most 63 lower-case letters, digits and dashes, a letter first and no dash last")
	p.match(triggerID, a.TriggerName, "triggerName", "letters, digits, dashes and underscores")
	a.checkSize(p)
	p.between(a.Tasks, 1, maxTasks, "tasks")
	p.between(a.Parallelism, 0, a.Tasks, "parallelism")
	p.between(*a.MaxRetries, 0, 10, "maxRetries")
	p.within(a.Timeout, time.Second, 7*24*time.Hour, "timeout")
	p.oneOf(a.VPCEgress, "vpcEgress", "private-ranges-only", "all-traffic")
	p.match(network, known(a.VPCNetwork), "vpcNetwork", "a network's name, or projects/PROJECT/global/networks/NAME")
	p.match(network, known(a.VPCSubnetwork), "vpcSubnetwork", "a subnetwork's name, or projects/PROJECT/regions/REGION/subnetworks/NAME")

	p.match(imagePath, a.ImageName, "imageName", "an image name of lower-case letters, digits and separators")
	p.match(imageTag, a.ImageTag, "imageTag", "an image tag")
	p.match(imageDigest, known(a.Image), "image", "an image by digest: name@sha256:…")
	p.match(registryHost, a.ImageRegistry, "imageRegistry", "a registry's host or host:port, without https:// and without a path")
	p.oneOf(a.ImageBuildNetwork, "imageBuildNetwork", "default", "host", "none")
	p.match(resourceID, a.ArtifactRepository, "artifactRepository", "a repository id, without host or project")
	p.match(locationID, a.ArtifactLocation, "artifactLocation", "a location of Artifact Registry such as asia or asia-northeast1")

	if _, err := parseSchedule(a.Schedule); err != nil {
		p.add("schedule", "%v", err)
	}
	if _, err := time.LoadLocation(a.TimeZone); err != nil || a.TimeZone == "" || a.TimeZone == "Local" {
		p.add("timeZone", "%q is not a time zone such as Asia/Tokyo", a.TimeZone)
	}
	p.within(a.AttemptDeadline, 15*time.Second, 30*time.Minute, "attemptDeadline")
	p.between(a.SchedulerRetries, 0, 5, "schedulerRetries")

	p.oneOf(a.IAMScope, "iamScope", scopeProject, scopeResource)
	p.within(a.SettleLimit, 0, time.Hour, "settleLimit")
	p.within(a.AlertAfter, 2*time.Minute, 48*time.Hour, "alertAfter")
	p.within(a.AlertImportAfter, 10*time.Minute, 30*24*time.Hour, "alertImportAfter")
	p.between(a.AlertFailed, 0, 1e9, "alertFailed")
	a.checkVariables(p)
	a.checkSecrets(p)
	a.checkLabels(p)
	for i, address := range a.AlertEmails {
		p.require(!slices.Contains(a.AlertEmails[:i], address), "alertEmails", "%s is there twice; remove one", address)
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			p.add("alertEmails", "%q is not an e-mail address", address)
		}
	}
	a.checkSyncs(p)
	a.checkTogether(p)
}

func (a Args) checkDatabase(p *problems) {
	p.require(given(a.CloudSQLInstance) || a.byURL(), "cloudSqlInstance", "is not set; give project:region:instance, or name a secret with the whole URL as DATABASE_URL under {secrets}")
	instance := known(a.CloudSQLInstance)
	p.match(instanceName, instance, "cloudSqlInstance", "project:region:instance, or the instance's name alone")
	p.require(len(instance) <= maxInstance || !a.socket(), "cloudSqlInstance",
		"has %d characters; the path of its socket leaves room for %d", len(instance), maxInstance)
	p.oneOf(a.CloudSQLIPType, "cloudSqlIpType", "", "private", "psc", "public")
	p.oneOf(a.DatabaseAuth, "databaseAuth", authPassword, authIAM)
	p.require(a.CloudSQLIPType == "" || given(a.CloudSQLInstance), "cloudSqlIpType", "is set though {cloudSqlInstance} is not; name the instance")
	p.require(a.CloudSQLIPType != "private" && a.CloudSQLIPType != "psc" || given(a.VPCNetwork), "vpcNetwork", "is not set though {cloudSqlIpType} is %s; name the network through which the instance is reached", a.CloudSQLIPType)
	p.require(!a.iamLogin() || !a.byURL(), "databaseAuth", "is iam though DATABASE_URL is among {secrets}; keep one")
	p.require(!a.iamLogin() || a.DBPasswordSecret == "", "dbPasswordSecret", "is set though {databaseAuth} is iam; keep one")
	p.require(!a.iamLogin() || !strings.HasSuffix(known(a.DatabaseUser), ".gserviceaccount.com"), "databaseUser", "is %q; PostgreSQL knows the account without .gserviceaccount.com", known(a.DatabaseUser))
	checkName(p, "database", known(a.Database))
	checkName(p, "databaseUser", known(a.DatabaseUser))
	if a.iamLogin() && !given(a.DatabaseUser) {
		role := known(a.databaseUser())
		p.require(len(role) <= maxName, "jobAccount", "makes the database role %s of %d bytes, PostgreSQL takes %d; choose a shorter one", role, len(role), maxName)
	}
	for _, twice := range []struct {
		key, name string
		value     pulumi.StringInput
	}{{"database", "DB_NAME", a.Database}, {"databaseUser", "DB_USER", a.DatabaseUser}, {"dataStore", "DATA_STORE_ID", a.DataStore}} {
		p.require(!given(twice.value) || a.Secrets[twice.name] == "", twice.key, "is set and so is %s under {secrets}; keep one", twice.name)
	}
	if a.DBPasswordSecret != "" && !secretRef.MatchString(a.DBPasswordSecret) {
		p.add("dbPasswordSecret", "%q is not secret, secret:version or projects/PROJECT/secrets/SECRET", a.DBPasswordSecret)
	}
	if a.CreateDatabaseUser {
		p.require(given(a.databaseUser()), "databaseUser", "is not set; name the role to create")
		p.require(given(a.CloudSQLInstance), "createDatabaseUser", "needs {cloudSqlInstance}: the instance to create the role in")
		if !a.iamLogin() {
			_, has := a.SecretValues[a.passwordSecret()]
			p.require(has && a.CreateSecrets, "createDatabaseUser", "needs the role's password: set {dbPasswordSecret}, its value under {secretValues}, and {createSecrets}; or set {databaseAuth} to iam")
		}
	}
	_, own := a.answered()["PROJECT_ID"]
	if project, _ := a.splitSecret(a.passwordSecret()); own && a.DBPasswordSecret != "" {
		p.require(project == a.Project, "dbPasswordSecret", "is a secret of %s; the job looks for it in the project of the data store, %s", project, a.Project)
	}
}

// checkName holds what PostgreSQL, or common sense, asks of a name: a line's end is easily part of what YAML reads.
func checkName(p *problems, key, name string) {
	p.require(len(name) <= maxName, key, "has %d bytes; PostgreSQL takes %d", len(name), maxName)
	p.require(strings.TrimSpace(name) == name && strings.IndexFunc(name, unicode.IsControl) < 0, key, "%q begins or ends with a blank, or has a control character in it; remove it", name)
}

func (a Args) checkSearch(p *problems) {
	p.match(dataStoreID, known(a.DataStore), "dataStore", "a data store id: at most 63 lower-case letters, digits, dashes and underscores")
	p.oneOf(a.DataStoreLocation, "dataStoreLocation", "global", "us", "eu")
	p.oneOf(a.DataStoreContent, "dataStoreContent", "required", "none")
	p.oneOf(a.DataStoreParser, "dataStoreParser", "", "digital", "ocr", "layout")
	p.require(!a.CreateDataStore || len(a.dataStores()) > 0, "createDataStore", "needs {dataStore}: the name of the data store to create")
	p.require(a.DataStoreSchemaFile == "" || a.CreateDataStore, "dataStoreSchemaFile", "is for a data store that is created; set {createDataStore}, or change the schema of the one that exists yourself")
	p.match(dataStoreID, a.SearchApp, "searchApp", "an app id: at most 63 lower-case letters, digits, dashes and underscores")
	p.require(a.SearchApp == "" || a.CreateSearchApp, "searchApp", "is for an app that is created; set {createSearchApp}")
	p.require(!a.CreateSearchApp || slices.ContainsFunc(a.dataStores(), func(s dataStore) bool { return s.location == a.DataStoreLocation }),
		"createSearchApp", "needs {dataStore}: what the app searches, in %s", a.DataStoreLocation)
}

// checkSecrets looks at what is mounted and at what is created.
func (a Args) checkSecrets(p *problems) {
	for _, name := range sortedKeys(a.Secrets) {
		ref := a.Secrets[name]
		switch {
		case !variable.MatchString(name):
			p.add("secrets", "%s is not a variable name of capitals, digits and underscores", name)
		case ref == "" && slices.Contains(a.neededSecrets(), name):
			p.add("secrets", "%s cannot be left out; the job needs it", name)
		case ref != "" && !secretRef.MatchString(ref):
			p.add("secrets", "%s: %q is not secret, secret:version or projects/PROJECT/secrets/SECRET:version", name, ref)
		}
	}
	for _, id := range sortedKeys(a.SecretValues) {
		p.match(secretID, id, "secretValues", "a secret's name: letters, digits, dashes and underscores")
	}
	a.checkCreatedSecrets(p)
	p.require(len(a.SecretValues) == 0 || a.CreateSecrets, "createSecrets", "is false though {secretValues} has values; set it to true")
	p.require(!a.CreateSecrets || len(a.SecretValues) > 0, "secretValues", "is empty though {createSecrets} is true; set a value for each secret")
}

// checkCreatedSecrets looks for a created secret that nothing reads, which is a misspelt one, and for a version that is not the one made.
func (a Args) checkCreatedSecrets(p *problems) {
	read := a.readSecrets()
	for _, id := range sortedKeys(a.SecretValues) {
		// Without dbPasswordSecret, the secret of the password is named by another secret.
		p.require(slices.Contains(read, id) || a.readsPassword() && a.DBPasswordSecret == "", "secretValues",
			"%s is read by nothing; name it under {secrets} or as {dbPasswordSecret}, or remove it", id)
	}
	pinned := func(key string, m mount) {
		_, made := a.SecretValues[m.secret]
		p.require(!made || m.version == "latest", key, "pins version %s of %s, which {createSecrets} makes and replaces; leave the version out", m.version, m.secret)
	}
	for _, name := range sortedKeys(a.Secrets) {
		pinned("secrets", a.reference(a.Secrets[name]))
	}
	pinned("dbPasswordSecret", a.reference(a.DBPasswordSecret))
}

// bucketLabel is what the provider takes as the key of a bucket's label; Google takes more.
var bucketLabel = regexp.MustCompile(`^[a-z0-9_-]{1,63}$`)

// checkLabels holds Google's rules: letters of any script, none of them a capital, and lengths in characters.
// https://cloud.google.com/run/docs/configuring/jobs/labels
func (a Args) checkLabels(p *problems) {
	for _, key := range sortedKeys(a.Labels) {
		value := a.Labels[key]
		first, _ := utf8.DecodeRuneInString(key)
		switch {
		case strings.HasPrefix(key, "goog-"):
			p.add("labels", "%s is Google's own: keys must not begin with goog-", key)
		case !labelText(key) || !(unicode.IsLower(first) || unicode.Is(unicode.Lo, first)) || !labelText(value):
			p.add("labels", "%s: %q is not a label of at most 63 letters (of any script, no capitals), digits, dashes and underscores, the key with a letter first", key, value)
		case a.CreateBucket && !bucketLabel.MatchString(key):
			p.add("labels", "%s cannot be the key of a bucket's label: the provider takes a to z, digits, dashes and underscores; write it so, or set {createBucket} to false and make the bucket yourself", key)
		}
	}
	p.require(len(a.Labels) <= 64, "labels", "there are %d; Google takes 64", len(a.Labels))
}

func labelText(text string) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= 63 && strings.IndexFunc(text, func(r rune) bool {
		return !(unicode.IsLower(r) || unicode.Is(unicode.Lo, r) || unicode.IsNumber(r) || r == '-' || r == '_')
	}) < 0
}

// checkTogether holds the rules that tie settings to each other.
func (a Args) checkTogether(p *problems) {
	p.require(a.ArtifactRepository != "" || given(a.Image), "artifactRepository", "is not set; name the repository to push to, or a prebuilt image under {image}")
	p.require(!a.CreateArtifactRepository || a.ArtifactRepository != "", "createArtifactRepository", "needs {artifactRepository}: the name of the repository to create")
	p.require(a.JobAccount != a.RunnerAccount, "runnerAccount", "must differ from {jobAccount}; the trigger may only start the job")
	p.require(!given(a.VPCSubnetwork) || given(a.VPCNetwork), "vpcNetwork", "is not set though {vpcSubnetwork} is; name the network too")
	p.require(given(a.VPCNetwork) || a.VPCEgress != "all-traffic", "vpcEgress", "is all-traffic though {vpcNetwork} is not set; name the network, or leave it out")
	p.require(!a.CreateBucket || given(a.Bucket), "createBucket", "needs {bucket}: the name of the bucket to create")
	if a.IAMScope == scopeResource {
		p.require(given(a.Bucket), "bucket", "is not set; {iamScope} resource grants access to this bucket alone")
		p.require(a.DBPasswordSecret != "" || !a.readsPassword(), "dbPasswordSecret", "is not set; {iamScope} resource grants access secret by secret")
	}
	if key := known(a.KMSKey); key != "" {
		name := kmsKeyName.FindStringSubmatch(key)
		p.require(name != nil, "kmsKey", "%q is not projects/…/locations/…/keyRings/…/cryptoKeys/…", key)
		p.require(name == nil || name[1] == a.Region, "kmsKey", "%q is not in the job's region %s", key, a.Region)
	}
	p.require(len(a.AlertEmails) == 0 || a.Monitoring, "monitoring", "is false though {alertEmails} are given; set it to true")
	_, inEnv := a.Env["SYNC_QUERY"]
	p.require(!inEnv || a.SyncQueryFile == "", "syncQueryFile", "is set and so is SYNC_QUERY under {env}; keep one")
}
