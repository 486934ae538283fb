package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gcs "cloud.google.com/go/storage"
	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/postgres"
)

// call sends a request to the control plane that the exports name.
func call(t *testing.T, exports, method, path, body string) (int, map[string]any) {
	t.Helper()
	address := strings.TrimSuffix(evaluate(t, exports, "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN"), "run/")
	r, err := http.NewRequestWithContext(t.Context(), method, address+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+evaluate(t, exports, "CLOUDSDK_AUTH_ACCESS_TOKEN"))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, answer
}

// TestServeProject: what the tools make in the project, the job finds in the data plane, and both files are gone at the end.
func TestServeProject(t *testing.T) {
	dir := t.TempDir()
	env, stack := filepath.Join(dir, "env"), filepath.Join(dir, "Pulumi.sandbox.yaml")
	cmd, _, stderr := serve(t, "--project", "--job", os.Args[0], "--env", env, "--stack", stack, "--switch", "serviceusage.apis-late=1")
	if said := up(t, stderr); !strings.Contains(said, "pulumi up --stack sandbox") {
		t.Errorf("it said %q", said)
	}
	text, err := os.ReadFile(env)
	if err != nil {
		t.Fatal(err)
	}
	exports := string(text)
	if content, err := os.ReadFile(stack); err != nil || !strings.Contains(string(content), "  gcp:project: \"demo-project\"\n") {
		t.Errorf("the stack file: %v\n%s", err, content)
	}
	if code, answer := call(t, exports, "POST", "storage/v1/b?project=demo-project", `{"name": "fresh-bucket", "location": "eu"}`); code != 200 {
		t.Fatalf("create bucket: %d %v", code, answer)
	}
	writeObject(t, evaluate(t, exports, "STORAGE_EMULATOR_HOST"), "fresh-bucket")
	if code, answer := call(t, exports, "DELETE", "storage/v1/b/fresh-bucket", ""); code != http.StatusConflict {
		t.Errorf("delete a bucket that is not empty: %d %v", code, answer)
	}
	if code, answer := call(t, exports, "GET", "storage/v1/b/fresh-bucket/o", ""); code != 200 || len(answer["items"].([]any)) != 1 {
		t.Errorf("list its objects: %d %v", code, answer)
	}
	const api = "serviceusage/v1/projects/demo-project/services/cloudscheduler.googleapis.com:enable"
	if code, answer := call(t, exports, "POST", api, ""); code != 200 {
		t.Fatalf("enable an API: %d %v", code, answer)
	}
	for _, want := range []int{http.StatusForbidden, http.StatusOK} {
		if code, answer := call(t, exports, "GET", "cloudscheduler/v1/projects/demo-project/locations/x/jobs", ""); code != want {
			t.Errorf("an API that is late by one call: %d %v, want %d", code, answer, want)
		}
	}
	user := `{"name": "reader", "password": "x"}`
	if code, answer := call(t, exports, "POST", "sqladmin/sql/v1beta4/projects/demo-project/instances/app/users", user); code != 200 || answer["status"] != "DONE" {
		t.Errorf("create a database user: %d %v", code, answer)
	}
	if got := roleExists(t, evaluate(t, exports, "DATABASE_URL"), "reader"); !got {
		t.Error("the user is no role of the database")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	for _, file := range []string{env, stack, strings.TrimPrefix(evaluate(t, exports, "PULUMI_BACKEND_URL"), "file://")} {
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", file, err)
		}
	}
}

func writeObject(t *testing.T, host, bucket string) {
	t.Helper()
	t.Setenv("STORAGE_EMULATOR_HOST", host)
	client, err := gcs.NewClient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	w := client.Bucket(bucket).Object("a").NewWriter(t.Context())
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("write into a bucket that the control plane made: %v", err)
	}
}

func roleExists(t *testing.T, url, role string) (exists bool) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&exists); err != nil {
		t.Fatal(err)
	}
	return exists
}

// TestServeOwnDatabase: DATABASE_URL is used as it is, over the socket of the instance too, and the time of --for ends it.
func TestServeOwnDatabase(t *testing.T) {
	own, err := postgres.Start(t.Context(), postgres.Options{TCP: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	t.Setenv("DATABASE_URL", own.TCPURL(""))
	file := filepath.Join(t.TempDir(), "env")
	cmd, _, stderr := serve(t, "--cloud-sql", "--env", file, "--for", "2s")
	if said := up(t, stderr); !strings.Contains(said, "database: app of DATABASE_URL, as it is\n") {
		t.Errorf("it said %q", said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	variable := func(name string) string { return evaluate(t, string(text), name) }
	conn, err := pgx.Connect(t.Context(), "host="+variable("CLOUD_SQL_SOCKET_DIR")+"/"+variable("CLOUD_SQL_INSTANCE")+
		" dbname="+variable("DB_NAME")+" user="+variable("DB_USER")+" password="+own.Password()+" sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	var tables int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables in a database that should be left as it is (%v)", tables, err)
	}
	conn.Close(t.Context())
	if err := cmd.Wait(); err != nil {
		t.Errorf("at the end of its time: %v", err)
	}
}

// TestServeRefusals are mistakes that are named before anything is started.
func TestServeRefusals(t *testing.T) {
	for _, test := range []struct {
		database string
		args     []string
		want     string
	}{
		{"", []string{"--stack", "x"}, "--stack needs a project to deploy into: add --project"},
		{"", []string{"--project", "--job", "/absent"}, "find the job: stat /absent: no such file or directory: build it with make bin/job, or name it with --job"},
		{"", []string{"--switch", "a.b=c"}, `unknown switch "a.b": see sandbox switches for their names`},
		{"postgres://127.0.0.1:1/x", []string{"--posts", "5"}, "--empty and --posts fill a database of the sandbox's own: unset DATABASE_URL to have one"},
		{"postgres://u:hidden@127.0.0.1:1/x", nil, `start sandbox: connect to database "x" as user "u" at 127.0.0.1:1, which DATABASE_URL names: connection refused: ` +
			"set DATABASE_URL to a PostgreSQL that answers, or unset it to use the sandbox's own"},
		{"mysql://u:hidden@h/x?a=%zz", nil, "start sandbox: read DATABASE_URL: it is not a PostgreSQL URL: set DATABASE_URL to a PostgreSQL that answers, or unset it to use the sandbox's own"},
		{"", []string{"--data-store", "nature-posts"}, "--data-store nature-posts: it is there already: name another one"},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"serve", "--for", "1s"}, test.args...)...)
		cmd.Env = append(os.Environ(), asSandbox+"=1", "DATABASE_URL="+test.database)
		output, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(output)); err == nil || got != "sandbox: error: "+test.want {
			t.Errorf("%q: %v\ngot  %s\nwant %s", test.args, err, got, test.want)
		}
	}
}

// TestSwitches lists what can be switched: every name with its values and a sentence.
func TestSwitches(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "switches")
	cmd.Env = append(os.Environ(), asSandbox+"=1")
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		if len(strings.Fields(line)) < 4 {
			t.Errorf("line %q", line)
		}
	}
	if !strings.Contains(string(output), "\niam.grants-late ") {
		t.Errorf("it printed\n%s", output)
	}
}
