package api

import (
	"slices"

	"vertexmetadata/sandbox/controlplane/fields"
)

// roles are the permissions of the predefined roles, as far as something here asks for them. "x.*" covers all that start so.
// See https://cloud.google.com/iam/docs/roles-permissions.
var roles = map[string][]string{
	"roles/owner":  {"*"},
	"roles/editor": {"*"},
	"roles/viewer": {
		"resourcemanager.projects.get", "run.jobs.get", "run.jobs.list", "run.executions.get", "run.executions.list",
		"cloudscheduler.jobs.get", "cloudscheduler.jobs.list", "logging.logEntries.list", "storage.buckets.list",
	},
	"roles/artifactregistry.admin":  {"artifactregistry.*"},
	"roles/artifactregistry.reader": repositoryReader,
	"roles/artifactregistry.writer": slices.Concat(repositoryReader, []string{"artifactregistry.repositories.uploadArtifacts"}),
	"roles/cloudscheduler.admin":    {"cloudscheduler.*"},
	"roles/cloudscheduler.jobRunner": {
		"cloudscheduler.jobs.run",
	},
	"roles/cloudscheduler.serviceAgent": {"iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken", "logging.logEntries.create"},
	"roles/cloudscheduler.viewer":       {"cloudscheduler.jobs.get", "cloudscheduler.jobs.list"},
	"roles/cloudsql.client":             {"cloudsql.instances.connect", "cloudsql.instances.get"},
	"roles/cloudsql.instanceUser":       {"cloudsql.instances.get", "cloudsql.instances.login"},
	"roles/cloudkms.cryptoKeyEncrypterDecrypter": {
		"cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeyVersions.useToDecrypt",
	},
	"roles/cloudkms.cryptoKeyDecrypter":  {"cloudkms.cryptoKeyVersions.useToDecrypt"},
	"roles/discoveryengine.admin":        {"discoveryengine.*"},
	"roles/discoveryengine.editor":       slices.Concat(searchViewer, searchEditor),
	"roles/discoveryengine.viewer":       searchViewer,
	"roles/discoveryengine.serviceAgent": {"storage.objects.get", "storage.objects.list", "storage.objects.create", "bigquery.tables.getData"},
	"roles/iam.securityAdmin":            {"resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"},
	"roles/iam.securityReviewer": {
		"artifactregistry.repositories.getIamPolicy", "artifactregistry.repositories.list", "cloudkms.cryptoKeys.getIamPolicy",
		"iam.serviceAccounts.getIamPolicy", "iam.serviceAccounts.list", "resourcemanager.projects.getIamPolicy", "run.jobs.getIamPolicy", "run.jobs.list",
		"secretmanager.secrets.getIamPolicy", "secretmanager.secrets.list", "storage.buckets.getIamPolicy", "storage.buckets.list",
	},
	"roles/iam.serviceAccountViewer":  {"iam.serviceAccounts.get", "iam.serviceAccounts.getIamPolicy", "iam.serviceAccounts.list", "resourcemanager.projects.get"},
	"roles/iam.serviceAccountAdmin":   {"iam.serviceAccounts.create", "iam.serviceAccounts.delete", "iam.serviceAccounts.get", "iam.serviceAccounts.list", "iam.serviceAccounts.update", "iam.serviceAccounts.getIamPolicy", "iam.serviceAccounts.setIamPolicy"},
	"roles/iam.serviceAccountCreator": {"iam.serviceAccounts.create", "iam.serviceAccounts.get", "iam.serviceAccounts.list"},
	"roles/iam.serviceAccountOpenIdTokenCreator": {
		"iam.serviceAccounts.getOpenIdToken",
	},
	"roles/iam.serviceAccountTokenCreator": {
		"iam.serviceAccounts.get", "iam.serviceAccounts.list", "iam.serviceAccounts.getAccessToken",
		"iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.implicitDelegation", "iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt",
	},
	"roles/iam.serviceAccountUser":            {"iam.serviceAccounts.actAs", "iam.serviceAccounts.get", "iam.serviceAccounts.list"},
	"roles/iam.workloadIdentityUser":          {"iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"},
	"roles/logging.admin":                     {"logging.*"},
	"roles/logging.configWriter":              {"logging.logMetrics.*", "logging.logs.list"},
	"roles/logging.logWriter":                 {"logging.logEntries.create", "logging.logEntries.route"},
	"roles/logging.viewer":                    {"logging.logEntries.list", "logging.logMetrics.get", "logging.logMetrics.list"},
	"roles/monitoring.admin":                  {"monitoring.*"},
	"roles/monitoring.editor":                 {"monitoring.*"},
	"roles/monitoring.metricWriter":           {"monitoring.metricDescriptors.create", "monitoring.timeSeries.create"},
	"roles/monitoring.viewer":                 {"monitoring.alertPolicies.get", "monitoring.alertPolicies.list", "monitoring.dashboards.get", "monitoring.dashboards.list"},
	"roles/resourcemanager.projectIamAdmin":   {"resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"},
	"roles/run.admin":                         {"run.*"},
	"roles/run.developer":                     runDeveloper,
	"roles/run.invoker":                       {"run.jobs.run", "run.routes.invoke"},
	"roles/run.jobsExecutor":                  {"run.jobs.run", "run.executions.get", "run.executions.list", "run.executions.cancel"},
	"roles/run.jobsExecutorWithOverrides":     {"run.jobs.run", "run.jobs.runWithOverrides", "run.executions.get", "run.executions.list", "run.executions.cancel"},
	"roles/run.viewer":                        {"run.jobs.get", "run.jobs.list", "run.jobs.getIamPolicy", "run.executions.get", "run.executions.list", "run.tasks.get", "run.tasks.list", "run.operations.get"},
	"roles/secretmanager.admin":               {"secretmanager.*"},
	"roles/secretmanager.secretAccessor":      {"secretmanager.versions.access"},
	"roles/secretmanager.viewer":              {"secretmanager.secrets.get", "secretmanager.secrets.list", "secretmanager.versions.get", "secretmanager.versions.list"},
	"roles/serviceusage.serviceUsageAdmin":    {"serviceusage.*"},
	"roles/serviceusage.serviceUsageConsumer": {"serviceusage.services.get", "serviceusage.services.list", "serviceusage.services.use"},
	"roles/serviceusage.serviceUsageViewer":   {"serviceusage.services.get", "serviceusage.services.list"},
	"roles/storage.admin":                     {"storage.*"},
	"roles/storage.bucketViewer":              {"storage.buckets.get", "storage.buckets.list"},
	"roles/storage.legacyBucketOwner":         {"storage.buckets.get", "storage.buckets.update", "storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy", "storage.objects.create", "storage.objects.delete", "storage.objects.list"},
	"roles/storage.legacyBucketReader":        {"storage.buckets.get", "storage.objects.list"},
	"roles/storage.legacyBucketWriter":        {"storage.buckets.get", "storage.objects.create", "storage.objects.delete", "storage.objects.list"},
	"roles/storage.legacyObjectReader":        {"storage.objects.get"},
	"roles/storage.objectAdmin":               {"storage.objects.*", "storage.folders.*", "storage.multipartUploads.*", "resourcemanager.projects.get"},
	"roles/storage.objectCreator":             {"storage.objects.create", "storage.multipartUploads.create"},
	"roles/storage.objectUser":                {"storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list", "storage.objects.update", "storage.objects.restore", "storage.folders.*", "storage.multipartUploads.*"},
	"roles/storage.objectViewer":              {"storage.objects.get", "storage.objects.list", "storage.folders.get", "storage.folders.list"},
}

