package e2e

import (
	"context"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/sample"
)

// TestContainer checks and syncs inside a container of the image, as it runs in the cloud: over the socket under /cloudsql, with the
// password from Secret Manager, as a user who is nobody, on a file system that cannot be written.
func TestContainer(t *testing.T) {
	docker := engine(t)
	if runtime.GOOS != "linux" {
		t.Skip("only where the engine runs on Linux itself does a container reach this machine's sockets and ports")
	}
	docker.standIns(t)
	docker.build(t, repository)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w, err := dataplane.Start(ctx, dataplane.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, w.Close()) })
	name := "vertex-metadata-test-" + strings.ToLower(t.Name())
	run := func(args ...string) (string, error) {
		command := []string{
			"run", "--rm", "--name=" + name, "--network=host", "--read-only",
			"--mount=type=bind,source=" + w.Postgres.SocketDir() + ",target=/cloudsql/" + dataplane.Instance,
		}
		for _, v := range w.Environment(true) {
			if v.Name != "CLOUD_SQL_SOCKET_DIR" { // in the image it is where Cloud Run mounts it
				command = append(command, "--env="+v.Name+"="+v.Value)
			}
		}
		out, err := docker.command(append(append(command, image), args...)...).CombinedOutput()
		return string(out), err
	}

	if out, err := run("check"); err != nil || !strings.Contains(out, "database") {
		t.Fatalf("check: %v\n%s", err, out)
	}
	var processes string
	w.Search.SetHooks(func(c discoveryengine.Call) {
		if c.Method == "ImportDocuments" {
			out, err := docker.command("top", name, "-eo", "pid,uid,gid,args").CombinedOutput()
			if processes = string(out); err != nil {
				t.Errorf("list processes of the container: %v", err)
			}
		}
	}, nil)
	for _, want := range []string{"imported", "unchanged"} {
		out, err := run()
		if err != nil {
			t.Fatalf("sync: %v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var last map[string]any
		must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
		if last["message"] != "sync finished" || last["outcome"] != want {
			t.Errorf("the last line of the run is %v, want outcome %s", last, want)
		}
	}
	if got := w.DataStore.Len(); got != sample.Documents() {
		t.Errorf("the data store has %d documents, want %d", got, sample.Documents())
	}
	// A heading, and the one process that there is, after its number.
	if lines := strings.Split(strings.TrimSpace(processes), "\n"); len(lines) != 2 || !slices.Equal(strings.Fields(lines[1])[1:], []string{"65532", "65532", "/job", "sync"}) {
		t.Errorf("the container runs\n%s\nwant /job sync alone, as 65532", processes)
	}
}
