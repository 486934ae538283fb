package postgres_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"vertexmetadata/sandbox/postgres"
)

// server is shared by the tests that leave it as they found it.
var server *postgres.Server

func TestMain(m *testing.M) {
	if dir := os.Getenv(abandonedOwner); dir != "" {
		ownAndHang(dir)
	}
	started, err := postgres.Start(context.Background(), postgres.Options{TCP: true})
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	server = started
	code := m.Run()
	if err := server.Close(); err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func TestEveryAddressReachesTheSameDatabase(t *testing.T) {
	ctx := t.Context()
	name := "addresses"
	socketURL, err := server.NewDatabase(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	cloudSQL, err := server.InstanceSocketDir("demo-project:asia-northeast1:main")
	if err != nil {
		t.Fatal(err)
	}
	run(t, socketURL, "CREATE TABLE seen (n int); INSERT INTO seen VALUES (42)")
	instance := "user=" + server.User() + " password=" + server.Password() + " dbname=" + name +
		" host=" + filepath.Join(cloudSQL, "demo-project:asia-northeast1:main")
	for _, test := range []struct{ name, url string }{
		{"socket", socketURL},
		{"tcp", server.TCPURL(name)},
		{"cloudsql", instance},
		{"admin", server.AdminURL(name)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := queryInt(t, test.url, "SELECT n FROM seen"); got != 42 {
				t.Errorf("n = %d, want 42", got)
			}
		})
	}
}

func TestInstanceSocketPathFitsTheLimit(t *testing.T) {
	const longName = "a-project-id-of-thirty-letters:asia-northeast1:an-instance-name"
	root, err := server.InstanceSocketDir(longName)
	if err != nil {
		t.Fatal(err)
	}
	if path := filepath.Join(root, longName, ".s.PGSQL.5432"); len(path) > 103 {
		t.Errorf("socket path has %d bytes, more than macOS allows: %s", len(path), path)
	}
}

func TestWrongCredentialsAreRefused(t *testing.T) {
	for _, test := range []struct{ name, url, code string }{
		{"password", server.URLAs(server.User(), "wrong", ""), "28P01"},
		{"no password", server.URLAs(server.User(), "", ""), "28P01"},
		{"role", server.URLAs("stranger", "wrong", ""), "28P01"},
		{"superuser without password", server.URLAs("postgres", "", ""), "28P01"},
		{"database", server.URL("absent"), "3D000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := pgx.Connect(t.Context(), test.url)
			var refused *pgconn.PgError
			if errors.As(err, &refused) && refused.Code == test.code {
				return
			}
			if test.name == "no password" || test.name == "superuser without password" {
				if err != nil {
					return // the client may give up before it is asked
				}
			}
			t.Errorf("connect = %v, want SQLSTATE %s", err, test.code)
		})
	}
}

func TestPasswordRotation(t *testing.T) {
	s := start(t, postgres.Options{User: "someone", Password: "it's a \"secret\" \\ 秘密", Database: "place"})
	before := s.URL("")
	if got := queryInt(t, before, "SELECT 1"); got != 1 {
		t.Fatal("the first password does not work")
	}
	if err := s.SetPassword(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.Connect(t.Context(), before); err == nil {
		t.Error("the old password still works")
	}
	if got := queryInt(t, s.URL(""), "SELECT 1"); got != 1 {
		t.Error("the new password does not work")
	}
}

func TestDatabaseFromTemplate(t *testing.T) {
	ctx := t.Context()
	loaded, err := server.NewDatabase(ctx, "loaded")
	if err != nil {
		t.Fatal(err)
	}
	run(t, loaded, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
	for range 2 {
		copied, err := server.NewDatabaseFrom(ctx, "", "loaded")
		if err != nil {
			t.Fatal(err)
		}
		if got := queryInt(t, copied, "SELECT count(*) FROM t"); got != 1000 {
			t.Errorf("copy has %d rows, want 1000", got)
		}
		run(t, copied, "DELETE FROM t")
	}
	if _, err := server.NewDatabase(ctx, "loaded"); err == nil || !strings.Contains(err.Error(), "create database loaded: ") {
		t.Errorf("creating it twice = %v", err)
	}
	if err := server.DropDatabase(ctx, "loaded"); err != nil {
		t.Error(err)
	}
}

func TestCommittedRowsSurviveRestartAndCrash(t *testing.T) {
	s := start(t, postgres.Options{})
	run(t, s.URL(""), "CREATE TABLE t (n int)")
	steps := []struct {
		name string
		down func() error
	}{
		{"restart", func() error { return nil }},
		{"stop", s.Stop},
		{"crash", s.Kill},
	}
	for i, step := range steps {
		run(t, s.URL(""), "INSERT INTO t VALUES (1)")
		if err := step.down(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if step.name != "restart" {
			if _, err := pgx.Connect(t.Context(), s.URL("")); err == nil {
				t.Fatalf("%s: still answers", step.name)
			}
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := queryInt(t, s.URL(""), "SELECT count(*) FROM t"); got != i+1 {
			t.Errorf("after %s: %d rows, want %d", step.name, got, i+1)
		}
	}
}

func TestCloseRemovesEverything(t *testing.T) {
	s := start(t, postgres.Options{})
	dir := filepath.Dir(s.SocketDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("stat %s = %v, want it gone", dir, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if err := s.Restart(t.Context()); err == nil {
		t.Error("a closed server restarted")
	}
}

func TestBadSettingIsReportedWithTheServersLog(t *testing.T) {
	_, err := postgres.Start(t.Context(), postgres.Options{Settings: map[string]string{"no_such_setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
		t.Errorf("Start = %v", err)
	}
}

func TestTemporaryFolderThatIsAbsent(t *testing.T) {
	t.Setenv("TMPDIR", "/absent")
	server, err := postgres.Start(t.Context(), postgres.Options{})
	if err == nil {
		_ = server.Close()
		t.Fatal("it started")
	}
	got, _, _ := strings.Cut(err.Error(), "vmpg-") // a random name follows where mkdir is what fails
	if want := "prepare PostgreSQL: make a temporary folder: stat /absent: no such file or directory: let TMPDIR name a folder in which you may write, or unset it"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSettingsReachTheServer(t *testing.T) {
	s := start(t, postgres.Options{Settings: map[string]string{"max_connections": "17"}})
	if got := queryInt(t, s.URL(""), "SELECT current_setting('max_connections')::int"); got != 17 {
		t.Errorf("max_connections = %d, want 17", got)
	}
}

func start(t *testing.T, options postgres.Options) *postgres.Server {
	t.Helper()
	s, err := postgres.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func run(t *testing.T, url, sql string) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func queryInt(t *testing.T, url, sql string) int {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(t.Context())
	var n int
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