var (
	repositoryReader = []string{
		"artifactregistry.repositories.get", "artifactregistry.repositories.list", "artifactregistry.repositories.downloadArtifacts",
		"artifactregistry.dockerimages.get", "artifactregistry.dockerimages.list",
	}
	searchViewer = []string{
		"discoveryengine.dataStores.get", "discoveryengine.dataStores.list", "discoveryengine.documents.get",
		"discoveryengine.documents.list", "discoveryengine.operations.get", "discoveryengine.operations.list",
		"discoveryengine.servingConfigs.search", "discoveryengine.branches.get", "discoveryengine.schemas.get",
	}
	searchEditor = []string{
		"discoveryengine.documents.create", "discoveryengine.documents.delete", "discoveryengine.documents.import",
		"discoveryengine.documents.update", // purge is the admin's alone
	}
	runDeveloper = []string{
		"run.jobs.create", "run.jobs.delete", "run.jobs.get", "run.jobs.getIamPolicy", "run.jobs.list", "run.jobs.run",
		"run.jobs.runWithOverrides", "run.jobs.update", "run.executions.*", "run.tasks.*", "run.operations.*", "run.locations.list",
		"run.services.create", "run.services.delete", "run.services.get", "run.services.list", "run.services.update",
	}
)

// permissionsOf are the permissions of a predefined or custom role, and whether there is one of that name.
func (s *Server) permissionsOf(role string) (permissions []string, known bool) {
	if predefined := roles[role]; predefined != nil {
		return predefined, true
	}
	custom := s.customRole(role)
	return fields.Texts(custom, "includedPermissions"), custom != nil
}
