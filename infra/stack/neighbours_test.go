package stack

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"
)

func TestSettingsThatContradictEachOther(t *testing.T) {
	long := strings.Repeat("a", 30)
	created := func(a *Args, id string) {
		a.CreateSecrets, a.SecretValues = true, map[string]pulumi.StringInput{id: pulumi.String("x")}
	}
	for _, test := range []struct {
		name   string
		change func(a *Args)
		want   []string
	}{
		{"address twice", func(a *Args) {
			a.Monitoring, a.AlertEmails = true, []string{"a@example.com", "b@example.com", "a@example.com"}
		}, []string{"alertEmails: a@example.com is there twice; remove one"}},
		{"egress without a network", func(a *Args) { a.VPCEgress = "all-traffic" }, []string{"vpcEgress: is all-traffic though vpcNetwork is not set; name the network, or leave it out"}},
		{"a line's end in a name", func(a *Args) { a.Database = pulumi.String("app\n") }, []string{`database: "app\n" begins or ends with a blank, or has a control character in it; remove it`}},
		{"a blank in a name", func(a *Args) { a.DatabaseUser = pulumi.String("two words") }, nil},
		{"a role too long for PostgreSQL", func(a *Args) { a.DatabaseAuth, a.Project, a.JobAccount = "iam", long, long }, []string{
			"jobAccount: makes the database role " + long + "@" + long + ".iam of 65 bytes, PostgreSQL takes 63; choose a shorter one",
		}},
		{"secret that nothing reads", func(a *Args) { a.DBPasswordSecret = "db_password"; created(a, "db_pasword") }, []string{
			"secretValues: db_pasword is read by nothing; name it under secrets or as dbPasswordSecret, or remove it",
		}},
		{"secret that another secret names", func(a *Args) { created(a, "db_password") }, nil},
		{"version of a secret that is made", func(a *Args) { a.DBPasswordSecret = "db_password:3"; created(a, "db_password") }, []string{
			"dbPasswordSecret: pins version 3 of db_password, which createSecrets makes and replaces; leave the version out",
		}},
		{"version of a mounted secret that is made", func(a *Args) { a.Secrets = map[string]string{"DB_NAME": "name:1"}; created(a, "name") }, []string{
			"secrets: pins version 1 of name, which createSecrets makes and replaces; leave the version out",
		}},
		{"label that no bucket takes", func(a *Args) {
			a.Bucket, a.CreateBucket, a.Labels = pulumi.String("bucket"), true, map[string]string{"équipe": "données", "team": "données"}
		}, []string{"labels: équipe cannot be the key of a bucket's label: the provider takes a to z, digits, dashes and underscores; write it so, or set createBucket to false and make the bucket yourself"}},
		{"image with a scheme", func(a *Args) { a.Image = pulumi.String("https://gcr.io/a/b@sha256:" + strings.Repeat("0", 64)) }, []string{
			`image: "https://gcr.io/a/b@sha256:` + strings.Repeat("0", 64) + `" is not an image by digest: name@sha256:…`,
		}},
		{"image with a tag and a digest", func(a *Args) { a.Image = pulumi.String("gcr.io/a/b:v1@sha256:" + strings.Repeat("0", 64)) }, nil},
		{"every 90 minutes", func(a *Args) { a.Schedule = "*/90 * * * *" }, []string{`schedule: "*/90 * * * *" is not a schedule: the step of "*/90" is longer than its field, whose longest is 59`}},
		{"every second day", func(a *Args) { a.Schedule = "0 3 */2 * *" }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, problemsOf(test.change)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// What YAML makes of an unquoted value is taken where it is the same, and named where it is another.
func TestUnquotedValues(t *testing.T) {
	for _, test := range []struct {
		key, written, value string
		want                []string
	}{
		{"env", "{MAX_FAILED: 100, LOG_LEVEL: debug}", `{"MAX_FAILED": 100, "LOG_LEVEL": "debug"}`, nil},
		{"env", "{MAX_FAILED: }", `{"MAX_FAILED": null}`, nil},
		{"labels", "{on: true, off: no}", `{"on": true, "off": "no"}`, nil},
		{"labels", "{version: 1.10, build: 010, mode: 1e3, ok: TRUE}", `{"version": 1.1, "build": 8, "mode": 1000, "ok": true}`, []string{
			"version is written 1.10 and would be read as 1.1; quote it", "build is written 010 and would be read as 8; quote it",
			"mode is written 1e3 and would be read as 1000; quote it", "ok is written TRUE and would be read as true; quote it",
		}},
		{"labels", "{version: '1.10'}", `{"version": "1.10"}`, nil},
		{"bucket", "~", "", nil},
		{"jobName", "", "create-vertex-metadata", nil},
		{"imageTag", "2024-01-01", "2024-01-01 00:00:00 +0000 UTC", []string{"is written 2024-01-01 and would be read as 2024-01-01 00:00:00 +0000 UTC; quote it"}},
		{"database", "true", "true", nil},
	} {
		var node map[string]yaml.Node
		if err := yaml.Unmarshal([]byte("key: "+test.written), &node); err != nil {
			t.Fatal(err)
		}
		var got problems
		for _, d := range Declared(&Args{}) {
			if d.Key == test.key {
				findUnquoted(d, test.value, node["key"], &got)
			}
		}
		var texts []string
		for _, p := range got {
			texts = append(texts, p.text)
		}
		if diff := cmp.Diff(test.want, texts); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.key, test.written, diff)
		}
	}
}

func TestObjectsAreMapsOfTexts(t *testing.T) {
	for _, test := range []struct{ value, want string }{
		{`{"A": "x", "B": 5, "C": true, "D": null}`, ""},
		{`{"A": "x", "B": ["y"]}`, "B is not text"},
		{`{"A": {"b": "c"}}`, "A is not text"},
		{`["A"]`, "is not a map of strings"},
	} {
		values, err := texts(test.value)
		if got := cause(err); got != test.want {
			t.Errorf("%s: got %q, want %q", test.value, got, test.want)
		}
		if diff := cmp.Diff(map[string]string{"A": "x", "B": "5", "C": "true", "D": ""}, values); err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.value, diff)
		}
	}
}

func cause(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// One value that is encrypted makes Pulumi call the whole map secret.
func TestUnencryptedBesideEncrypted(t *testing.T) {
	for _, test := range []struct {
		written string
		want    []string
	}{
		{"{a: {secure: v1:x}, b: plain, c: 5}", []string{"b", "c"}},
		{"{a: {secure: v1:x}}", nil},
		{"{secure: v1:x}", nil},
	} {
		var node map[string]yaml.Node
		if err := yaml.Unmarshal([]byte("key: "+test.written), &node); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, unencrypted(node["key"])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.written, diff)
		}
	}
}

// Cloud Run refuses other registries when all else is made.
func TestRegistriesThatCloudRunPullsFrom(t *testing.T) {
	for image, want := range map[string]bool{
		"gcr.io/p/a": true, "asia.gcr.io/p/a": true, "us-docker.pkg.dev/p/r/a": true, "europe-west1-docker.pkg.dev/p/r/a": true, "docker.io/me/a": true, "me/a": true, "a": true,
		"ghcr.io/me/a": false, "localhost/a": false, "registry:5000/a": false, "gcr.io.evil.example/p/a": false, "quay.io/me/a": false,
	} {
		a := valid()
		a.Image = pulumi.String(image + "@sha256:" + strings.Repeat("0", 64))
		if host := a.imageHost(); (host == "" || pulledFrom.MatchString(host)) != want {
			t.Errorf("%s: registry %q is taken to be pulled from: %t", image, host, !want)
		}
	}
}
