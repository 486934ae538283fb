package main

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/secretmanager"
	"vertexmetadata/sandbox/storage"
)

// patience is how soon bad input must be reported.
const patience = 30 * time.Second

// cloudSQL makes a world's environment the one of the cloud: the database over a socket of the instance, its password
// from Secret Manager.
func (w *world) cloudSQL() {
	w.t.Helper()
	dir, err := w.server.InstanceSocketDir("test-project:asia-northeast1:" + w.name)
	if err != nil {
		w.t.Fatal(err)
	}
	delete(w.env, "DATABASE_URL")
	w.env["CLOUD_SQL_INSTANCE"] = "test-project:asia-northeast1:" + w.name
	w.env["CLOUD_SQL_SOCKET_DIR"] = dir
	w.env["DB_NAME"], w.env["DB_USER"] = w.name, w.server.User()
	w.env["SECRET_ID"] = w.name
	secrets.Add(project, w.name, []byte(w.server.Password()+"\n"))
}

// Each mistake is one line that names what is wrong and what to do. {WORLD} stands for the name of the database, bucket,
// data store, secret and instance; {SOCKET} and {HOST} for the database's addresses.
func TestBadInput(t *testing.T) {
	const usage = "command line: "
	for name, tt := range map[string]struct {
		cloud   bool
		args    []string
		change  []variable
		prepare func(*world) (undo func())
		code    int
		want    string
	}{
		"nothing is set": {
			change: []variable{"DATABASE_URL", "GCS_BUCKET", "PROJECT_ID=\n", "DATA_STORE_ID"}, code: 2,
			want: "configuration: GCS_BUCKET is not set; PROJECT_ID is not set; DATA_STORE_ID is not set; DB_NAME is not set; " +
				"DB_USER is not set; SECRET_ID is not set; CLOUD_SQL_INSTANCE is not set, and GCP_PROJECT does not have its form project:region:instance: " +
				"set GCS_BUCKET (bucket for the snapshot and the job's state); set PROJECT_ID (project id or number of the password secret and of the data store); " +
				"set DATA_STORE_ID (Vertex AI Search data store; not needed where each of SYNCS has one); set DB_NAME, DB_USER, SECRET_ID and CLOUD_SQL_INSTANCE, or DATABASE_URL alone",
		},
		"missing and malformed at once": {
			change: []variable{"GCS_BUCKET", "IMPORT_WAIT=soon", "MAX_DELETE_RATIO=2", "DATABASE_URL=mysql://db/app"}, code: 2,
			want: "configuration: GCS_BUCKET is not set; " +
				`DATABASE_URL is not a libpq URL; IMPORT_WAIT is "soon"; MAX_DELETE_RATIO is "2": set GCS_BUCKET (bucket for the snapshot and the job's state); ` +
				"write it as postgres://user:password@host:5432/database, special characters in the password percent-encoded; set IMPORT_WAIT to a duration such as 90s, 2m or 24h; set MAX_DELETE_RATIO to a share from 0 to 1, such as 0.5 or 50%",
		},
		"slash in the password":    {change: []variable{"DATABASE_URL=postgres://app:4711/" + variable(newSecret("slash-")) + "@{HOST}/app"}, code: 2, want: "configuration: DATABASE_URL has a /, ?, # or @ where none can be: percent-encode the user and the password: / as %2F, @ as %40, # as %23, ? as %3F, % as %25"},
		"at in the password":       {change: []variable{"DATABASE_URL=postgres://app:pa@" + variable(newSecret("at-")) + "@{HOST}/app"}, code: 2, want: "configuration: DATABASE_URL has a /, ?, # or @ where none can be: percent-encode the user and the password: / as %2F, @ as %40, # as %23, ? as %3F, % as %25"},
		"URL of JDBC":              {change: []variable{"DATABASE_URL=jdbc:postgresql://app:" + variable(newSecret("jdbc-")) + "@{HOST}/app"}, code: 2, want: "configuration: DATABASE_URL is a URL of JDBC: leave jdbc: out, and write the user and the password before the host: postgresql://user:password@host:5432/database"},
		"URL in quotes":            {change: []variable{"DATABASE_URL=\"postgres://app:" + variable(newSecret("quoted-")) + "@{HOST}/app\""}, code: 2, want: "configuration: DATABASE_URL is in quotes: leave the quotes out"},
		"parameter of Prisma":      {change: []variable{"DATABASE_URL=postgres://app:{PASSWORD}@{HOST}/app?sslmode=disable&schema=public"}, code: 2, want: "configuration: DATABASE_URL has the parameter schema, which is not supported: use options=-csearch_path%3DNAME in place of schema"},
		"unknown setting":          {change: []variable{"DATABASE_URL=postgres://app:{PASSWORD}@{HOST}/app?sslmode=disable&hunter=2"}, code: 2, want: `connect to database "app" as user "app" at host {HOST}: the server refuses a parameter of DATABASE_URL (SQLSTATE 42704): leave out what is neither libpq's nor a setting of PostgreSQL; behind a pooler, leave out settings`},
		"stand-in elsewhere":       {change: []variable{"DISCOVERYENGINE_ENDPOINT=evil.example:443"}, code: 2, want: "configuration: DISCOVERYENGINE_ENDPOINT is set, and on Cloud Run it may only name a loopback address: unset DISCOVERYENGINE_ENDPOINT"},
		"literal of another type":  {change: []variable{"SYNC_QUERY=SELECT post_id AS id FROM posts WHERE post_rarity = 'abc'"}, code: 2, want: `prepare the query: invalid input syntax for type integer: "abc" (line 1, column 53): a value written in the query does not fit: correct the query (SYNC_QUERY or SYNC_QUERY_FILE)`},
		"unknown flag":             {args: []string{"--ful"}, code: 2, want: usage + `unknown flag --ful, did you mean "--full"?: see job --help`},
		"unknown flag of sync":     {args: []string{"sync", "--bogus"}, code: 2, want: usage + "unknown flag --bogus: see job --help"},
		"unknown command":          {args: []string{"purge"}, code: 2, want: usage + `there is no command "purge", only sync, plan, check, history, show, query, search: see job --help`},
		"flag with a wrong value":  {args: []string{"sync", "--full=maybe"}, code: 2, want: usage + `--full: bool value must be true, 1, yes, false, 0 or no but got "maybe": see job --help`},
		"wrong password":           {change: []variable{"DATABASE_URL=postgres://app:" + variable(newSecret("wrong-")) + "@{HOST}/{WORLD}?sslmode=disable"}, code: 1, want: `connect to database "{WORLD}" as user "app" at host {HOST}: password authentication failed for user "app": check the user (DB_USER) and the password (SECRET_ID and VERSION_ID), or DATABASE_URL`},
		"no such database":         {change: []variable{"DATABASE_URL=postgres://app:{PASSWORD}@{HOST}/nowhere?sslmode=disable"}, code: 1, want: `connect to database "nowhere" as user "app" at host {HOST}: database "nowhere" does not exist: check the database name (DB_NAME, or DATABASE_URL)`},
		"connection refused":       {change: []variable{"DATABASE_URL=postgres://app:{PASSWORD}@127.0.0.1:1/app"}, code: 1, want: `connect to database "app" as user "app" at host 127.0.0.1:1: connection refused: check host and port, and that the database is up`},
		"host that does not exist": {change: []variable{"DATABASE_URL=postgres://app:{PASSWORD}@db.invalid/app"}, code: 1, want: `connect to database "app" as user "app" at host db.invalid:5432: the host name cannot be resolved: check the host in DATABASE_URL and the network's DNS`},
		"instance that is not mounted": {
			cloud: true, change: []variable{"CLOUD_SQL_SOCKET_DIR=/nowhere"}, code: 1,
			want: `connect to database "{WORLD}" as user "app" at socket /nowhere/test-project:asia-northeast1:{WORLD}/.s.PGSQL.5432: there is no such socket: ` +
				`the instance is not mounted: check CLOUD_SQL_INSTANCE (project:region:instance) and the job's Cloud SQL volume`,
		},
		"wrong password in Secret Manager": {
			cloud: true, code: 1,
			prepare: func(w *world) func() {
				secrets.Add(project, w.name, []byte(newSecret("rotated-")))
				return func() {}
			},
			want: `connect to database "{WORLD}" as user "app" at socket {SOCKET}: password authentication failed for user "app": check the user (DB_USER) and the password (SECRET_ID and VERSION_ID), or DATABASE_URL`,
		},
		"absent secret": {
			cloud: true, change: []variable{"SECRET_ID=absent"}, code: 1,
			want: `access projects/test-project/secrets/absent/versions/latest: not found: Secret [projects/123456789012/secrets/absent] not found or has no versions: check PROJECT_ID, SECRET_ID and VERSION_ID`,
		},
		"disabled secret version": {
			cloud: true, code: 1,
			prepare: func(w *world) func() {
				if err := secrets.Disable(project, w.name, 1); err != nil {
					w.t.Fatal(err)
				}
				return func() {}
			},
			want: `access projects/test-project/secrets/{WORLD}/versions/latest: secret version disabled: Secret Version [projects/123456789012/secrets/{WORLD}/versions/1] is in DISABLED state: enable the version (gcloud secrets versions enable), or set VERSION_ID to one that is`,
		},
		"denied secret": {
			cloud: true, code: 1,
			prepare: func(*world) func() {
				return vault.Inject(secretmanager.Fault{Count: -1, Code: codes.PermissionDenied, Message: "Permission 'secretmanager.versions.access' denied"}).Remove
			},
			want: `access projects/test-project/secrets/{WORLD}/versions/latest: access denied: Permission 'secretmanager.versions.access' denied: grant roles/secretmanager.secretAccessor on the secret to the account the job runs as`,
		},
		"absent bucket": {
			change: []variable{"GCS_BUCKET=no-such-bucket"}, code: 1,
			want: `list gs://no-such-bucket/metadata/.sync/v2/ledger/: bucket does not exist: The specified bucket does not exist: create bucket no-such-bucket, or set GCS_BUCKET to one that exists`,
		},
		"denied bucket": {
			code: 1,
			prepare: func(w *world) func() {
				return objects.Inject(storage.Fault{Count: -1, Status: 403}).Remove
			},
			want: `list gs://{WORLD}/metadata/.sync/v2/ledger/: access denied: Forbidden: grant roles/storage.objectAdmin on bucket {WORLD} to the account the job runs as`,
		},
		"absent data store": {
			change: []variable{"DATA_STORE_ID=no-such-store"}, code: 1,
			want: "list the data store's documents to see what the full sync would remove: list documents of projects/test-project/locations/global/collections/default_collection/dataStores/no-such-store: " +
				"not found: DataStore projects/test-project/locations/global/collections/default_collection/dataStores/no-such-store not found: check DATA_STORE_ID or data_store in SYNCS, PROJECT_ID and GCP_LOCATION (now global)",
		},
		"data store of another location": {
			change: []variable{"GCP_LOCATION=eu"}, code: 1,
			want: "list the data store's documents to see what the full sync would remove: list documents of projects/test-project/locations/eu/collections/default_collection/dataStores/{WORLD}: " +
				"not found: DataStore projects/test-project/locations/eu/collections/default_collection/dataStores/{WORLD} not found: check DATA_STORE_ID or data_store in SYNCS, PROJECT_ID and GCP_LOCATION (now eu)",
		},
		"denied import": {
			code: 1,
			prepare: func(*world) func() {
				return engine.Inject(discoveryengine.Fault{Method: "ImportDocuments", Count: -1, Code: codes.PermissionDenied, Message: "Permission 'discoveryengine.documents.import' denied"}).Remove
			},
			want: "start import of 36 documents: import into projects/test-project/locations/global/collections/default_collection/dataStores/{WORLD}: access denied: " +
				"Permission 'discoveryengine.documents.import' denied: grant roles/discoveryengine.editor on project test-project to the account the job runs as",
		},
		"query that does not parse":   {change: []variable{"SYNC_QUERY=SELECT post_id AS id\nFORM posts"}, code: 2, want: `prepare the query: syntax error at or near "FORM" (line 2, column 1): correct the query (SYNC_QUERY or SYNC_QUERY_FILE)`},
		"query over an absent table":  {change: []variable{"SYNC_QUERY=SELECT post_id AS id FROM postings"}, code: 2, want: `prepare the query: relation "postings" does not exist (line 1, column 27): check the names in the query (SYNC_QUERY or SYNC_QUERY_FILE), the database and the search_path`},
		"query without id":            {change: []variable{"SYNC_QUERY=SELECT post_id FROM posts"}, code: 2, want: `check the query: it has no column id: name the document's id with AS id`},
		"query with duplicate column": {change: []variable{"SYNC_QUERY=SELECT post_id AS id, location, location FROM posts"}, code: 2, want: `check the query: column "location" appears twice: give one of them another name with AS`},
		"query with half a content":   {change: []variable{"SYNC_QUERY=SELECT post_id AS id, 'gs://b/o' AS content_uri FROM posts"}, code: 2, want: `check the query: it has only one of content_uri and content_mime_type: select both or neither`},
		"query that writes":           {change: []variable{"SYNC_QUERY=DELETE FROM posts RETURNING post_id AS id"}, code: 2, want: `check the query: it is not a single SELECT: leave a single SELECT, VALUES or WITH … SELECT in SYNC_QUERY or SYNC_QUERY_FILE`},
		"two queries":                 {change: []variable{"SYNC_QUERY=SELECT 1 AS id; DROP TABLE posts"}, code: 2, want: `check the query: it holds more than one statement (line 1, column 17): leave a single SELECT in SYNC_QUERY or SYNC_QUERY_FILE`},
		"query file that is absent":   {change: []variable{"SYNC_QUERY_FILE=/nowhere/query.sql"}, code: 2, want: `configuration: SYNC_QUERY_FILE /nowhere/query.sql cannot be read: no such file or directory: correct the path in SYNC_QUERY_FILE, or mount the file`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			socket := w.server.SocketDir() + "/.s.PGSQL.5432"
			if tt.cloud {
				w.cloudSQL()
				socket = w.env["CLOUD_SQL_SOCKET_DIR"] + "/" + w.env["CLOUD_SQL_INSTANCE"] + "/.s.PGSQL.5432"
			}
			fill := strings.NewReplacer("{WORLD}", w.name, "{SOCKET}", socket, "{HOST}", w.server.Proxy().Addr(), "{PASSWORD}", url.PathEscape(w.server.Password()))
			changes := make([]variable, len(tt.change))
			for i, c := range tt.change {
				changes[i] = variable(fill.Replace(string(c)))
			}
			undo := func() {}
			if tt.prepare != nil {
				undo = tt.prepare(w)
			}
			w.env["CLOUD_RUN_EXECUTION"] = "execution-of-" + w.name + "\n"
			r := w.run(tt.args, changes...)
			undo()
			if r.code != tt.code {
				t.Errorf("exit %d, want %d", r.code, tt.code)
			}
			if last := r.last(t); last["outcome"] != "failed" || last["execution"] != "execution-of-"+w.name {
				t.Errorf("outcome %v of execution %v", last["outcome"], last["execution"])
			}
			if hint := hintOf(r); hint == "" || !strings.HasSuffix(fill.Replace(tt.want), ": "+hint) {
				t.Errorf("hint %q", hint)
			}
			got := failures(r)
			if want := "sync failed: " + fill.Replace(tt.want); len(got) != 1 || got[0] != want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), want)
			}
			if r.took > patience {
				t.Errorf("took %v", r.took)
			}
			if n := w.store.Len(); n > 0 {
				t.Errorf("the data store holds %d documents", n)
			}
			if r.stdout != "" {
				t.Errorf("standard output: %q", r.stdout)
			}
		})
	}
}

