package main

import (
	"testing"

	"vertexmetadata/sandbox/sample"
)

// The form of the cloud: socket of the instance, password from Secret Manager, all values as secrets with a newline.
func TestCloudSQL(t *testing.T) {
	w := newWorld(t)
	w.cloudSQL()
	w.env["GCP_PROJECT"], w.env["CLOUD_SQL_INSTANCE"] = w.env["CLOUD_SQL_INSTANCE"], "" // as it was deployed before
	for _, name := range []string{"GCP_PROJECT", "DB_NAME", "DB_USER", "GCS_BUCKET", "PROJECT_ID", "SECRET_ID", "GEMINI_API_KEY", "DATA_STORE_ID"} {
		w.env[name] = "\uFEFF" + w.env[name] + "\r\n"
	}
	w.env["STORAGE_EMULATOR_HOST"] += "\r\n"
	secrets.Add(project, w.name, []byte("\uFEFF"+w.server.Password()+"\r\n"))
	w.env["VERSION_ID"] = "latest\r\n"
	last := w.sync("imported").last(t)
	if want := float64(sample.Documents()); last["documents"] != want || w.store.Len() != sample.Documents() {
		t.Errorf("%v documents, the data store holds %d; want %v", last["documents"], w.store.Len(), want)
	}
	golden(t, "check-cloud-sql.golden", w.run([]string{"check"}).stdout)
}

// The password is changed between two runs, first in the database and then in Secret Manager: the run in between fails
// and says why, the next one goes on.
func TestPasswordRotatedBetweenRuns(t *testing.T) {
	server := newServer(t)
	w := newDocs(t, server, 20)
	w.cloudSQL()
	w.sync("imported")
	w.exec(`UPDATE docs SET body = 'changed' WHERE id = 'doc-0001'`)

	if err := server.SetPassword(t.Context(), newSecret("rotated/")); err != nil {
		t.Fatal(err)
	}
	r := w.sync("failed")
	want := `sync failed: connect to database "` + w.name + `" as user "app" at socket ` + w.env["CLOUD_SQL_SOCKET_DIR"] + `/` + w.env["CLOUD_SQL_INSTANCE"] +
		`/.s.PGSQL.5432: password authentication failed for user "app": check the user (DB_USER) and the password (SECRET_ID and VERSION_ID), or DATABASE_URL`
	if got := failures(r); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := w.run([]string{"check"}); got.code != 1 {
		t.Errorf("check ended with %d\n%s", got.code, got.stdout)
	}

	secrets.Add(project, w.name, []byte(server.Password()+"\n"))
	w.sync("imported")
	w.wantInStep()
}
