package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// problemsOf are the problems of the least that deploys, changed, without what they all begin with.
func problemsOf(change func(a *Args)) []string {
	a := valid()
	change(&a)
	err := a.validate()
	if err == nil {
		return nil
	}
	lines := strings.Split(err.Error(), "\n")[1:]
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  vertex-metadata:")
	}
	return lines
}

func TestEnvironmentIsCheckedByTheJobsTable(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"IMPORT_WAIT", "5m", ""},
		{"IMPORT_WAIT", "soon", `env: IMPORT_WAIT is "soon", which the job refuses; want a duration such as 90s, 2m or 24h`},
		{"MAX_DELETE_RATIO", "50%", ""},
		{"MAX_DELETE_RATIO", "50", `env: MAX_DELETE_RATIO is "50", which the job refuses; want a share from 0 to 1, such as 0.5 or 50%`},
		{"RESCAN_INTERVALL", "0", "env: RESCAN_INTERVALL is no variable of the job; write RESCAN_INTERVAL"},
		{"COLOUR", "red", "env: COLOUR is no variable of the job; docs/ENVIRONMENT.md lists them"},
		{"CONTENT_BUCKETS", "a-bucket,b-bucket", ""},
		{"CONTENT_BUCKETS", "gs://a", `env: CONTENT_BUCKETS is "gs://a", which the job refuses; want names of buckets, separated by commas, without gs://`},
		{"GOMEMLIMIT", "400MiB", ""},
		{"STORAGE_EMULATOR_HOST", "127.0.0.1:1", "env: STORAGE_EMULATOR_HOST does not belong here: it sends what the job reads to a stand-in, in plain text; leave it out"},
		{"DISCOVERYENGINE_ENDPOINT", "h:1", "env: DISCOVERYENGINE_ENDPOINT does not belong here: it sends what the job reads to a stand-in, in plain text; leave it out"},
		{"SECRETMANAGER_ENDPOINT", "h:1", "env: SECRETMANAGER_ENDPOINT does not belong here: it sends what the job reads to a stand-in, in plain text; leave it out"},
		{"CLOUD_RUN_TASK_INDEX", "0", "env: CLOUD_RUN_TASK_INDEX is set by Cloud Run; leave it out"},
		{"SYNC_QUERY_FILE", "q.sql", "env: SYNC_QUERY_FILE does not belong here: set syncQueryFile; the image holds no query"},
		{"DATABASE_URL", "postgres://", "env: DATABASE_URL does not belong here: it holds a password: put it into Secret Manager and name it under secrets"},
	} {
		var want []string
		if test.want != "" {
			want = []string{test.want}
		}
		got := problemsOf(func(a *Args) { a.Env = map[string]string{test.name: test.value} })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s=%s (-want +got):\n%s", test.name, test.value, diff)
		}
	}
}

// The examples that the job was tried with hold here too.
func TestChecksAgreeWithTheirExamples(t *testing.T) {
	for _, kind := range table.Kinds {
		check, ok := checks[kind.Kind]
		if !ok {
			t.Errorf("kind %q has no check", kind.Kind)
			continue
		}
		for _, value := range kind.Accepts {
			if !check(value) {
				t.Errorf("%s refuses %q, which the job accepts", kind.Kind, value)
			}
		}
		for _, value := range kind.Refuses {
			if check(value) {
				t.Errorf("%s accepts %q, which the job refuses", kind.Kind, value)
			}
		}
	}
	if got, want := len(checks), len(table.Kinds); got != want {
		t.Errorf("%d checks for %d kinds", got, want)
	}
}

