package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What editors and shells leave at the ends of a value is no part of it.
func TestEndsOfValues(t *testing.T) {
	pairs := []string{
		"GCS_BUCKET=\uFEFF\u200bb\u00a0\r\n", "PROJECT_ID= p\n", "DATA_STORE_ID=\uFEFF\uFEFFd", "DB_NAME=\uFEFFapp\r\n", "DB_USER=\r\nreader", "SECRET_ID=s\n\uFEFF",
		"CLOUD_SQL_INSTANCE=\uFEFFp:r:i\n", "STORAGE_EMULATOR_HOST=127.0.0.1:9\r\n", "SYNC_MIME_TYPES=\uFEFFimage/png, \uFEFFimage/gif,\r\n", "SYNC_QUERY=\uFEFFSELECT 1 AS id\n",
		"CONTENT_BUCKETS= b1 ,\uFEFFb2,\n", "IMPORT_WAIT=1m\r\n",
	}
	got, err := Load(env(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"GCS_BUCKET", got.Bucket, "b"},
		{"PROJECT_ID", got.Project, "p"},
		{"DATA_STORE_ID", got.DataStore, "d"},
		{"DB_NAME", got.DatabaseName, "app"},
		{"DB_USER", got.DatabaseUser, "reader"},
		{"SECRET_ID", got.SecretID, "s"},
		{"CLOUD_SQL_INSTANCE", got.Instance, "p:r:i"},
		{"STORAGE_EMULATOR_HOST", got.StorageEmulatorHost, "127.0.0.1:9"},
		{"SYNC_QUERY", got.Query, "SELECT 1 AS id"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if diff := cmp.Diff([]string{"image/png", "image/gif"}, got.MIMETypes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b1", "b2"}, got.ContentBuckets); diff != "" {
		t.Error(diff)
	}
	url, err := Load(with(always, "DATABASE_URL=\uFEFFpostgres://localhost/app\r\n"))
	if err != nil || url.DatabaseURL != "postgres://localhost/app" {
		t.Errorf("DATABASE_URL is %q, %v", url.DatabaseURL, err)
	}
}

func TestQueryFileEncodings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "query.sql")
	for name, tt := range map[string]struct{ text, want, problem string }{
		"byte order mark":    {"\xef\xbb\xbfSELECT 1 AS id\n", "SELECT 1 AS id", ""},
		"UTF-16 with a mark": {"\xff\xfeS\x00E\x00", "", " is not UTF-8: save it as UTF-8"},
		"UTF-16 without one": {"S\x00E\x00L\x00", "", " is not UTF-8: save it as UTF-8"},
		"Latin 1":            {"SELECT '\xe9' AS id", "", " is not UTF-8: save it as UTF-8"},
		"a mark alone":       {"\xef\xbb\xbf\r\n", "", " is empty: write the query into it, or unset SYNC_QUERY_FILE for the default query"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			getenv := with(local, "SYNC_QUERY_FILE="+file)
			if tt.problem == "" {
				if got, err := Load(getenv); err != nil || got.Query != tt.want {
					t.Errorf("Query = %q, %v", got.Query, err)
				}
				return
			}
			if got, want := problemsOf(t, getenv), "configuration: SYNC_QUERY_FILE "+file+tt.problem; got != want {
				t.Errorf("Load = %q, want %s", got, want)
			}
		})
	}
}

// On Cloud Run a stand-in on another machine would be sent the rows.
func TestStandInsOnCloudRun(t *testing.T) {
	names := []string{"STORAGE_EMULATOR_HOST", "DISCOVERYENGINE_ENDPOINT", "SECRETMANAGER_ENDPOINT"}
	for address, allowed := range map[string]bool{
		"127.0.0.1:9000": true, "localhost:9000": true, "[::1]:9000": true, "127.9.9.9:1": true, "http://127.0.0.1:9000": true, "https://localhost:1/": true, "127.0.0.1": true,
		"10.0.0.1:9000": false, "evil.example:443": false, "http://evil.example": false, "127.0.0.1.evil.example:1": false, "http://127.0.0.1@evil.example": false,
		"http://127.0.0.1:80@evil.example:443": false, "dns:///evil.example:443": false, "passthrough:///127.0.0.1:1": false, "localhost.evil.example": false, "0.0.0.0:1": false,
		"evil.example:443#127.0.0.1": false, "http://evil.example/127.0.0.1": false, "unix:///tmp/socket": false, "http://https://127.0.0.1:1": false, "https://http://127.0.0.1:1": false, "127.0.0.1:1/../evil": false, "[::ffff:10.0.0.1]:1": false,
	} {
		for _, name := range names {
			for _, marker := range []string{"CLOUD_RUN_JOB=j", "CLOUD_RUN_EXECUTION=e"} {
				getenv := with(local, name+"="+address, marker)
				got, err := Load(getenv)
				want := "configuration: " + name + " is set, and on Cloud Run it may only name a loopback address: unset " + name
				switch {
				case allowed && err != nil, !allowed && problemsOf(t, getenv) != want:
					t.Errorf("%s=%s with %s: got %v", name, address, marker, err)
				case allowed && !cmp.Equal(got.StandIns, []string{name}):
					t.Errorf("%s=%s: StandIns = %v", name, address, got.StandIns)
				}
			}
			if _, err := Load(with(local, name+"="+address)); err != nil {
				t.Errorf("%s=%s elsewhere: %v", name, address, err)
			}
		}
	}
}

func TestShares(t *testing.T) {
	for value, want := range map[string]Limit{"25": {Count: 25}, "0": {}, "1": {Count: 1}, "1%": {Share: 0.01}, "0.01": {Share: 0.01}, "12.5 %": {Share: 0.125}, "100%": {Share: 1}, "0%": {}} {
		got, err := Load(with(local, "MAX_FAILED="+value))
		if err != nil || got.MaxFailed != want {
			t.Errorf("MAX_FAILED=%s: got %+v, %v", value, got.MaxFailed, err)
		}
	}
	for value, want := range map[string]float64{"50%": 0.5, "0.5": 0.5, "1": 1, "0": 0, "100%": 1} {
		got, err := Load(with(local, "MAX_DELETE_RATIO="+value, "MAX_CHANGE_RATIO="+value))
		if err != nil || got.MaxDeleteRatio != want || got.MaxChangeRatio != want {
			t.Errorf("%s: got %v and %v, %v", value, got.MaxDeleteRatio, got.MaxChangeRatio, err)
		}
	}
	for _, tt := range []struct {
		limit     Limit
		all, want int64
	}{
		{Limit{Count: 2}, 10, 2},
		{Limit{}, 10, 0},
		{Limit{Share: 0.01}, 99, 0},
		{Limit{Share: 0.01}, 100, 1},
		{Limit{Share: 0.29}, 100, 29},
		{Limit{Share: 0.5}, 1, 0},
		{Limit{Share: 1}, 7, 7},
	} {
		if got := tt.limit.Of(tt.all); got != tt.want {
			t.Errorf("%+v.Of(%d) = %d, want %d", tt.limit, tt.all, got, tt.want)
		}
	}
}

func TestIAM(t *testing.T) {
	got, err := Load(with(cloud, "SECRET_ID=", "DB_IAM_AUTH=TRUE", "CLOUD_SQL_IP_TYPE=psc", "DB_USER=job@p.iam.gserviceaccount.com"))
	if err != nil || !got.IAMAuth || got.IPType != "psc" || got.DatabaseUser != "job@p.iam" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := Load(with(cloud)); err != nil || got.IAMAuth || got.IPType != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}
