package main

// deployerRoles are what a stack needs to be deployed in its project; README.md says what each is for.
var deployerRoles = []string{
	"roles/cloudscheduler.admin",
	"roles/iam.serviceAccountAdmin",
	"roles/iam.serviceAccountUser",
	"roles/logging.configWriter",
	"roles/monitoring.editor",
	"roles/resourcemanager.projectIamAdmin",
	"roles/run.admin",
	"roles/secretmanager.admin",
	"roles/serviceusage.serviceUsageAdmin",
}

// grantableRoles are those that a stack gives on its project: the deploying account can give no others. A test compares them with
// what the stacks in infra/plan give.
var grantableRoles = []string{
	"roles/cloudsql.client",
	"roles/cloudsql.instanceUser",
	"roles/discoveryengine.editor",
	"roles/iam.serviceAccountTokenCreator",
	"roles/logging.logWriter",
	"roles/run.developer",
	"roles/secretmanager.secretAccessor",
	"roles/storage.objectAdmin",
}

// auditorRoles read what a stack declares, to compare it with what is there. None of them reads a secret, a row or a document.
var auditorRoles = []string{
	"roles/cloudscheduler.viewer",
	"roles/iam.securityReviewer",
	"roles/iam.serviceAccountViewer",
	"roles/logging.viewer",
	"roles/monitoring.viewer",
	"roles/run.viewer",
	"roles/serviceusage.serviceUsageViewer",
}
