package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/testkit"
)

// syncs are several syncs of one job: a table and a data store each.
type syncs struct {
	*world
	names  []string
	stores map[string]*discoveryengine.DataStore
}

// newSyncs returns a world with n syncs, named a, b and so on, of rows documents each.
func newSyncs(t *testing.T, n, rows int) *syncs {
	t.Helper()
	s := &syncs{world: newDocs(t, database, 0), stores: map[string]*discoveryengine.DataStore{}}
	for i := range n {
		name := string(rune('a' + i))
		s.names = append(s.names, name)
		s.stores[name] = servers.NewStore(s.name+"-"+name, discoveryenginepb.DataStore_CONTENT_REQUIRED)
		s.exec(`CREATE TABLE ` + name + ` (id text PRIMARY KEY, body text)`)
		s.exec(`INSERT INTO `+name+` SELECT 'doc-' || lpad(g::text, 4, '0'), 'body ' || g FROM generate_series(1, $1::int) g`, rows)
	}
	delete(s.env, "DATA_STORE_ID")
	s.describe(nil)
	return s
}

// describe sets SYNCS, with the queries of some replaced.
func (s *syncs) describe(queries map[string]string) {
	var list []map[string]string
	for _, name := range s.names {
		query := queries[name]
		if query == "" {
			query = columns + ` FROM ` + name
		}
		list = append(list, map[string]string{"name": name, "query": query, "data_store": s.name + "-" + name})
	}
	text, err := json.Marshal(list)
	if err != nil {
		s.t.Fatal(err)
	}
	s.env["SYNCS"] = string(text)
}

// wrong names the syncs whose data store is not in sync.
func (s *syncs) wrong() (wrong []string) {
	s.t.Helper()
	for _, name := range s.names {
		if !cmp.Equal(testkit.Source(s.t, s.conn, `SELECT id, body FROM `+name), testkit.Stored(s.t, s.stores[name])) {
			wrong = append(wrong, name)
		}
	}
	return wrong
}

// outcomes are those of a process, by sync.
func (r result) outcomes() map[string]string {
	outcomes := map[string]string{}
	for _, line := range r.lines {
		if line["message"] == "sync finished" {
			name, _ := line["sync"].(string)
			outcomes[name], _ = line["outcome"].(string)
		}
	}
	return outcomes
}

// all runs every task of an execution at once.
func (s *syncs) all(tasks int, during func([]*process)) map[string]string {
	s.t.Helper()
	var running []*process
	for task := range tasks {
		running = append(running, s.start([]string{"sync"}, inTask(task, tasks)...))
	}
	during(running)
	outcomes := map[string]string{}
	for _, p := range running {
		maps.Copy(outcomes, p.wait().outcomes())
	}
	return outcomes
}

func inTask(task, tasks int) []variable {
	return []variable{
		variable(fmt.Sprint("CLOUD_RUN_TASK_INDEX=", task)), variable(fmt.Sprint("CLOUD_RUN_TASK_COUNT=", tasks)), "CLOUD_RUN_EXECUTION=sync-abc",
	}
}

func nothing([]*process) {}

// Five syncs on three tasks, under random kills and faults of the services, end in sync; and whatever the number of tasks,
// no object is shared.
func TestSeveralSyncsUnderFaults(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 5))
	s := newSyncs(t, 5, 150)
	for range 6 {
		for _, name := range s.names {
			s.exec(`UPDATE ` + name + ` SET body = body || '!' WHERE random() < 0.4`)
			s.exec(`DELETE FROM ` + name + ` WHERE random() < 0.05`)
		}
		undo := func() {}
		switch r.IntN(3) {
		case 0:
			undo = engine.FailOperations(discoveryengine.OperationFault{Applied: r.Float64()})
		case 1:
			undo = engine.Inject(discoveryengine.Fault{Method: "ImportDocuments", DropReply: true}).Remove
		}
		tasks, victim, after := 1+r.IntN(3), r.IntN(3), time.Duration(r.IntN(400))*time.Millisecond
		s.all(tasks, func(running []*process) {
			if victim < len(running) {
				time.Sleep(after)
				running[victim].signal(syscall.SIGKILL)
			}
		})
		undo()
	}
	s.until("all syncs to be in sync", func() bool { s.all(3, nothing); return len(s.wrong()) == 0 })
	want := map[string]string{"a": "unchanged", "b": "unchanged", "c": "unchanged", "d": "unchanged", "e": "unchanged"}
	if diff := cmp.Diff(want, s.all(2, nothing)); diff != "" {
		t.Error(diff)
	}
	for _, o := range objects.List(s.name, "") {
		owner := strings.Split(o.Name, "/")
		if len(owner) < 3 || owner[0] != "metadata" || !slices.Contains(s.names, owner[1]) {
			t.Errorf("object %s belongs to no sync", o.Name)
		}
		if data, err := objects.Read(s.name, o.Name); err == nil && strings.HasSuffix(o.Name, ".json") {
			for _, name := range s.names {
				if name != owner[1] && strings.Contains(string(data), "metadata/"+name+"/") {
					t.Errorf("object %s names one of sync %s", o.Name, name)
				}
			}
		}
	}
}

