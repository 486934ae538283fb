package stack

import (
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudrunv2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// answered are the variables of the nine that settings answer: they stand in the open, and no secret is mounted for them. An
// explicit entry under secrets wins.
func (a Args) answered() map[string]pulumi.StringInput {
	plain := map[string]pulumi.StringInput{}
	answer := func(name string, value pulumi.StringInput) {
		if given(value) && a.Secrets[name] == "" {
			plain[name] = value
		}
	}
	if !a.inTheOpen() {
		return plain
	}
	answer("GCS_BUCKET", a.Bucket)
	answer("DATA_STORE_ID", a.DataStore)
	if given(a.DataStore) || a.everySyncHasAStore() { // its project is this one, and so is the password's
		answer("PROJECT_ID", pulumi.String(a.Project))
	}
	if a.byURL() {
		return plain
	}
	answer("DB_NAME", a.Database)
	answer("DB_USER", a.databaseUser())
	if a.DBPasswordSecret != "" && a.readsPassword() {
		_, id := a.splitSecret(a.passwordSecret())
		answer("SECRET_ID", pulumi.String(id))
		if version := a.reference(a.DBPasswordSecret).version; version != "latest" {
			answer("VERSION_ID", pulumi.String(version))
		}
	}
	return plain
}

// databaseUser is the role that the job logs in as, as far as the program knows it: with IAM the account's address, which
// PostgreSQL knows without its ending.
func (a Args) databaseUser() pulumi.StringInput {
	if a.iamLogin() && !given(a.DatabaseUser) {
		return pulumi.String(strings.TrimSuffix(a.accountEmail(a.JobAccount), ".gserviceaccount.com"))
	}
	return a.DatabaseUser
}

// plainEnvironment is what the job finds in its environment in the open.
func (a Args) plainEnvironment() map[string]pulumi.StringInput {
	plain := a.answered()
	set := func(name string, value pulumi.StringInput) {
		if given(value) {
			plain[name] = value
		}
	}
	set("CLOUD_SQL_INSTANCE", a.CloudSQLInstance)
	set("CLOUD_SQL_IP_TYPE", pulumi.String(a.CloudSQLIPType))
	set("GCP_LOCATION", pulumi.String(a.DataStoreLocation))
	if a.iamLogin() {
		set("DB_IAM_AUTH", pulumi.String("true"))
	}
	set("SYNC_QUERY", pulumi.String(a.SyncQuery))
	set("SYNCS", pulumi.String(a.syncsVariable()))
	for name, value := range a.Env {
		plain[name] = pulumi.String(value)
	}
	return plain
}

// environment is what the job finds in its environment, secrets first, each part in the order of the names.
func (d *deployment) environment() (envs cloudrunv2.JobTemplateTemplateContainerEnvArray) {
	mounts := d.mounts()
	for _, name := range sortedKeys(mounts) {
		envs = append(envs, &cloudrunv2.JobTemplateTemplateContainerEnvArgs{
			Name: pulumi.String(name),
			ValueSource: &cloudrunv2.JobTemplateTemplateContainerEnvValueSourceArgs{
				SecretKeyRef: &cloudrunv2.JobTemplateTemplateContainerEnvValueSourceSecretKeyRefArgs{
					Secret: pulumi.String(mounts[name].secret), Version: d.version(mounts[name]),
				},
			},
		})
	}
	plain := d.plainEnvironment()
	// The job fetches the password itself, by the version that was made here unless the setting pins another.
	if made, ok := d.secrets[d.passwordSecret()]; ok && given(plain["SECRET_ID"]) && !given(plain["VERSION_ID"]) {
		plain["VERSION_ID"] = made.version.Version
	}
	for _, name := range sortedKeys(plain) {
		envs = append(envs, &cloudrunv2.JobTemplateTemplateContainerEnvArgs{Name: pulumi.String(name), Value: ptr(plain[name])})
	}
	return envs
}
