package stack

import (
	"fmt"
	"strings"
)

// Principal is somebody a role is granted to. It is part of the names of resources: never reword one.
type Principal string

// The accounts of the system and the agents through which Google's services act for it.
const (
	JobAccount     Principal = "job"
	RunnerAccount  Principal = "runner"
	SchedulerAgent Principal = "cloud-scheduler"
	SearchAgent    Principal = "vertex-ai-search"
	RunAgent       Principal = "cloud-run"
)

// principals are their names for people.
var principals = map[Principal]string{
	JobAccount: "job account", RunnerAccount: "runner account", SchedulerAgent: "Cloud Scheduler agent",
	SearchAgent: "Vertex AI Search agent", RunAgent: "Cloud Run agent",
}

// String is the principal for people.
func (p Principal) String() string { return principals[p] }

// googles says that a principal is Google's own: what is granted to it may serve others in the project, and stays at destroy.
func (p Principal) googles() bool { return strings.HasSuffix(principals[p], " agent") }

// Kind is the kind of thing that a role is granted on.
type Kind string

// Everything that a grant of the system can be on.
const (
	OnProject    Kind = "project"
	OnInstance   Kind = "instance" // the project's role under a condition; Cloud SQL has no policies of its own
	OnSecret     Kind = "secret"
	OnBucket     Kind = "bucket"
	OnObjects    Kind = "objects" // the bucket's role under a condition: what is below metadata/
	OnRepository Kind = "repository"
	OnJob        Kind = "job"
	OnKey        Kind = "key"
)

// Grant is one row of the access table. Name is the name of its resource, within the component.
type Grant struct {
	Name   string
	Who    Principal
	Role   string
	On     Kind
	Target string // for people where the target is an input
	Why    string
}

// objects is where in the bucket the job keeps all that is its own.
const objects = "metadata/"

// accessTable collects rows.
type accessTable struct {
	Args
	rows []Grant
}

func (t *accessTable) row(who Principal, role string, on Kind, target, why string) {
	t.rows = append(t.rows, Grant{grantName(who, role, on, target), who, role, on, target, why})
}

// Access is the access table: all that the settings grant, to whom, on what and why.
func Access(a Args) []Grant {
	t := &accessTable{Args: a}
	if a.IAMScope == scopeResource {
		t.narrow()
	} else {
		t.wide()
	}
	if given(a.KMSKey) {
		t.row(RunAgent, "roles/cloudkms.cryptoKeyEncrypterDecrypter", OnKey, shown(a.KMSKey), "encrypt and decrypt the job with the customer's key")
	}
	return t.rows
}

// wide is what the seed document grants, and what it forgets.
func (t *accessTable) wide() {
	if given(t.CloudSQLInstance) {
		t.row(JobAccount, "roles/cloudsql.client", OnProject, t.sqlProjectShown(), "connect to the database through Cloud SQL")
		if t.iamLogin() {
			t.row(JobAccount, "roles/cloudsql.instanceUser", OnProject, t.sqlProjectShown(), "log in to the database as the account, without a password")
		}
	}
	t.row(JobAccount, "roles/secretmanager.secretAccessor", OnProject, t.Project, "read the mounted secrets and the database password")
	for _, secret := range t.readSecrets() {
		if strings.HasPrefix(secret, "projects/") { // another project's, which the row above does not reach
			t.row(JobAccount, "roles/secretmanager.secretAccessor", OnSecret, secret, t.secretReason(secret))
		}
	}
	t.row(JobAccount, "roles/storage.objectAdmin", OnProject, t.Project, "read, write, list and delete the snapshot and the sync state in the bucket")
	t.row(JobAccount, "roles/logging.logWriter", OnProject, t.Project, "as in the seed document; Cloud Run itself writes what the job prints")
	if t.ArtifactRepository != "" {
		t.row(JobAccount, "roles/artifactregistry.reader", OnRepository, t.ArtifactRepository, "as in the seed document; Cloud Run's own agent pulls the image")
	}
	t.search()
	t.row(RunnerAccount, "roles/run.developer", OnProject, t.Project, "start the job")
	t.row(SchedulerAgent, "roles/iam.serviceAccountTokenCreator", OnProject, t.Project, "as in the seed document; the agent's own role can sign in as the runner account already")
}

