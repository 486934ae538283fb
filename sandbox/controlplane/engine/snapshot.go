package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"vertexmetadata/sandbox/controlplane/fields"
)

// volatile are the fields that differ from one run to the next and say nothing about what was asked for.
var volatile = []string{
	"createTime", "updateTime", "timeCreated", "updated", "userUpdateTime", "lastAttemptTime", "scheduleTime", "status", "uid", "etag",
	"uniqueId", "oauth2ClientId", "generation", "observedGeneration", "metageneration", "creator", "lastModifier", "executionCount",
	"latestCreatedExecution", "clientVersion", "creationRecord", "mutationRecord", "terminalCondition.lastTransitionTime", "projectNumber", "id",
}

// Snapshot is everything that the projects hold, as canonical JSON without times, etags and unique ids: two ways of setting up the
// same system leave the same snapshot. Executions and log entries are not part of it, nor are the bytes of secrets.
func (s *Server) Snapshot() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := map[string]any{}
	for key, e := range s.resources {
		if e.Kind.Transient || e.Resource["deleted"] == true || e.Resource["state"] == "DELETED" {
			continue
		}
		resource := fields.CloneObject(e.Resource)
		for _, name := range slices.Concat(e.Kind.Hidden, volatile) {
			fields.Drop(resource, name)
		}
		for _, container := range fields.Items(resource, "template.template.containers") {
			sortByName(container, "env")
		}
		described := object{"resource": resource}
		if granted := s.grants(key); len(granted) > 0 {
			described["grants"] = granted
		}
		if e.Kind.Service == "cloudresourcemanager" {
			p := s.Project(fields.Text(resource, "projectId"))
			described["apis"], described["agents"] = sortedKeys(p.Enabled), sortedKeys(p.Agents)
		}
		shown[key] = described
	}
	content, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	return append(content, '\n'), nil
}

// sortByName orders a list whose order says nothing: the provider keeps variables as a set, gcloud as a list.
func sortByName(from object, name string) {
	listed, _ := from[name].([]any)
	sort.SliceStable(listed, func(i, j int) bool {
		return fields.Text(listed[i].(object), "name") < fields.Text(listed[j].(object), "name")
	})
}

// grants are a resource's bindings as one line each: role to member.
func (s *Server) grants(key string) []any {
	var lines []string
	for _, binding := range fields.Items(s.policies[key], "bindings") {
		for _, member := range fields.Texts(binding, "members") {
			line := fields.Text(binding, "role") + " to " + member
			if expression := fields.Text(binding, "condition.expression"); expression != "" {
				line += " if " + expression
			}
			lines = append(lines, line)
		}
	}
	sort.Strings(lines)
	var granted []any
	for _, line := range lines {
		granted = append(granted, line)
	}
	return granted
}

func sortedKeys(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Resource is a stored resource by service and name (run, projects/P/locations/L/jobs/J); nil when there is none.
func (s *Server) Resource(service, name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.resources[s.KeyOf(service+"/"+name)]; found != nil {
		return fields.CloneObject(found.Resource)
	}
	return nil
}

// Names are the names of all resources of a service, oldest first.
func (s *Server) Names(service string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, e := range s.InOrder() {
		if e.Kind.Service == service {
			names = append(names, strings.TrimPrefix(fields.Text(e.Resource, "name"), "//"))
		}
	}
	return names
}
