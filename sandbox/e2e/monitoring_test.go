package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/project"
	"vertexmetadata/sandbox/sample"
)

// measured is a log-based metric as it was deployed.
type measured struct {
	Name, Filter, ValueExtractor string
	LabelExtractors              map[string]string
}

// monitored deploys the tight stack's plan, which has metrics, dashboard and alerts.
func monitored(t *testing.T) *system {
	t.Helper()
	s := newSystem(t, func(o *project.Options) { o.Env = append(o.Env, "IMPORT_WAIT=1s") })
	s.deploy(t, "tight.json", "acme-search-prod-posts", dataplane.Bucket, "acme-search-prod", dataplane.Project)
	return s
}

// ending is a run that ends in some way, and what the metrics must make of it.
type ending struct {
	name    string
	prepare func()
	failure bool
	outcome string
	values  map[string]float64 // by metric; one that is not listed must be 0
	many    []string           // metrics for which any number over 0 will do
}

// TestMetrics runs the job in the ways in which a run ends and looks at what the deployed metrics make of its log. Who renames a field
// of the last line, an outcome or a metric learns here that dashboard and alerts would fall silent.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := monitored(t)
	metrics := s.metrics(t)
	all := float64(sample.Documents())
	var changed string
	change := func(location string) {
		s.change(t, "UPDATE posts SET location = $2 WHERE post_id = $1", changed, location)
	}
	for _, run := range []ending{
		{name: "everything", outcome: "imported", values: map[string]float64{"documents": all, "upserted": all}, many: []string{"bytes"}},
		{
			name: "changes", outcome: "imported", values: map[string]float64{"documents": all - 1, "upserted": 1, "deleted": 1}, many: []string{"bytes"},
			prepare: func() {
				ids := slices.Sorted(maps.Keys(s.Data.DataStore.Documents()))
				changed = ids[0]
				change("elsewhere")
				s.change(t, "UPDATE posts SET is_public = false WHERE post_id = $1", ids[1])
			},
		},
		{name: "nothing to do", outcome: "unchanged", values: map[string]float64{"documents": all - 1}},
		{
			name: "a slow import", outcome: "pending", values: map[string]float64{"documents": all - 1}, many: []string{"pending_age"},
			prepare: func() {
				s.Data.Search.Hold()
				change("far away")
			},
		},
		{
			name: "a document that the service rejects", failure: true, outcome: "failed",
			values: map[string]float64{"documents": all - 1}, many: []string{"failed"},
			prepare: func() {
				s.Data.Search.FailDocuments(func(id string) bool { return id == changed })
				s.Data.Search.Release()
				change("nowhere")
			},
		},
		{
			name: "a grant that is missing", failure: true, outcome: "failed",
			prepare: func() {
				must(t, s.Control.Revoke("//storage.googleapis.com/projects/_/buckets/"+dataplane.Bucket, "roles/storage.objectUser", jobMember))
			},
		},
	} {
		t.Run(run.name, func(t *testing.T) {
			if run.prepare != nil {
				run.prepare()
			}
			if failure := s.tick(t); (failure != nil) != run.failure {
				t.Fatalf("the run ended with %v: %v", failure, s.lastLine(t))
			}
			for _, m := range metrics {
				m.check(t, run, s.newest(t, m.Filter))
			}
		})
	}
}