func TestSettingsBesideTheSeeds(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(a *Args)
		want   []string
	}{
		{"location in words", func(a *Args) { a.ArtifactLocation = "Asia Pacific" }, []string{`artifactLocation: "Asia Pacific" is not a location of Artifact Registry such as asia or asia-northeast1`}},
		{"registry with a scheme", func(a *Args) { a.ImageRegistry = "https://ghcr.io/" }, []string{`imageRegistry: "https://ghcr.io/" is not a registry's host or host:port, without https:// and without a path`}},
		{"registry with a path", func(a *Args) { a.ImageRegistry = "evil.example/x.docker.pkg.dev" }, []string{`imageRegistry: "evil.example/x.docker.pkg.dev" is not a registry's host or host:port, without https:// and without a path`}},
		{"registry with a user", func(a *Args) { a.ImageRegistry = "gcr.io@evil.example" }, []string{`imageRegistry: "gcr.io@evil.example" is not a registry's host or host:port, without https:// and without a path`}},
		{"registry with a port", func(a *Args) { a.ImageRegistry = "ghcr.io:443" }, nil},
		{"network in words", func(a *Args) { a.VPCNetwork = pulumi.String("my net") }, []string{`vpcNetwork: "my net" is not a network's name, or projects/PROJECT/global/networks/NAME`}},
		{"network of another project", func(a *Args) {
			a.VPCNetwork, a.VPCSubnetwork = pulumi.String("projects/host/global/networks/main"), pulumi.String("projects/host/regions/asia-northeast1/subnetworks/jobs")
		}, nil},
		{"time zone of nowhere", func(a *Args) { a.TimeZone = "Local" }, []string{`timeZone: "Local" is not a time zone such as Asia/Tokyo`}},
		{"database by URL", func(a *Args) {
			a.CloudSQLInstance, a.Secrets = nil, map[string]string{"DATABASE_URL": "url"}
		}, nil},
		{"no database", func(a *Args) { a.CloudSQLInstance = nil }, []string{"cloudSqlInstance: is not set; give project:region:instance, or name a secret with the whole URL as DATABASE_URL under secrets"}},
		{"private without a network", func(a *Args) { a.CloudSQLIPType = "private" }, []string{"vpcNetwork: is not set though cloudSqlIpType is private; name the network through which the instance is reached"}},
		{"private", func(a *Args) { a.CloudSQLIPType, a.VPCNetwork = "private", pulumi.String("default") }, nil},
		{"public", func(a *Args) { a.CloudSQLIPType = "public" }, nil},
		{"iam", func(a *Args) { a.DatabaseAuth = "iam" }, nil},
		{"iam with a password", func(a *Args) { a.DatabaseAuth, a.DBPasswordSecret = "iam", "pw" }, []string{"dbPasswordSecret: is set though databaseAuth is iam; keep one"}},
		{"two values", func(a *Args) {
			a.Database, a.Secrets = pulumi.String("app"), map[string]string{"DB_NAME": "db_name"}
		}, []string{"database: is set and so is DB_NAME under secrets; keep one"}},
		{"user without a password", func(a *Args) { a.CreateDatabaseUser, a.DatabaseUser = true, pulumi.String("reader") }, []string{
			"createDatabaseUser: needs the role's password: set dbPasswordSecret, its value under secretValues, and createSecrets; or set databaseAuth to iam",
		}},
		{"bucket without a name", func(a *Args) { a.CreateBucket = true }, []string{"createBucket: needs bucket: the name of the bucket to create"}},
		{"data store without a name", func(a *Args) { a.CreateDataStore = true }, []string{"createDataStore: needs dataStore: the name of the data store to create"}},
		{"app without a data store", func(a *Args) { a.CreateSearchApp = true }, []string{"createSearchApp: needs dataStore: what the app searches, in global"}},
		{"schema of an existing data store", func(a *Args) { a.DataStoreSchemaFile = "s.json" }, []string{
			"dataStoreSchemaFile: is for a data store that is created; set createDataStore, or change the schema of the one that exists yourself",
		}},
		{"secrets without values", func(a *Args) { a.CreateSecrets = true }, []string{"secretValues: is empty though createSecrets is true; set a value for each secret"}},
		{"password of another project", func(a *Args) {
			a.DataStore, a.DBPasswordSecret = pulumi.String("posts"), "projects/other/secrets/pw"
		}, []string{"dbPasswordSecret: is a secret of other; the job looks for it in the project of the data store, my-project"}},
		{"tasks without work", func(a *Args) { a.Tasks = 4 }, nil},
		{"syncs", func(a *Args) {
			a.Syncs, a.Tasks = []Sync{{Name: "posts", DataStore: "a"}, {Name: "spots", DataStore: "b"}}, 2
		}, nil},
		{"syncs of one data store", func(a *Args) { a.Syncs = []Sync{{Name: "posts", DataStore: "a"}, {Name: "spots", DataStore: "a"}} }, []string{
			"syncs: posts and spots have one data store; each needs its own",
		}},
		{"syncs of one name", func(a *Args) { a.Syncs = []Sync{{Name: "posts", DataStore: "a"}, {Name: "posts", DataStore: "b"}} }, []string{
			"syncs: posts is there twice; names must differ",
		}},
		{"name of a sync", func(a *Args) { a.Syncs = []Sync{{Name: "Posts"}} }, []string{
			`syncs: "Posts" is not a name of a sync: at most 31 lower-case letters, digits and dashes, a letter first`,
		}},
	} {
		if diff := cmp.Diff(test.want, problemsOf(test.change)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestLabels(t *testing.T) {
	many := func(n int) map[string]string {
		labels := map[string]string{}
		for i := range n {
			labels[fmt.Sprintf("label-%d", i)] = ""
		}
		return labels
	}
	const rule = " is not a label of at most 63 letters (of any script, no capitals), digits, dashes and underscores, the key with a letter first"
	for _, test := range []struct {
		labels map[string]string
		want   []string
	}{
		{map[string]string{"部署": "開発", "équipe": "données", "team": "search_1"}, nil},
		{map[string]string{"部" + strings.Repeat("署", 62): strings.Repeat("開", 63)}, nil},
		{map[string]string{"部" + strings.Repeat("署", 63): ""}, []string{"labels: 部" + strings.Repeat("署", 63) + `: ""` + rule}},
		{map[string]string{"Team": "x"}, []string{`labels: Team: "x"` + rule}},
		{map[string]string{"1team": "x"}, []string{`labels: 1team: "x"` + rule}},
		{map[string]string{"team": "a b"}, []string{`labels: team: "a b"` + rule}},
		{map[string]string{"goog-team": "x"}, []string{"labels: goog-team is Google's own: keys must not begin with goog-"}},
		{many(64), nil},
		{many(65), []string{"labels: there are 65; Google takes 64"}},
	} {
		if diff := cmp.Diff(test.want, problemsOf(func(a *Args) { a.Labels = test.labels })); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.labels, diff)
		}
	}
}

