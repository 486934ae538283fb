package stack

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/secretmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// DefaultSecrets are the job's secret variables and the secrets that the seed document mounts them from.
var DefaultSecrets = map[string]string{
	"GCP_PROJECT":    "gcp_project:latest",
	"DB_NAME":        "db_name:latest",
	"DB_USER":        "db_user:latest",
	"GCS_BUCKET":     "gcs_bucket:latest",
	"PROJECT_ID":     "project_id:latest",
	"SECRET_ID":      "secret_id:latest",
	"VERSION_ID":     "version_id:latest",
	"GEMINI_API_KEY": "gemini_api_key:latest",
	"DATA_STORE_ID":  "data_store_id:latest",
}

// inTheOpen says whether any variable of the nine is answered by a setting. Then those of the nine that the job does not need are
// left out, too; with none it is the seed document's job.
func (a Args) inTheOpen() bool {
	return given(a.Database) || given(a.DatabaseUser) || given(a.DataStore) || given(a.Bucket) || a.iamLogin() || len(a.Syncs) > 0
}

// defaultSecrets are the nine, less those that a setting answers or that nothing needs.
func (a Args) defaultSecrets() map[string]string {
	refs := maps.Clone(DefaultSecrets)
	if !a.inTheOpen() {
		return refs
	}
	for name := range a.answered() {
		delete(refs, name)
	}
	delete(refs, "GCP_PROJECT") // the program sets CLOUD_SQL_INSTANCE
	if a.Env["EMBEDDING_MODEL"] == "" {
		delete(refs, "GEMINI_API_KEY")
	}
	if a.byURL() {
		for _, name := range []string{"DB_NAME", "DB_USER", "SECRET_ID", "VERSION_ID"} {
			delete(refs, name)
		}
	}
	if !a.readsPassword() || a.DBPasswordSecret != "" {
		delete(refs, "VERSION_ID")
	}
	if !a.readsPassword() {
		delete(refs, "SECRET_ID")
	}
	if a.everySyncHasAStore() {
		delete(refs, "DATA_STORE_ID")
	}
	return refs
}

func (a Args) everySyncHasAStore() bool {
	return len(a.Syncs) > 0 && !slices.ContainsFunc(a.Syncs, func(s Sync) bool { return s.DataStore == "" })
}

// readsPassword says that the job fetches the database's password from Secret Manager.
func (a Args) readsPassword() bool { return !a.byURL() && !a.iamLogin() }

// neededSecrets cannot be left out: the job does not start without them.
func (a Args) neededSecrets() []string {
	needed := []string{"GCS_BUCKET", "PROJECT_ID"}
	if !a.everySyncHasAStore() {
		needed = append(needed, "DATA_STORE_ID")
	}
	if !a.byURL() {
		needed = append(needed, "DB_NAME", "DB_USER")
	}
	if a.readsPassword() {
		needed = append(needed, "SECRET_ID")
	}
	answered := a.answered()
	return slices.DeleteFunc(needed, func(name string) bool { _, ok := answered[name]; return ok })
}

var secretRef = regexp.MustCompile(`^(projects/[^/:]+/secrets/)?[A-Za-z0-9_-]{1,255}(:[A-Za-z0-9_-]+)?$`)

// mount is a version of a secret. The secret is an id of the deployed project, or projects/P/secrets/S of another.
type mount struct{ secret, version string }

// mounts returns the secret behind every secret variable; a reference without a version follows the latest one.
func (a Args) mounts() map[string]mount {
	refs := a.defaultSecrets()
	maps.Copy(refs, a.Secrets)
	mounted := make(map[string]mount, len(refs))
	for name, ref := range refs {
		if ref != "" {
			mounted[name] = a.reference(ref)
		}
	}
	return mounted
}

func (a Args) reference(ref string) mount {
	secret, version, pinned := strings.Cut(ref, ":")
	if !pinned {
		version = "latest"
	}
	return mount{a.shortSecret(secret), version}
}

// passwordSecret is the secret of the database password as far as the program knows it.
func (a Args) passwordSecret() string { return a.reference(a.DBPasswordSecret).secret }

// readSecrets lists, once each and sorted, the secrets the job reads: what is mounted, and the database password
// that it fetches itself.
func (a Args) readSecrets() []string {
	var secrets []string
	for _, m := range a.mounts() {
		secrets = append(secrets, m.secret)
	}
	if a.DBPasswordSecret != "" && a.readsPassword() {
		secrets = append(secrets, a.passwordSecret())
	}
	slices.Sort(secrets)
	return slices.Compact(secrets)
}

// shortSecret leaves the deployed project out of a secret's name, so that every secret has one name only.
func (a Args) shortSecret(secret string) string {
	return strings.TrimPrefix(secret, "projects/"+a.Project+"/secrets/")
}

// splitSecret returns the project and the id of a secret.
func (a Args) splitSecret(secret string) (project, id string) {
	if rest, ok := strings.CutPrefix(secret, "projects/"); ok {
		project, id, _ = strings.Cut(rest, "/secrets/")
		return project, id
	}
	return a.Project, secret
}

// madeSecret is a secret that is created here, with its value.
type madeSecret struct{ version *secretmanager.SecretVersion }

// provideSecrets creates the secrets that secretValues holds. A changed value is a new version; the old one is destroyed once the
// job has the new one.
func (d *deployment) provideSecrets() {
	d.secrets = map[string]madeSecret{}
	if !d.CreateSecrets {
		return
	}
	for _, id := range sortedKeys(d.SecretValues) {
		d.try("secret "+id, func() error {
			secret, err := secretmanager.NewSecret(d.ctx, d.name+"-secret-"+id, &secretmanager.SecretArgs{
				Project: pulumi.String(d.Project), SecretId: pulumi.String(id), Labels: optionalMap(d.Labels),
				Replication: &secretmanager.SecretReplicationArgs{Auto: &secretmanager.SecretReplicationAutoArgs{}},
			}, d.after(d.services[apiSecretManager])...)
			if err != nil {
				return err
			}
			version, err := secretmanager.NewSecretVersion(d.ctx, d.name+"-secret-"+id+"-version", &secretmanager.SecretVersionArgs{
				Secret: secret.ID(), SecretData: ptr(d.SecretValues[id]),
			}, d.after(d.services[apiSecretManager])...)
			d.secrets[id] = madeSecret{version}
			return err
		})
	}
}

// version is the version to mount: the one made here, by its number, unless the setting pins another.
func (d *deployment) version(m mount) pulumi.StringInput {
	if made, ok := d.secrets[m.secret]; ok && m.version == "latest" {
		return made.version.Version
	}
	return pulumi.String(m.version)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