// narrow serves the same duties by the narrowest grants that work.
func (t *accessTable) narrow() {
	if given(t.CloudSQLInstance) {
		t.row(JobAccount, "roles/cloudsql.client", OnInstance, shown(t.CloudSQLInstance), "connect to this one instance: a condition on the project's role, the narrowest that Cloud SQL offers")
		if t.iamLogin() {
			t.row(JobAccount, "roles/cloudsql.instanceUser", OnInstance, shown(t.CloudSQLInstance), "log in to this one instance as the account, without a password")
		}
	}
	for _, secret := range t.readSecrets() {
		t.row(JobAccount, "roles/secretmanager.secretAccessor", OnSecret, secret, t.secretReason(secret))
	}
	t.row(JobAccount, "roles/storage.objectUser", OnObjects, shown(t.Bucket), "read, write, list and delete the snapshot and the sync state: a condition limits it to what is below "+objects)
	t.search()
	t.row(RunnerAccount, "roles/run.invoker", OnJob, t.JobName, "start this job, without overrides, and nothing else")
}

// search are the grants of Vertex AI Search. Its data stores have no policies in this provider: the project is the narrowest place.
// https://cloud.google.com/iam/docs/roles-permissions/discoveryengine
func (t *accessTable) search() {
	t.row(JobAccount, "roles/discoveryengine.editor", OnProject, t.Project, "import, list, delete and search documents and follow the operations")
	if !given(t.Bucket) {
		return
	}
	t.row(SearchAgent, "roles/storage.objectViewer", OnBucket, shown(t.Bucket), "read the files of an import, in a bucket of any project")
	if t.IAMScope == scopeResource {
		t.row(SearchAgent, "roles/storage.objectCreator", OnBucket, shown(t.Bucket), "write the files that say what an import rejected, in a bucket of any project")
	}
}

// sqlProject is the project of an instance, which may be another than the job's.
func sqlProject(instance string) string {
	parts := strings.Split(instance, ":")
	return strings.Join(parts[:max(len(parts)-2, 0)], ":")
}

func (a Args) sqlProjectShown() string { return shown(derive(a.CloudSQLInstance, sqlProject)) }

// sqlName is the name of an instance within its project.
func sqlName(instance string) string { return instance[strings.LastIndex(instance, ":")+1:] }

// sqlCondition limits a role of the instance's project to the instance.
// https://cloud.google.com/sql/docs/postgres/iam-conditions
func sqlCondition(instance string) string {
	return fmt.Sprintf("resource.name == 'projects/%s/instances/%s' && resource.service == 'sqladmin.googleapis.com'", sqlProject(instance), sqlName(instance))
}

// objectsCondition limits a role on the bucket to what is below metadata/. Lists are asked of the bucket itself.
// https://cloud.google.com/storage/docs/access-control/iam#conditions
func objectsCondition(bucket string) string {
	return fmt.Sprintf("resource.name == 'projects/_/buckets/%s' || resource.name.startsWith('projects/_/buckets/%[1]s/objects/%s')", bucket, objects)
}

func (a Args) secretReason(secret string) string {
	if secret == a.passwordSecret() && a.readsPassword() {
		return "read the database password"
	}
	var names []string
	mounts := a.mounts()
	for _, name := range sortedKeys(mounts) {
		if mounts[name].secret == secret {
			names = append(names, name)
		}
	}
	return "mounted as " + strings.Join(names, ", ")
}

// grantName is short and says who gets what, in words that nobody rewords; a narrower target is part of it where there can be several.
func grantName(who Principal, role string, on Kind, target string) string {
	name := string(who) + "-" + role[strings.LastIndex(role, "/")+1:]
	switch on {
	case OnSecret:
		name += "-" + strings.NewReplacer("projects/", "", "/secrets/", ".").Replace(target)
	case OnObjects: // a grant on the whole bucket is another thing, which goes when this one is there
		name += "-" + strings.TrimSuffix(objects, "/")
	}
	return name
}
