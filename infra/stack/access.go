package stack

import (
	"fmt"
	"strings"
)

// Principal is somebody a role is granted to.
type Principal string

// The accounts of the system and the agents through which Google's services act for it.
const (
	JobAccount     Principal = "job account"
	RunnerAccount  Principal = "runner account"
	SchedulerAgent Principal = "Cloud Scheduler agent"
	SearchAgent    Principal = "Vertex AI Search agent"
	RunAgent       Principal = "Cloud Run agent"
)

// Kind is the kind of thing that a role is granted on.
type Kind string

// Everything that a grant of the system can be on.
const (
	OnProject    Kind = "project"
	OnInstance   Kind = "instance" // the project's role under a condition; Cloud SQL has no policies of its own
	OnSecret     Kind = "secret"
	OnBucket     Kind = "bucket"
	OnRepository Kind = "repository"
	OnJob        Kind = "job"
	OnAccount    Kind = "account"
	OnKey        Kind = "key"
)

// Grant is one row of the access table. Name is the name of its resource.
type Grant struct {
	Name   string
	Who    Principal
	Role   string
	On     Kind
	Target string
	Why    string
}

const (
	scopeProject  = "project"
	scopeResource = "resource"
)

// Access is the access table: all that the settings grant, to whom, on what and why.
func Access(s Settings) []Grant {
	var table []Grant
	row := func(who Principal, role string, on Kind, target, why string) {
		table = append(table, Grant{grantName(who, role, on, target), who, role, on, target, why})
	}
	narrow := s.IAMScope == scopeResource

	if narrow {
		row(JobAccount, "roles/cloudsql.client", OnInstance, s.CloudSQLInstance, "connect to this one instance: a condition on the project's role, the narrowest Cloud SQL offers")
		for _, secret := range s.readSecrets() {
			row(JobAccount, "roles/secretmanager.secretAccessor", OnSecret, secret, secretReason(s, secret))
		}
		row(JobAccount, "roles/storage.objectUser", OnBucket, s.Bucket, "read, write, list and delete the snapshot and the sync state; unlike objectAdmin it cannot touch object ACLs")
	} else {
		row(JobAccount, "roles/cloudsql.client", OnProject, s.sqlProject(), "connect to the database through the Cloud SQL socket")
		row(JobAccount, "roles/secretmanager.secretAccessor", OnProject, s.Project, "read the mounted secrets and the database password")
		for _, secret := range s.readSecrets() {
			if strings.HasPrefix(secret, "projects/") { // another project's, which the row above does not reach
				row(JobAccount, "roles/secretmanager.secretAccessor", OnSecret, secret, secretReason(s, secret))
			}
		}
		row(JobAccount, "roles/storage.objectAdmin", OnProject, s.Project, "read, write, list and delete the snapshot and the sync state in the bucket")
	}
	row(JobAccount, "roles/logging.logWriter", OnProject, s.Project, "write its log; logs belong to the project, there is nothing narrower")
	if s.ArtifactRepository != "" {
		row(JobAccount, "roles/artifactregistry.reader", OnRepository, s.ArtifactRepository, "pull the image")
	}
	searchRows(s, narrow, row)

	if narrow {
		row(RunnerAccount, "roles/run.invoker", OnJob, s.JobName, "start this job, without overrides, and nothing else")
		row(SchedulerAgent, "roles/iam.serviceAccountTokenCreator", OnAccount, s.RunnerAccount, "sign in as the runner account to call the job")
	} else {
		row(RunnerAccount, "roles/run.developer", OnProject, s.Project, "start the job")
		row(SchedulerAgent, "roles/iam.serviceAccountTokenCreator", OnProject, s.Project, "sign in as the runner account to call the job")
	}
	if s.KMSKey != "" {
		row(RunAgent, "roles/cloudkms.cryptoKeyEncrypterDecrypter", OnKey, s.KMSKey, "encrypt and decrypt the job with the customer's key")
	}
	return table
}