// Services that take connections and say nothing are given up in time, by sync and by check. That takes ten seconds, so
// other tests run meanwhile.
func TestSilentServices(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	at := silent.Addr().String()
	w := newWorld(t)
	w.env["DATABASE_URL"] = "postgres://app:" + newSecret("") + "@" + at + "/app"
	check := w.start([]string{"check"}, "STORAGE_EMULATOR_HOST="+variable(at), "DISCOVERYENGINE_ENDPOINT="+variable(at))
	refused := w.start([]string{"check"}, "STORAGE_EMULATOR_HOST=127.0.0.1:1", "DISCOVERYENGINE_ENDPOINT="+variable(at))
	sync := w.start(nil)

	r := sync.wait()
	w.want(r, "failed")
	unreachable := `connect to database "app" as user "app" at host ` + at + `: no answer in time: check the host, VPC egress and firewall, and that the database is up`
	if got := failures(r); len(got) != 1 || got[0] != "sync failed: "+unreachable || r.took > patience {
		t.Errorf("after %v got %q, want %s", r.took, got, unreachable)
	}

	r = check.wait()
	if r.code != 1 || r.took > patience {
		t.Errorf("check: exit %d after %v", r.code, r.took)
	}
	for _, line := range []string{
		"FAIL  database     " + strings.Replace(unreachable, ": check the host", "\n                   check the host", 1),
		"FAIL  bucket       check permissions on gs://" + w.name + ": no answer in time\n                   check the network, and that the service is up",
		"FAIL  data store   check projects/test-project/locations/global/collections/default_collection/dataStores/" + w.name + ": no answer in time\n                   check the network, and that the service is up",
	} {
		if !strings.Contains(r.stdout, line+"\n") {
			t.Errorf("check does not say %q:\n%s", line, r.stdout)
		}
	}

	r = refused.wait()
	line := "FAIL  bucket       check permissions on gs://" + w.name + ": no answer in time; last failure: dial tcp 127.0.0.1:1: connect: connection refused\n                   check the network, and that the service is up"
	if !strings.Contains(r.stdout, line+"\n") {
		t.Errorf("check does not say %q:\n%s", line, r.stdout)
	}
}

// hintOf is what a run's error says to do.
func hintOf(r result) string {
	for _, line := range r.lines {
		if hint, ok := line["hint"].(string); ok && line["severity"] == "ERROR" {
			return hint
		}
	}
	return ""
}

// failures are a run's errors with what to do about them where they say it themselves, but for its last line.
func failures(r result) (texts []string) {
	for _, line := range r.lines {
		if line["severity"] != "ERROR" || line["message"] == "sync finished" {
			continue
		}
		text := line["message"].(string)
		if command, ok := line["command"]; ok {
			text = fmt.Sprint(command, " failed")
		}
		for _, key := range []string{"error", "hint"} {
			if more, ok := line[key].(string); ok && more != hintCorrect && more != hintWait {
				text += ": " + more
			}
		}
		texts = append(texts, text)
	}
	return texts
}
