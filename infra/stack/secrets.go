package stack

import (
	"maps"
	"regexp"
	"slices"
	"strings"
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

// neededSecrets cannot be left out: the job does not start without them. With a DATABASE_URL it asks neither for the
// database's name and role nor for the password's secret.
func (s Settings) neededSecrets() []string {
	needed := []string{"GCS_BUCKET", "PROJECT_ID", "DATA_STORE_ID"}
	if s.Secrets["DATABASE_URL"] == "" {
		needed = append(needed, "DB_NAME", "DB_USER", "SECRET_ID")
	}
	return needed
}

var secretRef = regexp.MustCompile(`^(projects/[^/:]+/secrets/)?[A-Za-z0-9_-]{1,255}(:[A-Za-z0-9_-]+)?$`)

// mount is a version of a secret. The secret is an id of the deployed project, or projects/P/secrets/S of another.
type mount struct{ secret, version string }

// mounts returns the secret behind every secret variable; a reference without a version follows the latest one.
func (s Settings) mounts() map[string]mount {
	refs := maps.Clone(DefaultSecrets)
	maps.Copy(refs, s.Secrets)
	mounted := make(map[string]mount, len(refs))
	for name, ref := range refs {
		if ref == "" {
			continue
		}
		secret, version, pinned := strings.Cut(ref, ":")
		if !pinned {
			version = "latest"
		}
		mounted[name] = mount{s.shortSecret(secret), version}
	}
	return mounted
}

// readSecrets lists, once each and sorted, the secrets the job reads: what is mounted, and the database password
// that it fetches itself.
func (s Settings) readSecrets() []string {
	var secrets []string
	for _, m := range s.mounts() {
		secrets = append(secrets, m.secret)
	}
	if s.DBPasswordSecret != "" {
		secrets = append(secrets, s.shortSecret(s.DBPasswordSecret))
	}
	slices.Sort(secrets)
	return slices.Compact(secrets)
}

// shortSecret leaves the deployed project out of a secret's name, so that every secret has one name only.
func (s Settings) shortSecret(secret string) string {
	return strings.TrimPrefix(secret, "projects/"+s.Project+"/secrets/")
}

// splitSecret returns the project and the id of a secret.
func (s Settings) splitSecret(secret string) (project, id string) {
	if rest, ok := strings.CutPrefix(secret, "projects/"); ok {
		project, id, _ = strings.Cut(rest, "/secrets/")
		return project, id
	}
	return s.Project, secret
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