// What is wrong with some syncs harms no other: an emptied source, a wrong query, a data store that is gone.
func TestBrokenSyncsHarmNoOther(t *testing.T) {
	s := newSyncs(t, 5, 20)
	s.want(s.run([]string{"sync"}), "imported")
	s.exec(`DELETE FROM a`)
	s.describe(map[string]string{"b": `SELECT id, nobody FROM b`})
	engine.DeleteDataStore(s.stores["c"])
	s.exec(`UPDATE c SET body = 'changed'`)
	s.exec(`UPDATE d SET body = 'changed'`)
	s.exec(`UPDATE e SET body = 'changed' WHERE id < 'doc-0005'`)
	before := testkit.Stored(t, s.stores["a"])
	r := s.run([]string{"sync"})
	want := map[string]string{"a": "failed", "b": "failed", "c": "failed", "d": "imported", "e": "imported"}
	if diff := cmp.Diff(want, r.outcomes()); diff != "" || r.code != 1 {
		t.Errorf("exit %d: %s\n%s", r.code, diff, r.stderr)
	}
	if diff := cmp.Diff(before, testkit.Stored(t, s.stores["a"])); diff != "" {
		t.Error(diff)
	}
	s.names = []string{"d", "e"}
	if wrong := s.wrong(); len(wrong) > 0 {
		t.Errorf("not in sync: %v", wrong)
	}
}

// A task that is tried again reads nothing of the syncs that are done.
func TestRetriedTaskSkipsWhatIsDone(t *testing.T) {
	s := newSyncs(t, 4, 20)
	change := append(inTask(0, 2), "RESCAN_INTERVAL=1h")
	undo := engine.Inject(discoveryengine.Fault{Method: "ImportDocuments", Skip: 1, Count: -1, Code: codes.PermissionDenied}).Remove
	first := s.run([]string{"sync"}, change...)
	undo()
	if got := slices.Sorted(maps.Values(first.outcomes())); first.code != 1 || !slices.Equal(got, []string{"failed", "imported"}) {
		t.Fatalf("exit %d, outcomes %v", first.code, first.outcomes())
	}
	again := s.run([]string{"sync"}, append(change, "CLOUD_RUN_TASK_ATTEMPT=1")...)
	if got := slices.Sorted(maps.Values(again.outcomes())); again.code != 0 || !slices.Equal(got, []string{"imported", "unchanged"}) {
		t.Errorf("exit %d, outcomes %v", again.code, again.outcomes())
	}
	if n := strings.Count(again.stderr, "reading the source"); n != 1 {
		t.Errorf("%d sources were read, want the one that failed", n)
	}
	for _, name := range []string{"b", "d"} {
		if n := len(objects.List(s.name, "metadata/"+name+"/")); n > 0 {
			t.Errorf("task 0 wrote %d objects of sync %s", n, name)
		}
	}
}

// Without SYNCS the first task works under the names that objects have always had, and the others say why they do not.
func TestOneSyncOnSeveralTasks(t *testing.T) {
	w := newDocs(t, database, 20)
	first := w.run([]string{"sync"}, inTask(0, 3)...)
	w.want(first, "imported")
	if _, named := first.last(t)["sync"]; named {
		t.Error("the last line names a sync that has no name")
	}
	second := w.run([]string{"sync"}, inTask(1, 3)...)
	w.want(second, "skipped")
	if n := len(second.lines); n != 2 || second.lines[0]["message"] != "this task has no sync" {
		t.Errorf("%d lines, want the reason and the last one: %s", n, second.stderr)
	}
	for _, o := range objects.List(w.name, "") {
		if o.Name != "metadata/metadata.jsonl" && !strings.HasPrefix(o.Name, "metadata/.sync/v2/") {
			t.Errorf("object %s", o.Name)
		}
	}
}
