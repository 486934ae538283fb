package api

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/sandbox/controlplane/fields"
)

func encode(t *testing.T, value any) string {
	t.Helper()
	content, err := json.Marshal(value)
	ok(t, err)
	return string(content)
}

func TestParseLine(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     object
	}{
		{"text", "plain text", object{"textPayload": "plain text"}},
		{"broken JSON", "{oops", object{"textPayload": "{oops"}},
		{"a list", "[1]", object{"textPayload": "[1]"}},
		{"structured", `{"severity":"error","message":"m","time":"2026-01-01T00:00:00Z","n":1}`, object{
			"severity": "ERROR", "timestamp": "2026-01-01T00:00:00Z", "jsonPayload": object{"message": "m", "n": 1.0},
		}},
		{"labels and trace", `{"message":"m","logging.googleapis.com/labels":{"a":"b"},"logging.googleapis.com/trace":"t"}`, object{
			"labels": object{"a": "b"}, "trace": "t", "jsonPayload": object{"message": "m"},
		}},
		{"unknown severity and time stay", `{"severity":"LOUD","time":"soon"}`, object{"jsonPayload": object{"severity": "LOUD", "time": "soon"}}},
	} {
		if diff := cmp.Diff(test.want, parseLine(test.in)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// sampleEntry is what the filters are tried on.
var sampleEntry = object{
	"severity": "WARNING", "timestamp": "2026-01-02T03:04:05Z", "logName": "projects/p/logs/stdout",
	"resource":    object{"type": "cloud_run_job", "labels": object{"job_name": "sync"}},
	"labels":      object{"run.googleapis.com/execution_name": "sync-abcde"},
	"jsonPayload": object{"message": "sync finished", "bytes": 12.0, "nested": object{"a.b": "c"}, "outcome": "imported"},
}

func TestFilter(t *testing.T) {
	for _, test := range []struct {
		filter string
		want   bool
	}{
		{"", true},
		{`resource.type=cloud_run_job AND resource.labels.job_name=sync AND labels."run.googleapis.com/execution_name"="sync-abcde"`, true},
		{`resource.type="cloud_run_job" resource.labels.job_name="other"`, false},
		{`jsonPayload.message="SYNC finished"`, true},
		{`jsonPayload.message:"finish"`, true},
		{`jsonPayload.bytes>=12 AND jsonPayload.bytes<12.5`, true},
		{`jsonPayload.bytes>12`, false},
		{`jsonPayload.absent=1`, false},
		{`jsonPayload.absent!=1`, true},
		{`jsonPayload.outcome:*`, true},
		{`NOT jsonPayload.absent:*`, true},
		{`-jsonPayload.outcome:*`, false},
		{`severity>=WARNING`, true},
		{`severity>WARNING`, false},
		{`severity=warning`, true},
		{`timestamp>="2026-01-02T03:04:04.5Z" timestamp<"2026-01-02T04:04:05+00:00"`, true},
		{`jsonPayload.outcome=~"^imp.*d$"`, true},
		{`jsonPayload.outcome!~"^imp"`, false},
		{`(severity=INFO OR severity=WARNING) AND jsonPayload.bytes=12`, true},
		{`severity=INFO OR severity=WARNING jsonPayload.bytes=13`, false},
		{`"sync FINISHED"`, true},
		{`nowhere`, false},
		{"severity=WARNING -- a comment\n AND jsonPayload.bytes=12", true},
		{`jsonPayload.nested."a.b"="c"`, true},
		{`json_payload.message="sync finished"`, true},
	} {
		matches, err := parseFilter(test.filter)
		if err != nil {
			t.Errorf("%s: %v", test.filter, err)
			continue
		}
		if got := matches(sampleEntry); got != test.want {
			t.Errorf("%s = %v", test.filter, got)
		}
	}
	for _, broken := range []string{"a=", "(a=1", "a=1)", "AND a=1", "a=1 OR", "NOT", `a="open`, "a=~\"(\"", "= 1", "a=(b OR c)"} {
		if _, err := parseFilter(broken); err == nil {
			t.Errorf("%q parses", broken)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`a.b="c" AND (d>1 OR NOT e:f)`, `labels."x/y"=~"z"`, "-a=1 -- c", `"`, "()"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		matches, err := parseFilter(filter)
		if err != nil {
			return
		}
		negated, err := parseFilter("NOT (" + filter + "\n)")
		if err != nil {
			return // an empty filter cannot be negated
		}
		if matches(sampleEntry) == negated(sampleEntry) {
			t.Errorf("%q and its negation agree", filter)
		}
	})
}

func TestEntries(t *testing.T) {
	s := newPlane(t)
	for _, severity := range []string{"INFO", "ERROR", "INFO"} {
		s.keepEntry(object{"logName": "projects/p1-demo/logs/x", "severity": severity, "textPayload": severity})
	}
	s.keepEntry(object{"logName": "projects/p1-demo-2/logs/x", "severity": "ERROR"})
	list := func(body string) int {
		t.Helper()
		return len(fields.Items(must(t, s, "POST", "/logging/v2/entries:list", body), "entries"))
	}
	if got := list(`{"resourceNames": ["projects/p1-demo"]}`); got != 3 {
		t.Errorf("%d entries, want the project's 3", got)
	}
	if got := list(`{"resourceNames": ["projects/424242424242"], "filter": "severity=ERROR", "orderBy": "timestamp desc"}`); got != 1 {
		t.Errorf("%d entries by the filter, want 1", got)
	}
	if got := list(`{"resourceNames": ["projects/p1-demo"], "pageSize": 2}`); got != 2 {
		t.Errorf("%d entries in a page, want 2", got)
	}
	found, err := s.Logs(testProject, "severity=ERROR")
	if err != nil || len(found) != 1 {
		t.Errorf("Logs: %v, %v", found, err)
	}
}