func TestQueryFiles(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ name, content, query, want string }{
		{"plain", "SELECT 1 AS id\n", "SELECT 1 AS id", ""},
		{"byte order mark", "\ufeffSELECT 1 AS id", "SELECT 1 AS id", ""},
		{"comments first", "-- all posts\n/* of /* all */ users */ (SELECT 1 AS id)", "-- all posts\n/* of /* all */ users */ (SELECT 1 AS id)", ""},
		{"with", "WITH x AS (SELECT 1 AS id) SELECT * FROM x;", "WITH x AS (SELECT 1 AS id) SELECT * FROM x;", ""},
		{"words in strings", "SELECT 'UPDATE; INTO' AS id, \"INTO\", $$; INTO$$, E'\\'; INTO' FROM t", "SELECT 'UPDATE; INTO' AS id, \"INTO\", $$; INTO$$, E'\\'; INTO' FROM t", ""},
		{"update", "UPDATE posts SET a = 1", "", "is not a SELECT, WITH, VALUES or TABLE; the job only reads"},
		{"update in a WITH", "WITH x AS (UPDATE posts SET a = 1 RETURNING id) SELECT id FROM x", "", "writes: UPDATE; the job only reads"},
		{"into", "SELECT id INTO copy FROM posts", "", "writes: INTO; the job only reads"},
		{"locks", "SELECT id FROM posts FOR UPDATE", "", "locks rows: FOR UPDATE; the job only reads"},
		{"two statements", "SELECT 1 AS id; DELETE FROM posts", "", "holds more than one statement; the job only reads"},
		{"empty", " \n", "", "is empty"},
		{"Latin 1", "SELECT 'caf\xe9' AS id", "", "is not UTF-8 text; save it as UTF-8"},
		{"UTF-16", "\xff\xfeS\x00E\x00", "", "is not UTF-8 text; save it as UTF-8"},
		{"long", "SELECT '" + strings.Repeat("x", maxVariable) + "'", "", "has 32777 bytes, Cloud Run takes 32768; make it a view and select from that"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "q.sql"), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			var found problems
			query := fileReader{dir, &found}.query("syncQueryFile", "q.sql")
			var want problems
			if test.want != "" {
				want = problems{{"syncQueryFile", "q.sql " + test.want}}
			} else if query != test.query {
				t.Errorf("query %q, want %q", query, test.query)
			}
			if diff := cmp.Diff(want, found, cmp.AllowUnexported(problem{})); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
	var found problems
	fileReader{dir, &found}.query("syncQueryFile", "absent.sql")
	if diff := cmp.Diff(problems{{"syncQueryFile", "absent.sql cannot be read: no such file or directory"}}, found, cmp.AllowUnexported(problem{})); diff != "" {
		t.Errorf("absent (-want +got):\n%s", diff)
	}
}

