package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/api"
	"vertexmetadata/sandbox/dataplane"
)

// syncQueries are the queries of two syncs; the second one makes a document of each image.
var syncQueries = map[string]string{
	"posts":  "SELECT post_id::text AS id, location FROM posts WHERE is_public AND post_rarity < 1000",
	"images": "SELECT img_id::text AS id, mime_type FROM images",
}

// TestLoginByIAM deploys two syncs that log in as the job's account, without a password: the grant that an output says is all that is left
// to do by hand. After a destroy, what stayed is used again, as the notices say.
func TestLoginByIAM(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := newSystem(t)
	stack := newStack(t, s, map[string]string{
		"databaseAuth": "iam", "database": s.Data.Source.Database, "bucket": "made-by-up", "createBucket": "true", "createDataStore": "true",
		"createSearchApp": "true", "dataStoreContent": "none", "iamScope": "resource", "tasks": "2",
	})
	for i, name := range []string{"posts", "images"} {
		must(t, os.WriteFile(filepath.Join(stack.dir, name+".sql"), []byte(syncQueries[name]), 0o600))
		for field, value := range map[string]string{"name": name, "dataStore": "by-up-" + name, "queryFile": name + ".sql"} {
			stack.must("config", "set", "--path", fmt.Sprintf("syncs[%d].%s", i, field), value)
		}
	}
	stack.must("up", "--yes", "--skip-preview")
	stack.must("preview", "--refresh", "--expect-no-changes")
	role := strings.TrimSuffix(jobAccount, ".gserviceaccount.com")
	checkFails(t, s, "run GRANT SELECT ON public.posts TO ")

	s.change(t, stack.must("stack", "output", "databaseGrant", "--stack", stack.name))
	checkBothSyncs(t, s)
	if state := stack.must("stack", "export"); strings.Contains(state, s.Data.Source.Password) {
		t.Error("the password of another role is in the state")
	}

	stack.must("destroy", "--yes", "--skip-preview", "--exclude-protected")
	stack.must("config", "set", "createBucket", "false")
	output, err := stack.run("up", "--yes", "--skip-preview")
	if says := "set databaseUser to " + role + " to use what is there"; err == nil || !strings.Contains(output, says) {
		t.Fatalf("up with the role of an earlier deployment (%v) does not say %s:\n%s", err, says, output)
	}
	stack.must("config", "set", "databaseUser", role)
	stack.must("up", "--yes", "--skip-preview")
	stack.must("preview", "--refresh", "--expect-no-changes")
	checkBothSyncs(t, s)
	if unknown := s.Control.Unknown(); len(unknown) > 0 {
		t.Errorf("requests that the sandbox does not know: %q", unknown)
	}
}

// checkBothSyncs runs the job and wants the data store of each sync to have what its query returns.
func checkBothSyncs(t *testing.T, s *system) {
	t.Helper()
	if err := s.tick(t); err != nil {
		t.Fatalf("run: %v\n%v", err, s.newest(t, "severity>=ERROR"))
	}
	for name, query := range syncQueries {
		store := s.DataStore(api.DataStore{Project: dataplane.Project, Location: "global", ID: "by-up-" + name})
		if store == nil {
			t.Fatalf("up made no data store by-up-%s", name)
		}
		got := slices.Sorted(maps.Keys(store.Documents()))
		if diff := cmp.Diff(s.column(t, query), got); diff != "" || len(got) == 0 {
			t.Errorf("documents of sync %s (-query +store):\n%s", name, diff)
		}
	}
}

// TestLoginByPassword deploys a job whose role and password the stack makes; another password reaches both with the next up.
func TestLoginByPassword(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := newSystem(t)
	stack := newStack(t, s, map[string]string{
		"database": s.Data.Source.Database, "databaseUser": "reader", "createDatabaseUser": "true", "dbPasswordSecret": "reader_password",
		"createSecrets": "true", "bucket": dataplane.Bucket, "dataStore": dataplane.DataStoreID,
	})
	for _, password := range []string{"0123456", "another password"} {
		stack.must("config", "set", "--secret", "--path", "secretValues.reader_password", password)
		stack.must("up", "--yes", "--skip-preview")
		stack.must("preview", "--refresh", "--expect-no-changes")
		s.change(t, stack.must("stack", "output", "databaseGrant", "--stack", stack.name))
		if err := s.tick(t); err != nil {
			t.Fatalf("run: %v\n%v", err, s.newest(t, "severity>=ERROR"))
		}
		if state := stack.must("stack", "export"); strings.Contains(state, password) {
			t.Error("the password is in the state in the clear")
		}
	}
}
