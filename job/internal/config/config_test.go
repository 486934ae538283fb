package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/job/internal/refusal"
)

// env returns a getenv over pairs of name=value.
func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		m[name] = value
	}
	return func(name string) string { return m[name] }
}

var (
	always = []string{"GCS_BUCKET=b", "PROJECT_ID=p", "DATA_STORE_ID=d"}
	local  = append([]string{"DATABASE_URL=postgres://localhost/app"}, always...)
	cloud  = append([]string{"DB_NAME=app", "DB_USER=reader", "SECRET_ID=db-password", "CLOUD_SQL_INSTANCE=p:r:i"}, always...)
)

func with(base []string, more ...string) func(string) string {
	return env(append(append([]string{}, base...), more...)...)
}

func TestLoadDefaults(t *testing.T) {
	got, err := Load(with(local))
	if err != nil {
		t.Fatal(err)
	}
	sync := Sync{Query: DefaultQuery, DataStore: "d", Location: "global", MIMETypes: []string{"image/jpeg", "image/png", "image/webp"}}
	want := Config{
		DatabaseURL: "postgres://localhost/app", SocketDir: "/cloudsql", SecretVersion: "latest",
		Project: "p", Bucket: "b", Sync: sync, Syncs: []Sync{sync}, MaxDocumentBytes: 1 << 20,
		QueryOrigin: "the default; set SYNC_QUERY or SYNC_QUERY_FILE to another SELECT",
		ImportWait:  2 * time.Minute, FullSyncInterval: 24 * time.Hour, RescanInterval: time.Hour,
		MaxDeleteRatio: 0.5, MaxChangeRatio: 1, MaxFailed: Limit{Share: 0.01}, StatementTimeout: 10 * time.Minute, Tasks: 1, LogLevel: "info",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoadTakesTheInstanceFromEitherVariable(t *testing.T) {
	for name, tt := range map[string]struct {
		pairs []string
		want  string
	}{
		"own variable":            {nil, "p:r:i"},
		"own variable wins":       {[]string{"GCP_PROJECT=other:r:i"}, "p:r:i"},
		"historical":              {[]string{"CLOUD_SQL_INSTANCE=", "GCP_PROJECT=hist:r:i"}, "hist:r:i"},
		"project with a domain":   {[]string{"CLOUD_SQL_INSTANCE=example.com:p:r:i"}, "example.com:p:r:i"},
		"newlines of the secrets": {[]string{"CLOUD_SQL_INSTANCE=\n", "GCP_PROJECT=hist:r:i\n"}, "hist:r:i"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(with(cloud, tt.pairs...))
			if err != nil {
				t.Fatal(err)
			}
			if got.Instance != tt.want {
				t.Errorf("Instance = %q, want %q", got.Instance, tt.want)
			}
		})
	}
}

// problemsOf is the error of Load with its remedies.
func problemsOf(t *testing.T, getenv func(string) string) string {
	t.Helper()
	_, err := Load(getenv)
	var problems *refusal.Advice
	if !errors.As(err, &problems) || !problems.Config {
		t.Fatalf("Load = %v, want an error of the configuration", err)
	}
	return problems.Text + ": " + problems.Remedy
}

func TestLoadNamesEveryProblem(t *testing.T) {
	for name, tt := range map[string]struct {
		getenv func(string) string
		want   string
	}{
		"nothing set": {env(), "configuration: GCS_BUCKET is not set; PROJECT_ID is not set; DATA_STORE_ID is not set; " +
			"DB_NAME is not set; DB_USER is not set; SECRET_ID is not set; CLOUD_SQL_INSTANCE is not set, and GCP_PROJECT does not have its form project:region:instance: " +
			"set GCS_BUCKET (bucket for the snapshot and the job's state); set PROJECT_ID (project id or number of the password secret and of the data store); " +
			"set DATA_STORE_ID (Vertex AI Search data store; not needed where each of SYNCS has one); set DB_NAME, DB_USER, SECRET_ID and CLOUD_SQL_INSTANCE, or DATABASE_URL alone"},
		"blank counts as missing":     {with(local, "GCS_BUCKET= \n"), "configuration: GCS_BUCKET is not set: set GCS_BUCKET (bucket for the snapshot and the job's state)"},
		"instance":                    {with(cloud, "CLOUD_SQL_INSTANCE=i"), `configuration: CLOUD_SQL_INSTANCE is "i": set CLOUD_SQL_INSTANCE to project:region:instance`},
		"instance with an empty part": {with(cloud, "CLOUD_SQL_INSTANCE=p::i"), `configuration: CLOUD_SQL_INSTANCE is "p::i": set CLOUD_SQL_INSTANCE to project:region:instance`},
		"names": {
			with(cloud, "GCS_BUCKET=gs://b", "PROJECT_ID=projects/p", "DATA_STORE_ID=a/b", "SECRET_ID=projects/p/secrets/s", "VERSION_ID=1 2"),
			"configuration: GCS_BUCKET is not a bucket's name; PROJECT_ID is not a project's id or number; DATA_STORE_ID is not a data store's id; " +
				"SECRET_ID is not a secret's id; VERSION_ID is not a version: set GCS_BUCKET to the name alone, without gs://; " +
				"set PROJECT_ID to the id or number alone, without projects/; set DATA_STORE_ID to the id alone, without the path before it; " +
				"set SECRET_ID to the id alone, without the path before it; set VERSION_ID to a number, an alias or latest",
		},
		"database URL": {
			with(local, "DATABASE_URL=postgres://u:hunter2%ss@host/d"),
			"configuration: DATABASE_URL is not a libpq URL: percent-encode the user and the password: / as %2F, @ as %40, # as %23, ? as %3F, % as %25",
		},
		"certificate of the database": {
			with(local, "DATABASE_URL=postgres://u:hunter2@host/d?sslmode=verify-full&sslrootcert=absent.pem"),
			"configuration: DATABASE_URL names absent.pem, which cannot be read (no such file or directory): correct the path, or mount the file",
		},
		"negative statement timeout": {with(local, "STATEMENT_TIMEOUT=-1s"), `configuration: STATEMENT_TIMEOUT is "-1s": set STATEMENT_TIMEOUT to 0 or a duration from 1ms to 576h, such as 90s, 2m or 24h`},
		"short statement timeout":    {with(local, "STATEMENT_TIMEOUT=999us"), `configuration: STATEMENT_TIMEOUT is "999us": set STATEMENT_TIMEOUT to 0 or a duration from 1ms to 576h, such as 90s, 2m or 24h`},
		"long statement timeout":     {with(local, "STATEMENT_TIMEOUT=577h"), `configuration: STATEMENT_TIMEOUT is "577h": set STATEMENT_TIMEOUT to 0 or a duration from 1ms to 576h, such as 90s, 2m or 24h`},
		"location":                   {with(local, "GCP_LOCATION=asia"), `configuration: GCP_LOCATION is "asia": set GCP_LOCATION to one of global, us, eu`},
		"durations": {
			with(local, "IMPORT_WAIT=soon", "RESCAN_INTERVAL=-1h"),
			`configuration: IMPORT_WAIT is "soon"; RESCAN_INTERVAL is "-1h": set IMPORT_WAIT to a duration such as 90s, 2m or 24h; set RESCAN_INTERVAL to a duration such as 90s, 2m or 24h`,
		},
		"ratio":                   {with(local, "MAX_DELETE_RATIO=50"), `configuration: MAX_DELETE_RATIO is "50": set MAX_DELETE_RATIO to a share from 0 to 1, such as 0.5 or 50%`},
		"ratio NaN":               {with(local, "MAX_DELETE_RATIO=NaN"), `configuration: MAX_DELETE_RATIO is "NaN": set MAX_DELETE_RATIO to a share from 0 to 1, such as 0.5 or 50%`},
		"document size":           {with(local, "MAX_DOCUMENT_BYTES=0"), `configuration: MAX_DOCUMENT_BYTES is "0": set MAX_DOCUMENT_BYTES to a whole number above 0`},
		"no MIME type":            {with(local, "SYNC_MIME_TYPES=,"), "configuration: SYNC_MIME_TYPES has an empty entry: leave out the comma in SYNC_MIME_TYPES that has nothing before it"},
		"wildcard":                {with(local, "SYNC_MIME_TYPES=image/*, jpg,PNG"), `configuration: SYNC_MIME_TYPES has "image/*", which is not a MIME type; SYNC_MIME_TYPES has "jpg", which is not a MIME type; SYNC_MIME_TYPES has "png", which is not a MIME type: set SYNC_MIME_TYPES to types such as image/png, separated by commas`},
		"blank between types":     {with(local, "SYNC_MIME_TYPES=image/png image/gif"), `configuration: SYNC_MIME_TYPES has "image/png image/gif", which is not a MIME type: set SYNC_MIME_TYPES to types such as image/png, separated by commas`},
		"forgotten type":          {with(local, "SYNC_MIME_TYPES=image/png,,image/jpeg"), "configuration: SYNC_MIME_TYPES has an empty entry: leave out the comma in SYNC_MIME_TYPES that has nothing before it"},
		"unregistered type":       {with(local, "SYNC_MIME_TYPES=image/JPG"), `configuration: SYNC_MIME_TYPES has "image/jpg", which is not a registered MIME type: write image/jpeg in SYNC_MIME_TYPES`},
		"content buckets":         {with(local, "CONTENT_BUCKETS=gs://b"), `configuration: CONTENT_BUCKETS has "gs://b", which is not a bucket's name: set CONTENT_BUCKETS to names of buckets, without gs://, separated by commas`},
		"no content bucket":       {with(local, "CONTENT_BUCKETS=,"), "configuration: CONTENT_BUCKETS has an empty entry: leave out the comma in CONTENT_BUCKETS that has nothing before it"},
		"a URL elsewhere":         {with(cloud, "CLOUD_SQL_INSTANCE=postgres://u:hunter2@h/d"), "configuration: CLOUD_SQL_INSTANCE is a value that is not shown here: set CLOUD_SQL_INSTANCE to project:region:instance"},
		"failed":                  {with(local, "MAX_FAILED=-1"), `configuration: MAX_FAILED is "-1": set MAX_FAILED to a number of documents, such as 25, or a share of them, such as 1% or 0.01`},
		"failed share":            {with(local, "MAX_FAILED=101%"), `configuration: MAX_FAILED is "101%": set MAX_FAILED to a number of documents, such as 25, or a share of them, such as 1% or 0.01`},
		"boolean":                 {with(cloud, "DB_IAM_AUTH=yes"), `configuration: DB_IAM_AUTH is "yes": set DB_IAM_AUTH to true or false`},
		"IP type":                 {with(cloud, "CLOUD_SQL_IP_TYPE=vpc"), `configuration: CLOUD_SQL_IP_TYPE is "vpc": set CLOUD_SQL_IP_TYPE to one of private, psc, public`},
		"IP type beside a URL":    {with(local, "CLOUD_SQL_IP_TYPE=psc"), "configuration: both DATABASE_URL and CLOUD_SQL_IP_TYPE are set: unset one of DATABASE_URL and CLOUD_SQL_IP_TYPE"},
		"query is not UTF-8":      {with(local, "SYNC_QUERY=SELECT '\xff'"), "configuration: SYNC_QUERY is not UTF-8: write it in UTF-8"},
		"embeddings":              {with(local, "EMBEDDING_MODEL=m"), "configuration: EMBEDDING_MODEL is set, but this version does not write embeddings: unset EMBEDDING_MODEL"},
		"two queries":             {with(local, "SYNC_QUERY=SELECT 1", "SYNC_QUERY_FILE=q.sql"), "configuration: both SYNC_QUERY and SYNC_QUERY_FILE are set: unset one of SYNC_QUERY and SYNC_QUERY_FILE"},
		"absent file":             {with(local, "SYNC_QUERY_FILE=absent.sql"), "configuration: SYNC_QUERY_FILE absent.sql cannot be read: no such file or directory: correct the path in SYNC_QUERY_FILE, or mount the file"},
		"task index":              {with(local, "CLOUD_RUN_TASK_COUNT=2", "CLOUD_RUN_TASK_INDEX=2", "CLOUD_RUN_EXECUTION=e"), `configuration: CLOUD_RUN_TASK_INDEX is "2": set CLOUD_RUN_TASK_INDEX to a number below CLOUD_RUN_TASK_COUNT`},
		"task count":              {with(local, "CLOUD_RUN_TASK_COUNT=0"), `configuration: CLOUD_RUN_TASK_COUNT is "0": set CLOUD_RUN_TASK_COUNT to a whole number above 0`},
		"not a number":            {with(local, "CLOUD_RUN_TASK_INDEX=first"), `configuration: CLOUD_RUN_TASK_INDEX is "first": set CLOUD_RUN_TASK_INDEX to a whole number`},
		"task count not a number": {with(local, "CLOUD_RUN_TASK_COUNT=abc"), `configuration: CLOUD_RUN_TASK_COUNT is "abc": set CLOUD_RUN_TASK_COUNT to a whole number above 0`},
		"level":                   {with(local, "LOG_LEVEL=loud"), `configuration: LOG_LEVEL is "loud": set LOG_LEVEL to one of info, debug`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, problemsOf(t, tt.getenv)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadQueryFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "query.sql")
	if err := os.WriteFile(file, []byte("SELECT 1 AS id\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(with(local, "SYNC_QUERY_FILE="+file))
	if err != nil {
		t.Fatal(err)
	}
	if got.Query != "SELECT 1 AS id" {
		t.Errorf("Query = %q", got.Query)
	}
	if err := os.WriteFile(file, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "configuration: SYNC_QUERY_FILE " + file + " is empty: write the query into it, or unset SYNC_QUERY_FILE for the default query"
	if got := problemsOf(t, with(local, "SYNC_QUERY_FILE="+file)); got != want {
		t.Errorf("Load = %q, want %q", got, want)
	}
}

// No value may reach an error: most of them come from Secret Manager.
func TestErrorsShowNoSecret(t *testing.T) {
	for _, v := range Variables {
		if !v.Secret {
			continue
		}
		if text := problemsOf(t, env(v.Name+"=hunter2 hunter2")); strings.Contains(text, "hunter2") {
			t.Errorf("the value of %s is in the error: %s", v.Name, text)
		}
	}
}

func TestStatementTimeoutOfZero(t *testing.T) {
	if got, err := Load(with(local, "STATEMENT_TIMEOUT=0")); err != nil || got.StatementTimeout != 0 {
		t.Errorf("Load = %v, %v", got.StatementTimeout, err)
	}
}

// The last line of a run has them also where the configuration is wrong.
func TestExecutionAndTaskOfAWrongConfiguration(t *testing.T) {
	got, err := Load(env("CLOUD_RUN_EXECUTION=job-x7k\n", "CLOUD_RUN_TASK_INDEX=3", "CLOUD_RUN_TASK_COUNT=4"))
	if err == nil || got.Execution != "job-x7k" || got.Task != 3 {
		t.Errorf("got %q, task %d, %v", got.Execution, got.Task, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("2m", "0.5", "1", "image/png", "p:r:i")
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, wait, ratio, tasks, types, instance string) {
		c, err := Load(with(cloud, "IMPORT_WAIT="+wait, "MAX_DELETE_RATIO="+ratio, "CLOUD_RUN_TASK_COUNT="+tasks,
			"CLOUD_RUN_EXECUTION=e", "SYNC_MIME_TYPES="+types, "CLOUD_SQL_INSTANCE="+instance))
		if err != nil {
			return
		}
		if c.ImportWait < 0 || !(c.MaxDeleteRatio >= 0 && c.MaxDeleteRatio <= 1) || c.Tasks < 1 ||
			len(c.MIMETypes) == 0 || strings.Count(c.Instance, ":") < 2 {
			t.Errorf("Load accepted %+v", c)
		}
	})
}
