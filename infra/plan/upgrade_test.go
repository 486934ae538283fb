package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// identity lists, by type, the inputs that the provider replaces a resource for. What is not listed is changed in place.
var identity = map[string][]string{
	"docker:index/image:Image":                                     {},
	"gcp:artifactregistry/repository:Repository":                   {"format", "location", "project", "repositoryId"},
	"gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": {"location", "member", "project", "repository", "role", "condition"},
	"gcp:cloudrunv2/job:Job":                                       {"location", "name", "project"},
	"gcp:cloudrunv2/jobIamMember:JobIamMember":                     {"location", "member", "name", "project", "role", "condition"},
	"gcp:cloudscheduler/job:Job":                                   {"name", "project", "region"},
	"gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember":                {"cryptoKeyId", "member", "role", "condition"},
	"gcp:logging/metric:Metric":                                    {"name", "project", "metricDescriptor"},
	"gcp:monitoring/alertPolicy:AlertPolicy":                       {"project"},
	"gcp:monitoring/dashboard:Dashboard":                           {"project"},
	"gcp:monitoring/notificationChannel:NotificationChannel":       {"project"},
	"gcp:projects/iAMMember:IAMMember":                             {"member", "project", "role", "condition"},
	"gcp:projects/service:Service":                                 {"project", "service"},
	"gcp:projects/serviceIdentity:ServiceIdentity":                 {"project", "service"},
	"gcp:secretmanager/secretIamMember:SecretIamMember":            {"member", "project", "role", "secretId", "condition"},
	"gcp:serviceaccount/account:Account":                           {"accountId", "project"},
	"gcp:storage/bucketIAMMember:BucketIAMMember":                  {"bucket", "member", "role", "condition"},
}

// A stack that an earlier version deployed keeps all that it has, less what this version leaves out on purpose: the plans in
// testdata/upgrade are that version's, for the same settings.
func TestUpgradeReplacesNothing(t *testing.T) {
	const role = "vertex_metadata_sa_documents"
	for name, want := range map[string][]string{ // what goes
		"seed":  {"job-" + role, role},
		"tight": {"cloud-scheduler-iam.serviceAccountTokenCreator", "job-artifactregistry.reader", "job-logging.logWriter", "job-storage.objectUser", "job-" + role, role},
		"narrow": {
			"cloud-scheduler-iam.serviceAccountTokenCreator", "job-artifactregistry.reader", "job-logging.logWriter", "job-storage.objectUser", "job-" + role, role,
			// Settings answer these now.
			"job-secretmanager.secretAccessor-gcp_project", "job-secretmanager.secretAccessor-gcs_bucket", "job-secretmanager.secretAccessor-gemini_api_key",
			"job-secretmanager.secretAccessor-secret_id", "job-secretmanager.secretAccessor-version_id",
		},
	} {
		t.Run(name, func(t *testing.T) {
			now, before := planOf(t, name), readPlan(t, filepath.Join("testdata", "upgrade", name+".json"))
			kept := map[string]Resource{}
			for _, r := range now.Resources {
				for _, urn := range append(slices.Clone(r.Aliases), r.URN) {
					if _, twice := kept[urn]; twice {
						t.Errorf("%s: two resources claim to be it", urn)
					}
					kept[urn] = r
				}
			}
			var gone []string
			for _, old := range before.Resources {
				r, ok := kept[old.URN]
				if !ok {
					gone = append(gone, old.Name)
					continue
				}
				for _, changed := range changedInputs("", old.Inputs, r.Inputs) {
					fields, known := identity[old.Type]
					if !known && old.Custom {
						t.Errorf("%s: it is not known for what a %s is replaced", old.Name, old.Type)
					}
					if slices.ContainsFunc(fields, func(field string) bool {
						return changed == field || strings.HasPrefix(changed, field+".") || strings.HasPrefix(changed, field+"[")
					}) {
						t.Errorf("%s is replaced for its %s", old.Name, changed)
					}
				}
			}
			slices.Sort(gone)
			slices.Sort(want)
			if diff := cmp.Diff(want, gone); diff != "" {
				t.Errorf("resources that go (-want +got):\n%s", diff)
			}
		})
	}
}

func readPlan(t *testing.T, file string) *Plan {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	var plan Plan
	must(t, json.Unmarshal(content, &plan))
	return &plan
}
