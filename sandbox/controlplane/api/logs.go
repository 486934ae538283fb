package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// maxEntries bounds the log that a long-lived sandbox keeps; the oldest half goes when it is full.
const maxEntries = 200_000

// keepEntry adds an entry to the log and gives it what every entry has. The server must be locked.
func (s *Server) keepEntry(entry object) {
	now := s.Now().UTC().Format(time.RFC3339Nano)
	fields.OrElse(entry, "timestamp", now)
	fields.OrElse(entry, "severity", "DEFAULT")
	entry["receiveTimestamp"] = now
	fields.OrElse(entry, "insertId", strconv.FormatInt(int64(s.Next()), 36)+"-"+engine.RandomHex(4))
	if len(s.logs) >= maxEntries {
		s.logs = slices.Clone(s.logs[maxEntries/2:])
	}
	s.logs = append(s.logs, entry)
}

// special are the keys of a JSON line that Cloud Logging moves out of the payload.
// See https://cloud.google.com/logging/docs/structured-logging.
var special = map[string]string{
	"severity": "severity", "time": "timestamp", "timestamp": "timestamp", "httpRequest": "httpRequest",
	"logging.googleapis.com/insertId": "insertId", "logging.googleapis.com/labels": "labels",
	"logging.googleapis.com/operation": "operation", "logging.googleapis.com/sourceLocation": "sourceLocation",
	"logging.googleapis.com/spanId": "spanId", "logging.googleapis.com/trace": "trace",
	"logging.googleapis.com/trace_sampled": "traceSampled",
}

var severities = []string{"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}

// parseLine makes an entry of a line as Cloud Run's agent does: an object becomes jsonPayload, anything else textPayload.
func parseLine(line string) object {
	payload := object{}
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &payload) != nil {
		return object{"textPayload": line}
	}
	entry := object{}
	for key, name := range special {
		value, ok := payload[key]
		if !ok {
			continue
		}
		if name == "severity" {
			s, _ := value.(string)
			if !slices.Contains(severities, strings.ToUpper(s)) {
				continue
			}
			value = strings.ToUpper(s)
		}
		if name == "timestamp" {
			s, _ := value.(string)
			if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
				continue
			}
		}
		entry[name] = value
		delete(payload, key)
	}
	entry["jsonPayload"] = payload
	return entry
}

// Logs are the log entries of a project that a filter in Cloud Logging's language matches, oldest first.
func (s *Server) Logs(projectID, filter string) ([]map[string]any, error) {
	matches, err := parseFilter(filter)
	if err != nil {
		return nil, err
	}
	s.Lock()
	defer s.Unlock()
	var found []map[string]any
	for _, entry := range s.logs {
		if strings.HasPrefix(fields.Text(entry, "logName"), "projects/"+projectID+"/") && matches(entry) {
			found = append(found, fields.CloneObject(entry))
		}
	}
	return found, nil
}

func (s *Server) loggingKinds() []*engine.Kind {
	return []*engine.Kind{
		{
			Service: "logging", Versions: []string{"v2"}, Pattern: engine.NewPattern("projects/{project}/metrics/{metric}"), Title: "metric",
			List: "metrics", Permission: "logging.logMetrics", Replace: true, Stamps: []string{"createTime", "updateTime"},
			NewID: func(c *engine.Call) (string, error) { return fields.Text(c.Body, "name"), nil },
			Handle: func(c *engine.Call) (any, error) {
				if c.HTTP.Method == "PUT" && c.Find(c.Kind.Key(c.On)) == nil {
					// An update of a metric that is not there makes it.
					c.Body["name"] = c.Vars["metric"]
					return c.Write(nil, fields.CloneObject(c.Body))
				}
				return c.Plain()
			},
			Prepare: func(c *engine.Call, _, metric object) error {
				if _, err := parseFilter(fields.Text(metric, "filter")); err != nil || fields.Text(metric, "filter") == "" {
					return engine.Invalid("Invalid filter of metric %s: %v", c.Vars["metric"], err)
				}
				fields.Put(metric, "name", c.Vars["metric"])
				fields.OrElse(metric, "metricDescriptor.metricKind", "DELTA")
				fields.OrElse(metric, "metricDescriptor.valueType", "INT64")
				fields.Put(metric, "metricDescriptor.type", "logging.googleapis.com/user/"+c.Vars["metric"])
				fields.Put(metric, "metricDescriptor.name", fmt.Sprintf("projects/%s/metricDescriptors/%s", c.Vars["project"], fields.Text(metric, "metricDescriptor.type")))
				return nil
			},
		},
		{
			Service: "logging", Versions: []string{"v2"}, Pattern: engine.NewPattern("entries/{none}"), Title: "entry", Fixed: true,
			Permission: "logging.logEntries", Handle: s.listEntries,
		},
	}
}

func (s *Server) listEntries(c *engine.Call) (any, error) {
	if !c.Whole || c.HTTP.Method != "POST" || c.Verb != "list" {
		return nil, engine.ErrNoSuchMethod
	}
	matches, err := parseFilter(fields.Text(c.Body, "filter"))
	if err != nil {
		return nil, err
	}
	var found []any
	for _, name := range fields.Texts(c.Body, "resourceNames") {
		p := c.Project(engine.Last(name))
		if p == nil {
			return nil, engine.Denied("The caller does not have permission on %s.", name)
		}
		if err := c.May("logging.logEntries.list", engine.ProjectKey(p.ID)); err != nil {
			return nil, err
		}
		for _, entry := range s.logs {
			if strings.HasPrefix(fields.Text(entry, "logName"), "projects/"+p.ID+"/") && matches(entry) {
				found = append(found, fields.CloneObject(entry))
			}
		}
	}
	newestFirst := strings.HasSuffix(fields.Text(c.Body, "orderBy"), "desc")
	sort.SliceStable(found, func(i, j int) bool {
		a, b := fields.Text(found[i].(object), "timestamp"), fields.Text(found[j].(object), "timestamp")
		return a != b && (a < b) != newestFirst
	})
	if size := fields.Whole(c.Body, "pageSize", 1000); size > 0 && len(found) > size {
		found = found[:size]
	}
	return object{"entries": found}, nil
}
