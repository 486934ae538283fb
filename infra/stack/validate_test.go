package stack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// valid is the least that deploys.
func valid() Args {
	s := example()
	s.Project, s.CloudSQLInstance, s.ArtifactRepository = "my-project", pulumi.String("my-project:asia-northeast1:db"), "jobs"
	return s
}

func TestValidSettings(t *testing.T) {
	for name, change := range map[string]func(s *Args){
		"the least":   func(*Args) {},
		"large tasks": func(s *Args) { s.CPU, s.Memory = "8", "32Gi" },
		"by URL": func(s *Args) {
			s.Secrets = map[string]string{"DATABASE_URL": "database_url", "DB_NAME": "", "DB_USER": "", "SECRET_ID": "", "VERSION_ID": ""}
			s.IAMScope, s.Bucket = "resource", pulumi.String("bucket")
		},
		"a prebuilt image": func(s *Args) {
			s.ArtifactRepository, s.Image = "", pulumi.String("host/a/b@sha256:"+strings.Repeat("0f", 32))
		},
		"a project of a domain":   func(s *Args) { s.Project = "example.com:my-project" },
		"an instance of a domain": func(s *Args) { s.CloudSQLInstance = pulumi.String("example.com:my-project:asia-northeast1:db") },
		"narrow": func(s *Args) {
			s.IAMScope, s.Bucket, s.DBPasswordSecret = "resource", pulumi.String("bucket"), "db_password"
		},
		"a secret of another project": func(s *Args) { s.Secrets = map[string]string{"DB_NAME": "projects/other/secrets/name:3"} },
		"a secret left out":           func(s *Args) { s.Secrets = map[string]string{"GEMINI_API_KEY": ""} },
		"a URL as a secret":           func(s *Args) { s.Secrets = map[string]string{"DATABASE_URL": "database_url"} },
		"an hourly schedule":          func(s *Args) { s.Schedule = "0 9-17 * * MON-FRI" },
		"a patient alert":             func(s *Args) { s.Monitoring, s.Schedule, s.AlertAfter = true, "0 * * * *", 61*time.Minute },
		"a paused alert":              func(s *Args) { s.Monitoring, s.Schedule, s.Paused = true, "0 * * * *", true },
	} {
		s := valid()
		change(&s)
		if err := s.validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProblemsNameTheSettingAndTheRemedy(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *Args)
		want   string
	}{
		{"no project", func(s *Args) { s.Project = "" }, "gcp:project: is not set; give the project's id"},
		{"project", func(s *Args) { s.Project = "My Project" }, `gcp:project: "My Project" is not a project id`},
		{"region", func(s *Args) { s.Region = "tokyo" }, `gcp:region: "tokyo" is not a region such as asia-northeast1`},
		{"instance", func(s *Args) { s.CloudSQLInstance = pulumi.String("d b") }, `vertex-metadata:cloudSqlInstance: "d b" is not project:region:instance, or the instance's name alone`},
		{"long instance", func(s *Args) { s.CloudSQLInstance = pulumi.String("pp:r:" + strings.Repeat("i", 80)) }, "vertex-metadata:cloudSqlInstance: has 85 characters; the path of its socket leaves room for 83"},
		{"image by tag", func(s *Args) { s.Image = pulumi.String("host/image:latest") }, `vertex-metadata:image: "host/image:latest" is not an image by digest: name@sha256:…`},
		{"nowhere to push", func(s *Args) { s.ArtifactRepository = "" }, "vertex-metadata:artifactRepository: is not set; name the repository to push to, or a prebuilt image under image"},
		{"create what", func(s *Args) {
			s.ArtifactRepository, s.Image, s.CreateArtifactRepository = "", pulumi.String("i@sha256:"+strings.Repeat("0", 64)), true
		}, "vertex-metadata:createArtifactRepository: needs artifactRepository: the name of the repository to create"},
		{"part of a cpu", func(s *Args) { s.CPU = "500m" }, `vertex-metadata:cpu: "500m" is none of 1000m, 2000m, 4000m, 6000m, 8000m`},
		{"three cpus", func(s *Args) { s.CPU = "3" }, `vertex-metadata:cpu: "3" is none of 1000m, 2000m, 4000m, 6000m, 8000m`},
		{"memory", func(s *Args) { s.Memory = "512MB" }, `vertex-metadata:memory: "512MB" is not a quantity such as 512Mi or 2Gi`},
		{"much memory", func(s *Args) { s.Memory = "8Gi" }, "vertex-metadata:memory: 8Gi is not between 512Mi and 4096Mi, which is what goes with cpu 1000m"},
		{"little memory", func(s *Args) { s.CPU, s.Memory = "4", "1Gi" }, "vertex-metadata:memory: 1Gi is not between 2048Mi and 16384Mi, which is what goes with cpu 4"},
		{"tasks", func(s *Args) { s.Tasks = 0 }, "vertex-metadata:tasks: 0 is not between 1 and 100"},
		{"parallelism", func(s *Args) { s.Parallelism = 2 }, "vertex-metadata:parallelism: 2 is not between 0 and 1"},
		{"timeout", func(s *Args) { s.Timeout = 8 * 24 * time.Hour }, "vertex-metadata:timeout: 192h0m0s is not between 1s and 168h0m0s"},
		{"deadline", func(s *Args) { s.AttemptDeadline = 20500 * time.Millisecond }, "vertex-metadata:attemptDeadline: 20.5s is not in whole seconds"},
		{"schedule", func(s *Args) { s.Schedule = "every 3 minutes" }, `vertex-metadata:schedule: "every 3 minutes" is not five cron fields`},
		{"minute", func(s *Args) { s.Schedule = "99 * * * *" }, `vertex-metadata:schedule: "99 * * * *" is not a schedule: end of range (99) above maximum (59): 99`},
		{"never", func(s *Args) { s.Monitoring, s.Schedule = true, "0 0 31 2 *" }, `vertex-metadata:schedule: "0 0 31 2 *" is a day that never comes`},
		{"time zone", func(s *Args) { s.TimeZone = "Tokyo" }, `vertex-metadata:timeZone: "Tokyo" is not a time zone such as Asia/Tokyo`},
		{"secret in the open", func(s *Args) { s.Env = map[string]string{"API_TOKEN": "x"} }, "vertex-metadata:env: API_TOKEN looks like a secret; put it into Secret Manager and name it under secrets"},
		{"set by the program", func(s *Args) { s.Env = map[string]string{"GCP_LOCATION": "eu"} }, "vertex-metadata:env: GCP_LOCATION does not belong here: set dataStoreLocation"},
		{"set twice", func(s *Args) { s.Env = map[string]string{"DB_NAME": "app"} }, "vertex-metadata:env: DB_NAME does not belong here: set database"},
		{"variable", func(s *Args) { s.Env = map[string]string{"lower": "x"} }, "vertex-metadata:env: lower is not a variable name of capitals, digits and underscores"},
		{"needed secret", func(s *Args) { s.Secrets = map[string]string{"DB_NAME": ""} }, "vertex-metadata:secrets: DB_NAME cannot be left out; the job needs it"},
		{"secret", func(s *Args) { s.Secrets = map[string]string{"DB_NAME": "a b"} }, `vertex-metadata:secrets: DB_NAME: "a b" is not secret, secret:version or projects/PROJECT/secrets/SECRET:version`},
		{"label", func(s *Args) { s.Labels = map[string]string{"Team": "x"} }, `vertex-metadata:labels: Team: "x" is not a label of at most 63 letters (of any script, no capitals), digits, dashes and underscores, the key with a letter first`},
		{"e-mail", func(s *Args) { s.Monitoring, s.AlertEmails = true, []string{"nobody"} }, `vertex-metadata:alertEmails: "nobody" is not an e-mail address`},
		{"alerts unseen", func(s *Args) { s.AlertEmails = []string{"a@example.com"} }, "vertex-metadata:monitoring: is false though alertEmails are given; set it to true"},
		{"same account", func(s *Args) { s.RunnerAccount = s.JobAccount }, "vertex-metadata:runnerAccount: must differ from jobAccount; the trigger may only start the job"},
		{"subnetwork alone", func(s *Args) { s.VPCSubnetwork = pulumi.String("jobs") }, "vertex-metadata:vpcNetwork: is not set though vpcSubnetwork is; name the network too"},
		{"key elsewhere", func(s *Args) { s.KMSKey = pulumi.String("projects/p/locations/us/keyRings/r/cryptoKeys/k") }, `vertex-metadata:kmsKey: "projects/p/locations/us/keyRings/r/cryptoKeys/k" is not in the job's region asia-northeast1`},
		{"password", func(s *Args) { s.DBPasswordSecret = "p w" }, `vertex-metadata:dbPasswordSecret: "p w" is not secret, secret:version or projects/PROJECT/secrets/SECRET`},
		{"two queries", func(s *Args) { s.SyncQueryFile, s.Env = "q.sql", map[string]string{"SYNC_QUERY": "x"} }, "vertex-metadata:syncQueryFile: is set and so is SYNC_QUERY under env; keep one"},
		{"import", func(s *Args) { s.AlertImportAfter = time.Minute }, "vertex-metadata:alertImportAfter: 1m0s is not between 10m0s and 720h0m0s"},
		{"wait", func(s *Args) { s.SettleLimit = 2 * time.Hour }, "vertex-metadata:settleLimit: 2h0m0s is not between 0s and 1h0m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := valid()
			c.change(&s)
			want := "invalid settings; correct them with `pulumi config set` or in the stack's file:\n  " + c.want
			if err := s.validate(); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestNarrowScopeNeedsWhatItGrantsOn(t *testing.T) {
	s := valid()
	s.IAMScope = "resource"
	want := strings.Join([]string{
		"invalid settings; correct them with `pulumi config set` or in the stack's file:",
		"  vertex-metadata:bucket: is not set; iamScope resource grants access to this bucket alone",
		"  vertex-metadata:dbPasswordSecret: is not set; iamScope resource grants access secret by secret",
	}, "\n")
	if err := s.validate(); err == nil || err.Error() != want {
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
		{"misspelt and removed", `{"vertex-metadata:taks": "2", "vertex-metadata:deletionprotection": "true", "vertex-metadata:dataStoreRole": "r"}`, problems{
			{"dataStoreRole", "is no longer a setting: roles/discoveryengine.editor has all that the job needs; remove it"},
			{"deletionprotection", "is not a setting; write deletionProtection"},
			{"taks", "is not a setting; infra/README.md lists them"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got problems
			findStrangers(configuration(test.configuration), &got)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(problem{})); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsOfTheWrongType(t *testing.T) {
	want := map[string]string{
		"paused": `"maybe" is not true or false`, "tasks": `"maybe" is not a whole number`, "timeout": `"maybe" is not a duration such as 90s or 15m`,
		"alertEmails": "is not a list of strings", "env": "is not a map of strings",
	}
	var s Args
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
			// The bucket and the password's secret are settings: nothing is mounted for them.
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := valid()
			s.IAMScope, s.DBPasswordSecret = test.scope, "projects/my-project/secrets/db_name"
			if test.scope == scopeResource {
				s.Bucket = pulumi.String("bucket")
			}
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
	secrets := []string{"data_store_id", "gcp_project", "gcs_bucket", "project_id", "projects/other/secrets/name", "secret_id", "url", "user", "version_id"}
	if diff := cmp.Diff(secrets, s.readSecrets()); diff != "" {
		t.Errorf("secrets to read (-want +got):\n%s", diff)
	}
	if project, id := s.splitSecret("projects/other/secrets/name"); project != "other" || id != "name" {
		t.Errorf("split into %s and %s", project, id)
	}
}