// searchRows are the grants of Vertex AI Search, which has no policies on a data store: the project is the
// narrowest place for them.
func searchRows(s Settings, narrow bool, row func(who Principal, role string, on Kind, target, why string)) {
	switch {
	case s.DataStoreRole != "":
		row(JobAccount, s.DataStoreRole, OnProject, s.Project, "import, list, purge and search documents, by the role that dataStoreRole names")
	case narrow:
		row(JobAccount, s.searchRole(), OnProject, s.Project, "import, list, purge and search documents and follow the operations: these permissions and no others")
	default:
		row(JobAccount, "roles/discoveryengine.editor", OnProject, s.Project, "import, list and search documents and follow the operations")
		row(JobAccount, s.searchRole(), OnProject, s.Project, "purge documents that are gone from the table: the one permission that discoveryengine.editor lacks")
	}
	if s.Bucket != "" {
		row(SearchAgent, "roles/storage.objectViewer", OnBucket, s.Bucket, "read the files of an import, in a bucket of any project")
	}
}

// searchPermissions is what the job calls in Vertex AI Search. Of these roles/discoveryengine.editor lacks
// documents.purge alone, and no predefined role below discoveryengine.admin has it.
// https://cloud.google.com/iam/docs/roles-permissions/discoveryengine
var searchPermissions = []string{
	"discoveryengine.dataStores.get",
	"discoveryengine.documents.delete",
	"discoveryengine.documents.import",
	"discoveryengine.documents.list",
	"discoveryengine.documents.purge",
	"discoveryengine.operations.get",
	"discoveryengine.operations.list",
	"discoveryengine.servingConfigs.search",
}

// customPermissions is what the custom role of the settings holds; none: there is no custom role.
func (s Settings) customPermissions() []string {
	switch {
	case s.DataStoreRole != "":
		return nil
	case s.IAMScope == scopeResource:
		return searchPermissions
	}
	return []string{"discoveryengine.documents.purge"}
}

// searchRoleID is derived from the job's account, so that two systems in a project do not share a role.
func (s Settings) searchRoleID() string {
	return strings.ReplaceAll(s.JobAccount, "-", "_") + "_documents"
}

func (s Settings) searchRole() string {
	return fmt.Sprintf("projects/%s/roles/%s", s.Project, s.searchRoleID())
}

// sqlProject is the project of the instance, which may be another than the job's.
func (s Settings) sqlProject() string {
	parts := strings.Split(s.CloudSQLInstance, ":")
	return strings.Join(parts[:max(len(parts)-2, 0)], ":")
}

// sqlCondition limits a role of the instance's project to the instance.
// https://cloud.google.com/sql/docs/postgres/iam-conditions
func (s Settings) sqlCondition() string {
	name := s.CloudSQLInstance[strings.LastIndex(s.CloudSQLInstance, ":")+1:]
	return fmt.Sprintf("resource.name == 'projects/%s/instances/%s' && resource.service == 'sqladmin.googleapis.com'", s.sqlProject(), name)
}

func secretReason(s Settings, secret string) string {
	if secret == s.shortSecret(s.DBPasswordSecret) {
		return "read the database password"
	}
	var variables []string
	mounts := s.mounts()
	for _, name := range sortedKeys(mounts) {
		if mounts[name].secret == secret {
			variables = append(variables, name)
		}
	}
	return "mounted as " + strings.Join(variables, ", ")
}

// grantName is short and says who gets what; a narrower target is part of it, since there can be several.
func grantName(who Principal, role string, on Kind, target string) string {
	name := strings.NewReplacer(" account", "", " agent", "", " ", "-").Replace(strings.ToLower(string(who)))
	name += "-" + role[strings.LastIndex(role, "/")+1:]
	if on == OnSecret {
		name += "-" + strings.NewReplacer("projects/", "", "/secrets/", ".").Replace(target)
	}
	return name
}
