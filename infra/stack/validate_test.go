package stack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// valid is the least that deploys.
func valid() Settings {
	s := example()
	s.Project, s.CloudSQLInstance, s.ArtifactRepository = "my-project", "my-project:asia-northeast1:db", "jobs"
	return s
}

func TestValidSettings(t *testing.T) {
	for name, change := range map[string]func(s *Settings){
		"the least":   func(*Settings) {},
		"large tasks": func(s *Settings) { s.CPU, s.Memory = "8", "32Gi" },
		"by URL": func(s *Settings) {
			s.Secrets = map[string]string{"DATABASE_URL": "database_url", "DB_NAME": "", "DB_USER": "", "SECRET_ID": "", "VERSION_ID": ""}
			s.IAMScope, s.Bucket = "resource", "bucket"
		},
		"a prebuilt image":            func(s *Settings) { s.ArtifactRepository, s.Image = "", "host/a/b@sha256:"+strings.Repeat("0f", 32) },
		"a project of a domain":       func(s *Settings) { s.Project = "example.com:my-project" },
		"an instance of a domain":     func(s *Settings) { s.CloudSQLInstance = "example.com:my-project:asia-northeast1:db" },
		"narrow":                      func(s *Settings) { s.IAMScope, s.Bucket, s.DBPasswordSecret = "resource", "bucket", "db_password" },
		"a secret of another project": func(s *Settings) { s.Secrets = map[string]string{"DB_NAME": "projects/other/secrets/name:3"} },
		"a secret left out":           func(s *Settings) { s.Secrets = map[string]string{"GEMINI_API_KEY": ""} },
		"a URL as a secret":           func(s *Settings) { s.Secrets = map[string]string{"DATABASE_URL": "database_url"} },
		"a custom role":               func(s *Settings) { s.DataStoreRole = "organizations/1234/roles/search.writer" },
		"an hourly schedule":          func(s *Settings) { s.Schedule = "0 9-17 * * MON-FRI" },
		"a patient alert":             func(s *Settings) { s.Monitoring, s.Schedule, s.AlertAfter = true, "0 * * * *", 61*time.Minute },
		"a paused alert":              func(s *Settings) { s.Monitoring, s.Schedule, s.Paused = true, "0 * * * *", true },
	} {
		s := valid()
		change(&s)
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProblemsNameTheSettingAndTheRemedy(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *Settings)
		want   string
	}{
		{"no project", func(s *Settings) { s.Project = "" }, "gcp:project: is not set; give the project's id"},
		{"project", func(s *Settings) { s.Project = "My Project" }, `gcp:project: "My Project" is not a project id`},
		{"region", func(s *Settings) { s.Region = "tokyo" }, `gcp:region: "tokyo" is not a region such as asia-northeast1`},
		{"instance", func(s *Settings) { s.CloudSQLInstance = "db" }, `vertex-metadata:cloudSqlInstance: "db" is not project:region:instance`},
		{"long instance", func(s *Settings) { s.CloudSQLInstance = "pp:r:" + strings.Repeat("i", 80) }, "vertex-metadata:cloudSqlInstance: has 85 characters; the path of its socket leaves room for 83"},
		{"image by tag", func(s *Settings) { s.Image = "host/image:latest" }, `vertex-metadata:image: "host/image:latest" is not an image by digest: name@sha256:…`},
		{"nowhere to push", func(s *Settings) { s.ArtifactRepository = "" }, "vertex-metadata:artifactRepository: is not set; name the repository to push to, or a prebuilt image under image"},
		{"create what", func(s *Settings) {
			s.ArtifactRepository, s.Image, s.CreateArtifactRepository = "", "i@sha256:"+strings.Repeat("0", 64), true
		}, "vertex-metadata:createArtifactRepository: needs artifactRepository: the name of the repository to create"},
		{"part of a cpu", func(s *Settings) { s.CPU = "500m" }, `vertex-metadata:cpu: "500m" is none of 1000m, 2000m, 4000m, 6000m, 8000m`},
		{"three cpus", func(s *Settings) { s.CPU = "3" }, `vertex-metadata:cpu: "3" is none of 1000m, 2000m, 4000m, 6000m, 8000m`},
		{"memory", func(s *Settings) { s.Memory = "512MB" }, `vertex-metadata:memory: "512MB" is not a quantity such as 512Mi or 2Gi`},
		{"much memory", func(s *Settings) { s.Memory = "8Gi" }, "vertex-metadata:memory: 8Gi is not between 512Mi and 4096Mi, which is what goes with cpu 1000m"},
		{"little memory", func(s *Settings) { s.CPU, s.Memory = "4", "1Gi" }, "vertex-metadata:memory: 1Gi is not between 2048Mi and 16384Mi, which is what goes with cpu 4"},
		{"tasks", func(s *Settings) { s.Tasks = 0 }, "vertex-metadata:tasks: 0 is not between 1 and 100"},
		{"parallelism", func(s *Settings) { s.Parallelism = 2 }, "vertex-metadata:parallelism: 2 is not between 0 and 1"},
		{"timeout", func(s *Settings) { s.Timeout = 8 * 24 * time.Hour }, "vertex-metadata:timeout: 192h0m0s is not between 1s and 168h0m0s"},
		{"deadline", func(s *Settings) { s.AttemptDeadline = 20500 * time.Millisecond }, "vertex-metadata:attemptDeadline: 20.5s is not in whole seconds"},
		{"schedule", func(s *Settings) { s.Schedule = "every 3 minutes" }, `vertex-metadata:schedule: "every 3 minutes" is not five cron fields`},
		{"minute", func(s *Settings) { s.Schedule = "99 * * * *" }, `vertex-metadata:schedule: "99 * * * *" is not a schedule: end of range (99) above maximum (59): 99`},
		{"hours between runs", func(s *Settings) { s.Monitoring, s.Schedule = true, "0 * * * *" }, "vertex-metadata:alertAfter: 30m0s is not longer than a pause of the schedule, 1h0m0s; the alert would go off with every such pause"},
		{"nights between runs", func(s *Settings) { s.Monitoring, s.Schedule = true, "*/3 6-21 * * *" }, "vertex-metadata:alertAfter: 30m0s is not longer than a pause of the schedule, 8h3m0s; the alert would go off with every such pause"},
		{"never", func(s *Settings) { s.Monitoring, s.Schedule = true, "0 0 31 2 *" }, `vertex-metadata:schedule: "0 0 31 2 *" is a day that never comes`},
		{"time zone", func(s *Settings) { s.TimeZone = "Tokyo" }, `vertex-metadata:timeZone: "Tokyo" is not a time zone such as Asia/Tokyo`},
		{"secret in the open", func(s *Settings) { s.Env = map[string]string{"API_TOKEN": "x"} }, "vertex-metadata:env: API_TOKEN looks like a secret; put it into Secret Manager and name it under secrets"},
		{"set by the program", func(s *Settings) { s.Env = map[string]string{"GCP_LOCATION": "eu"} }, "vertex-metadata:env: GCP_LOCATION is set by the program or by Cloud Run; leave it out"},
		{"set twice", func(s *Settings) { s.Env = map[string]string{"DB_NAME": "app"} }, "vertex-metadata:env: DB_NAME is mounted from a secret; set it under secrets"},
		{"variable", func(s *Settings) { s.Env = map[string]string{"lower": "x"} }, "vertex-metadata:env: lower is not a variable name of capitals, digits and underscores"},
		{"needed secret", func(s *Settings) { s.Secrets = map[string]string{"DB_NAME": ""} }, "vertex-metadata:secrets: DB_NAME cannot be left out; the job needs it"},
		{"secret", func(s *Settings) { s.Secrets = map[string]string{"DB_NAME": "a b"} }, `vertex-metadata:secrets: DB_NAME: "a b" is not secret, secret:version or projects/PROJECT/secrets/SECRET:version`},
		{"label", func(s *Settings) { s.Labels = map[string]string{"Team": "x"} }, `vertex-metadata:labels: Team: "x" is not a label of at most 63 lower-case letters, digits, dashes and underscores`},
		{"e-mail", func(s *Settings) { s.Monitoring, s.AlertEmails = true, []string{"nobody"} }, `vertex-metadata:alertEmails: "nobody" is not an e-mail address`},
		{"alerts unseen", func(s *Settings) { s.AlertEmails = []string{"a@example.com"} }, "vertex-metadata:monitoring: is false though alertEmails are given; set it to true"},
		{"same account", func(s *Settings) { s.RunnerAccount = s.JobAccount }, "vertex-metadata:runnerAccount: must differ from jobAccount; the trigger may only start the job"},
		{"subnetwork alone", func(s *Settings) { s.VPCSubnetwork = "jobs" }, "vertex-metadata:vpcNetwork: is not set though vpcSubnetwork is; name the network too"},
		{"key elsewhere", func(s *Settings) { s.KMSKey = "projects/p/locations/us/keyRings/r/cryptoKeys/k" }, `vertex-metadata:kmsKey: "projects/p/locations/us/keyRings/r/cryptoKeys/k" is not in the job's region asia-northeast1`},
		{"password pinned", func(s *Settings) { s.DBPasswordSecret = "pw:1" }, `vertex-metadata:dbPasswordSecret: "pw:1" is not a secret id or projects/PROJECT/secrets/SECRET`},
		{"two queries", func(s *Settings) { s.SyncQueryFile, s.Env = "q.sql", map[string]string{"SYNC_QUERY": "x"} }, "vertex-metadata:syncQueryFile: is set and so is SYNC_QUERY under env; keep one"},
		{"import", func(s *Settings) { s.AlertImportAfter = time.Minute }, "vertex-metadata:alertImportAfter: 1m0s is not between 10m0s and 720h0m0s"},
		{"wait", func(s *Settings) { s.GrantWait = time.Hour }, "vertex-metadata:grantWait: 1h0m0s is not between 0s and 10m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := valid()
			c.change(&s)
			want := "settings to mend with `pulumi config set` or in the stack's file:\n  " + c.want
			if err := s.Validate(); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestNarrowScopeNeedsWhatItGrantsOn(t *testing.T) {
	s := valid()
	s.IAMScope = "resource"
	want := strings.Join([]string{
		"settings to mend with `pulumi config set` or in the stack's file:",
		"  vertex-metadata:bucket: is not set; iamScope resource grants access to this bucket alone",
		"  vertex-metadata:dbPasswordSecret: is not set; iamScope resource grants access secret by secret",
	}, "\n")
	if err := s.Validate(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestMisspeltSettings(t *testing.T) {
	for _, test := range []struct {
		name, configuration string
		want                problems
	}{
		{"none", "", nil},
		{"all known", `{"vertex-metadata:tasks": "2", "gcp:project": "p", "other:taks": "3"}`, nil},
		{"misspelt", `{"vertex-metadata:taks": "2", "vertex-metadata:deletionprotection": "true"}`, problems{
			"vertex-metadata:deletionprotection: is not a setting; write deletionProtection",
			"vertex-metadata:taks: is not a setting; infra/README.md lists them",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got problems
			findStrangers(test.configuration, &got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsOfTheWrongType(t *testing.T) {
	want := map[string]string{
		"paused": `"maybe" is not true or false`, "tasks": `"maybe" is not a whole number`, "timeout": `"maybe" is not a duration such as 90s or 15m`,
		"alertEmails": "is not a list of strings", "env": "is not a map of strings; quote numbers and booleans",
	}
	var s Settings
	for _, d := range Declared(&s) {
		if text, ok := want[d.Key]; ok {
			if err := d.set("maybe"); err == nil || err.Error() != text {
				t.Errorf("%s: got %v, want %s", d.Key, err, text)
			}
		}
	}
}

// A secret goes by one name however it is written, and the job may read it wherever it is.
func TestSecretsOfOtherProjects(t *testing.T) {
	for _, test := range []struct {
		name, scope string
		want        []string // resource name and target of the grants on secrets
	}{
		{"project", scopeProject, []string{
			"job-secretmanager.secretAccessor on project my-project",
			"job-secretmanager.secretAccessor-other.db_name on secret projects/other/secrets/db_name",
			"job-secretmanager.secretAccessor-third.db_name on secret projects/third/secrets/db_name",
		}},
		{"resource", scopeResource, []string{
			"job-secretmanager.secretAccessor-data_store_id on secret data_store_id",
			"job-secretmanager.secretAccessor-db_name on secret db_name",
			"job-secretmanager.secretAccessor-gcs_bucket on secret gcs_bucket",
			"job-secretmanager.secretAccessor-project_id on secret project_id",
			"job-secretmanager.secretAccessor-other.db_name on secret projects/other/secrets/db_name",
			"job-secretmanager.secretAccessor-third.db_name on secret projects/third/secrets/db_name",
			"job-secretmanager.secretAccessor-secret_id on secret secret_id",
			"job-secretmanager.secretAccessor-version_id on secret version_id",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := valid()
			s.IAMScope, s.Bucket, s.DBPasswordSecret = test.scope, "bucket", "projects/my-project/secrets/db_name"
			s.Secrets = map[string]string{
				"DB_NAME": "db_name", "DB_USER": "projects/other/secrets/db_name", "EXTRA": "projects/third/secrets/db_name:7",
				"GCP_PROJECT": "", "GEMINI_API_KEY": "", "GCS_BUCKET": "projects/my-project/secrets/gcs_bucket:1",
			}
			var got []string
			for _, g := range Access(s) {
				if g.Role == "roles/secretmanager.secretAccessor" {
					got = append(got, fmt.Sprintf("%s on %s %s", g.Name, g.On, g.Target))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMounts(t *testing.T) {
	s := valid()
	s.Secrets = map[string]string{
		"DB_NAME": "projects/other/secrets/name:3", "DB_USER": "user", "GEMINI_API_KEY": "", "DATABASE_URL": "url:prod",
	}
	s.DBPasswordSecret = "pw"
	want := map[string]mount{
		"DB_NAME": {"projects/other/secrets/name", "3"}, "DB_USER": {"user", "latest"}, "DATABASE_URL": {"url", "prod"},
		"GCP_PROJECT": {"gcp_project", "latest"}, "GCS_BUCKET": {"gcs_bucket", "latest"}, "PROJECT_ID": {"project_id", "latest"},
		"SECRET_ID": {"secret_id", "latest"}, "VERSION_ID": {"version_id", "latest"}, "DATA_STORE_ID": {"data_store_id", "latest"},
	}
	if diff := cmp.Diff(want, s.mounts(), cmp.AllowUnexported(mount{})); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
	secrets := []string{"data_store_id", "gcp_project", "gcs_bucket", "project_id", "projects/other/secrets/name", "pw", "secret_id", "url", "user", "version_id"}
	if diff := cmp.Diff(secrets, s.readSecrets()); diff != "" {
		t.Errorf("secrets to read (-want +got):\n%s", diff)
	}
	if project, id := s.splitSecret("projects/other/secrets/name"); project != "other" || id != "name" {
		t.Errorf("split into %s and %s", project, id)
	}
}
