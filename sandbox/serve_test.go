package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	secrets "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	gcs "cloud.google.com/go/storage"
	"github.com/jackc/pgx/v5"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"vertexmetadata/sandbox/sample"
)

// asSandbox makes the test binary play the sandbox command.
const asSandbox = "VERTEX_METADATA_TEST_AS_SANDBOX"

func TestMain(m *testing.M) {
	if os.Getenv(asSandbox) != "" {
		main()
		return
	}
	_ = os.Unsetenv("DATABASE_URL") // of the tester's shell: each sandbox has a database of its own
	os.Exit(m.Run())
}

// serve runs the command until the test's end and returns what it prints.
func serve(t *testing.T, arguments ...string) (cmd *exec.Cmd, stdout, stderr *bufio.Reader) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], append([]string{"serve"}, arguments...)...)
	cmd.Env = append(os.Environ(), asSandbox+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewReader(out), bufio.NewReader(errs)
}

// up waits until the command says that it is, and returns what it said before.
func up(t *testing.T, stderr *bufio.Reader) string {
	t.Helper()
	said := ""
	for !strings.Contains(said, "the sandbox is up") {
		line, err := stderr.ReadString('\n')
		said += line
		if err != nil {
			t.Fatalf("the sandbox ended: %v: %s", err, said)
		}
	}
	return said
}

// evaluate lets a shell read the exports and print a variable.
func evaluate(t *testing.T, exports, name string) string {
	t.Helper()
	out, err := exec.Command("/bin/sh", "-uc", exports+"\nprintf %s \"$"+name+"\"").Output()
	if err != nil {
		t.Fatalf("evaluate %s: %v", name, err)
	}
	return string(out)
}

func TestServeByURL(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	cmd, _, stderr := serve(t, "--env", file)
	if said := up(t, stderr); !strings.Contains(said, "sample posts") {
		t.Errorf("it said %q", said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	exports := string(text)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the password has mode %v (%v)", info.Mode(), err)
	}
	database := evaluate(t, exports, "DATABASE_URL")
	if got := documents(t, database); got != sample.Documents() {
		t.Errorf("%d documents in the database, want %d", got, sample.Documents())
	}
	bucketAnswers(t, evaluate(t, exports, "STORAGE_EMULATOR_HOST"), evaluate(t, exports, "GCS_BUCKET"))
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if _, err := pgx.Connect(t.Context(), database); err == nil {
		t.Error("the database is still there")
	}
}

func TestServeByCloudSQL(t *testing.T) {
	cmd, stdout, stderr := serve(t, "--cloud-sql", "--posts", "100", "--location", "eu")
	up(t, stderr)
	// The exports are flushed before the sandbox says that it is up.
	exports := ""
	for !strings.Contains(exports, "unset DATABASE_URL\n") {
		line, err := stdout.ReadString('\n')
		if err != nil {
			t.Fatalf("%v: %s", err, exports)
		}
		exports += line
	}
	variable := func(name string) string { return evaluate(t, exports, name) }
	if got := variable("GCP_LOCATION"); got != "eu" {
		t.Errorf("GCP_LOCATION = %s", got)
	}
	password := access(t, variable("SECRETMANAGER_ENDPOINT"),
		"projects/"+variable("PROJECT_ID")+"/secrets/"+variable("SECRET_ID")+"/versions/"+variable("VERSION_ID"))
	if strings.Contains(exports, password) {
		t.Error("the password is in the environment although Secret Manager has it")
	}
	got := documents(t, "host="+variable("CLOUD_SQL_SOCKET_DIR")+"/"+variable("CLOUD_SQL_INSTANCE")+
		" dbname="+variable("DB_NAME")+" user="+variable("DB_USER")+" password="+password)
	if got < 30 || got > 80 {
		t.Errorf("%d of 100 posts become documents", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("terminated: %v", err)
	}
}

func documents(t *testing.T, url string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	err = conn.QueryRow(t.Context(), `SELECT count(*) FROM posts JOIN images USING (img_id)
		WHERE status = 'stored' AND is_public AND lower(mime_type) IN ('image/jpeg', 'image/png', 'image/webp')`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func bucketAnswers(t *testing.T, host, bucket string) {
	t.Helper()
	t.Setenv("STORAGE_EMULATOR_HOST", host)
	client, err := gcs.NewClient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Bucket(bucket).Attrs(t.Context()); err != nil {
		t.Errorf("bucket: %v", err)
	}
}

func access(t *testing.T, endpoint, name string) string {
	t.Helper()
	client, err := secrets.NewClient(t.Context(), option.WithEndpoint(endpoint), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	response, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return string(response.GetPayload().GetData())
}

func TestServeReportsWhatItCannotStart(t *testing.T) {
	cmd, _, stderr := serve(t, "--env", filepath.Join(t.TempDir(), "absent", "env"))
	said, _ := io.ReadAll(stderr)
	if err := cmd.Wait(); err == nil || !strings.Contains(string(said), "sandbox: error: write environment: ") {
		t.Errorf("%v: %s", err, said)
	}
}
