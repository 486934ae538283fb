package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/sample"
	"vertexmetadata/sandbox/secretmanager"
	"vertexmetadata/sandbox/storage"
	"vertexmetadata/sandbox/testkit"
)

// These tests drive the real program, as a process of its own, against a real PostgreSQL and stand-ins for the Google
// APIs. All share these servers; each has its own database, bucket and data store in them.
var (
	program  string // path of the built job
	servers  *testkit.Servers
	database *postgres.Server
	objects  *storage.Server
	engine   *discoveryengine.Server
	secrets  *secretmanager.Store
	vault    *secretmanager.Server // serves secrets
)

var update = flag.Bool("update", false, "write golden files and generated documentation")

// samplePosts is the database that others are copied from.
const samplePosts = "sample_posts"

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := serve(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// serve runs the tests between the start and the end of what they need, and then looks for secrets in all they saw.
func serve(m *testing.M) (code int, err error) {
	var closers []func() error
	defer func() {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
	}()
	dir, err := os.MkdirTemp("", "vertex-metadata-job-")
	if err != nil {
		return 0, err
	}
	closers = append(closers, func() error { return os.RemoveAll(dir) })
	program = filepath.Join(dir, "job")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the job: %w\n%s", err, out)
	}
	servers, err = testkit.Start(context.Background(), postgres.Options{TCP: true, InMemory: true, Password: newSecret("database/pass%word ")})
	if err != nil {
		return 0, err
	}
	closers = append(closers, servers.Close)
	database, objects, engine, secrets, vault = servers.Database, servers.Objects, servers.Search, servers.Secrets, servers.Vault
	if err := loadSample(context.Background()); err != nil {
		return 0, err
	}
	watchSteps()
	code = m.Run()
	return code, findSecrets()
}

func loadSample(ctx context.Context) error {
	url, err := database.NewDatabase(ctx, samplePosts)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) // a database with a session cannot be copied
	return sample.Load(ctx, conn)
}

// The search for secrets must be able to find those that matter.
func TestSecretsCanBeFound(t *testing.T) {
	w := newWorld(t)
	w.cloudSQL()
	for what, value := range map[string]string{
		"DATABASE_URL": database.URL(w.name), "GEMINI_API_KEY": w.env["GEMINI_API_KEY"], "the password": database.Password(),
	} {
		if !strings.Contains(value, marker) {
			t.Errorf("%s has no %s", what, marker)
		}
	}
}