// check compares what a metric makes of the lines that its filter matches with how their run ended.
func (m measured) check(t *testing.T, run ending, lines []map[string]any) {
	t.Helper()
	name := strings.TrimPrefix(m.Name, "create_vertex_metadata_")
	many := slices.Contains(run.many, name)
	if name == "pending_age" && !many {
		if len(lines) != 0 {
			t.Errorf("%s counts a run without a pending import: %v", m.Name, lines)
		}
		return
	}
	if len(lines) == 0 {
		t.Errorf("%s does not count the run: no line matches %s", m.Name, m.Filter)
		return
	}
	// Each attempt has its line; the last is how the run ended.
	line := lines[len(lines)-1]
	for label, extractor := range m.LabelExtractors {
		if _, ok := extract(line, extractor); !ok {
			t.Errorf("label %s of %s: no %s in %v", label, m.Name, extractor, line)
		}
	}
	if name == "runs" {
		if got, _ := extract(line, m.LabelExtractors["outcome"]); got != run.outcome {
			t.Errorf("%s counts a run as %v, want %s", m.Name, got, run.outcome)
		}
		return
	}
	value, _ := extract(line, m.ValueExtractor)
	number, ok := value.(float64)
	switch {
	case !ok:
		t.Errorf("%s: no number %s in %v", m.Name, m.ValueExtractor, line)
	case name == "duration" || many:
		if number <= 0 && many {
			t.Errorf("%s is %v, want more", m.Name, number)
		}
	case number != run.values[name]:
		t.Errorf("%s is %v, want %v", m.Name, number, run.values[name])
	}
}

// TestAlertsAskForWhatThereIs reads the queries of the alerts and of the dashboard: each series is one of the metrics, each
// outcome one that a run has.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	s := monitored(t)
	series := map[string]bool{}
	for _, m := range s.metrics(t) {
		series[m.Name] = true
	}
	snapshot, err := s.Control.Snapshot()
	must(t, err)
	asked := regexp.MustCompile(`logging_googleapis_com:user_(\w+?)(_sum|_count|_bucket)?[{]`).FindAllStringSubmatch(string(snapshot), -1)
	if len(asked) == 0 {
		t.Error("no query asks for a metric")
	}
	for _, match := range asked {
		if !series[match[1]] {
			t.Errorf("a query asks for %s, which no metric makes", match[1])
		}
	}
	outcomes := regexp.MustCompile(`outcome=~\\"([^"\\]+)\\"`).FindSubmatch(snapshot)
	if outcomes == nil {
		t.Fatal("no alert asks for outcomes")
	}
	silence := regexp.MustCompile("^(" + string(outcomes[1]) + ")$")
	// TestMetrics has runs with these outcomes.
	for outcome, succeeded := range map[string]bool{"imported": true, "unchanged": true, "pending": true, "skipped": false, "failed": false} {
		if silence.MatchString(outcome) != succeeded {
			t.Errorf("the alert on silence takes outcome %s for a success: %t, want %t", outcome, !succeeded, succeeded)
		}
	}
}

// metrics are the log-based metrics of the project.
func (s *system) metrics(t *testing.T) []measured {
	t.Helper()
	var metrics []measured
	for _, name := range s.Control.Names("logging") {
		content, err := json.Marshal(s.Control.Resource("logging", "projects/"+dataplane.Project+"/metrics/"+name))
		must(t, err)
		var m measured
		must(t, json.Unmarshal(content, &m))
		metrics = append(metrics, m)
	}
	if len(metrics) == 0 {
		t.Fatal("the plan has no metric")
	}
	return metrics
}

// newest are the lines of the newest execution that a filter matches.
func (s *system) newest(t *testing.T, filter string) []map[string]any {
	t.Helper()
	executions := s.Control.Executions(jobName)
	newest := executions[len(executions)-1]
	entries, err := s.Control.Logs(dataplane.Project, fmt.Sprintf(`(%s) AND labels."run.googleapis.com/execution_name"=%q`, filter, newest[strings.LastIndex(newest, "/")+1:]))
	must(t, err)
	return entries
}

// extract takes out of a log entry what EXTRACT(jsonPayload.NAME) says, as Cloud Logging does for a metric.
func extract(entry map[string]any, extractor string) (any, bool) {
	name := strings.TrimSuffix(strings.TrimPrefix(extractor, "EXTRACT(jsonPayload."), ")")
	payload, _ := entry["jsonPayload"].(map[string]any)
	value, ok := payload[name]
	return value, ok
}
