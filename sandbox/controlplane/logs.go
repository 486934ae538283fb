package controlplane

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// maxEntries bounds the log that a long-lived sandbox keeps; the oldest half goes when it is full.
const maxEntries = 200_000

// keepEntry adds an entry to the log and gives it what every entry has. The server must be locked.
func (s *Server) keepEntry(entry object) {
	now := s.now().UTC().Format(time.RFC3339Nano)
	orElse(entry, "timestamp", now)
	orElse(entry, "severity", "DEFAULT")
	entry["receiveTimestamp"] = now
	orElse(entry, "insertId", strconv.FormatInt(int64(s.next()), 36)+"-"+randomHex(4))
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
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []map[string]any
	for _, entry := range s.logs {
		if strings.HasPrefix(text(entry, "logName"), "projects/"+projectID+"/") && matches(entry) {
			found = append(found, cloneObject(entry))
		}
	}
	return found, nil
}

func loggingKinds() []*kind {
	return []*kind{
		{
			service: "logging", versions: []string{"v2"}, pattern: newPattern("projects/{project}/metrics/{metric}"), title: "metric",
			list: "metrics", permission: "logging.logMetrics", replace: true, stamps: []string{"createTime", "updateTime"},
			newID: func(c *call) (string, error) { return text(c.body, "name"), nil },
			handle: func(c *call) (any, error) {
				if c.http.Method == "PUT" && c.resources[c.kind.key(c.on)] == nil {
					// An update of a metric that is not there makes it.
					c.body["name"] = c.vars["metric"]
					return c.write(nil, cloneObject(c.body))
				}
				return c.plain()
			},
			prepare: func(c *call, _, metric object) error {
				if _, err := parseFilter(text(metric, "filter")); err != nil || text(metric, "filter") == "" {
					return invalid("Invalid filter of metric %s: %v", c.vars["metric"], err)
				}
				put(metric, "name", c.vars["metric"])
				orElse(metric, "metricDescriptor.metricKind", "DELTA")
				orElse(metric, "metricDescriptor.valueType", "INT64")
				put(metric, "metricDescriptor.type", "logging.googleapis.com/user/"+c.vars["metric"])
				put(metric, "metricDescriptor.name", fmt.Sprintf("projects/%s/metricDescriptors/%s", c.vars["project"], text(metric, "metricDescriptor.type")))
				return nil
			},
		},
		{
			service: "logging", versions: []string{"v2"}, pattern: newPattern("entries/{none}"), title: "entry", fixed: true,
			permission: "logging.logEntries", handle: listEntries,
		},
	}
}

func listEntries(c *call) (any, error) {
	if !c.whole || c.http.Method != "POST" || c.verb != "list" {
		return nil, errNoSuchMethod
	}
	matches, err := parseFilter(text(c.body, "filter"))
	if err != nil {
		return nil, err
	}
	var found []any
	for _, name := range texts(c.body, "resourceNames") {
		p := c.project(last(name))
		if p == nil {
			return nil, denied("The caller does not have permission on %s.", name)
		}
		if err := c.may("logging.logEntries.list", projectKey(p.id)); err != nil {
			return nil, err
		}
		for _, entry := range c.logs {
			if strings.HasPrefix(text(entry, "logName"), "projects/"+p.id+"/") && matches(entry) {
				found = append(found, cloneObject(entry))
			}
		}
	}
	newestFirst := strings.HasSuffix(text(c.body, "orderBy"), "desc")
	sort.SliceStable(found, func(i, j int) bool {
		a, b := text(found[i].(object), "timestamp"), text(found[j].(object), "timestamp")
		return a != b && (a < b) != newestFirst
	})
	if size := whole(c.body, "pageSize", 1000); size > 0 && len(found) > size {
		found = found[:size]
	}
	return object{"entries": found}, nil
}