func FuzzNotASelect(f *testing.F) {
	f.Add("SELECT 1")
	f.Add("/* /* */ SELECT $a$ x")
	f.Fuzz(func(_ *testing.T, query string) { notASelect(query) }) // it ends, and does not panic
}

func TestSchedules(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		schedule string
		pause    time.Duration
		want     string
	}{
		{"*/3 * * * *", 3 * time.Minute, ""},
		{"0 * * * *", time.Hour, ""},
		{"0 3 * * 7", 7 * day, ""},
		{"0 3 * * 0", 7 * day, ""},
		{"0 3 * * 5-7", 5 * day, ""},
		{"0 3 * * SUN-SAT", day, ""},
		{"0 3 * * 1-7/2", 2 * day, ""},
		{"*/3 8-18 * * 1-5", 61*time.Hour + 3*time.Minute, ""},
		{"0 3 1 3 *", 366 * day, ""},
		{"0 3 29 2 *", 8*365*day + day, ""},
		{"0 3 1 * MON", 7 * day, ""}, // either of the two, as cron has it
		{"0 0 31 2 *", 0, `"0 0 31 2 *" is a day that never comes`},
		{"0/3 * * * *", 0, `"0/3 * * * *" is not a schedule: "0/3" is none of the forms *, */3, 5, 1-5, 1-5/2 and MON that Cloud Scheduler takes`},
		{"? * * * *", 0, `"? * * * *" is not a schedule: "?" is none of the forms *, */3, 5, 1-5, 1-5/2 and MON that Cloud Scheduler takes`},
		{"0 3 L * *", 0, `"0 3 L * *" is not a schedule: "L" is none of the forms *, */3, 5, 1-5, 1-5/2 and MON that Cloud Scheduler takes`},
		{"@hourly", 0, `"@hourly" is not five cron fields`},
		{"99 * * * *", 0, `"99 * * * *" is not a schedule: end of range (99) above maximum (59): 99`},
		{"0 3 * * 8", 0, `"0 3 * * 8" is not a schedule: end of range (8) above maximum (6): 8`},
		{"*/0 * * * *", 0, `"*/0 * * * *" is not a schedule: step of range should be a positive number: */0`},
	} {
		pause, err := LongestPause(test.schedule)
		if test.want != "" {
			if err == nil || err.Error() != test.want {
				t.Errorf("%s: got  %v\nwant %s", test.schedule, err, test.want)
			}
			continue
		}
		if err != nil || pause != test.pause {
			t.Errorf("%s: the longest pause is %s (%v), want %s", test.schedule, pause, err, test.pause)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	f.Add("*/3 * * * *")
	f.Add("0 3 * * 5-7/2,7")
	f.Fuzz(func(t *testing.T, text string) {
		if schedule, err := parseSchedule(text); err == nil && longestPause(schedule) <= 0 {
			t.Errorf("%q never pauses", text)
		}
	})
}
