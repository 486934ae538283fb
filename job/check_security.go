package main

import (
	"slices"
	"strings"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/document"
)

// securityNames are the findings that say who else can read or change what the job does, in the order in which they are
// shown: docs/SECURITY-MODEL.md says what each holds.
var securityNames = []string{"encryption", "role", "row security", "writers", "sources", "stand-ins"}

// securityLast puts those findings together, behind the others.
func securityLast(found []finding) []finding {
	rank := func(f finding) int { return slices.Index(securityNames, f.name) }
	slices.SortStableFunc(found, func(a, b finding) int { return rank(a) - rank(b) })
	return found
}

// contentBuckets says where content may come from. The service's agent reads it with rights of its own, so that whoever may
// write a row may have any object that the agent can read made searchable.
func (m *contentMatch) contentBuckets(cfg config.Config) []finding {
	if !slices.ContainsFunc(m.columns, func(c column.Column) bool { return c.Name == document.ColumnURI }) {
		return nil // no content, or the columns are not known
	}
	if len(cfg.ContentBuckets) > 0 {
		return []finding{{name: "sources", detail: "content may come from gs://" + strings.Join(cfg.ContentBuckets, ", gs://")}}
	}
	return []finding{{
		name: "sources", warning: true,
		detail: "content may come from any bucket that the service's agent can read, as content_uri says",
		remedy: "set CONTENT_BUCKETS to the buckets that are meant",
	}}
}
