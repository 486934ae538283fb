package main

import (
	"slices"
	"strings"

	"vertexmetadata/job/internal/config"
)

// securityNames are the findings that say who else can read or change what the job does, in the order in which they are
// shown: docs/SECURITY-MODEL.md says what each holds.
var securityNames = []string{"encryption", "role", "row security", "writers", "sources", "stand-ins"}

// securityLast puts those findings together, behind the others.
func securityLast(found []finding) []finding {
	rank := func(f finding) int { return slices.Index(securityNames, f.Name) }
	slices.SortStableFunc(found, func(a, b finding) int { return rank(a) - rank(b) })
	return found
}

// contentBuckets says where content may come from. The service's agent reads it with rights of its own, so that whoever may
// write a row may have any object that the agent can read made searchable.
func (m *contentMatch) contentBuckets(cfg config.Config) []finding {
	switch {
	case !m.hasContent(): // or the columns are not known
		return nil
	case len(cfg.ContentBuckets) > 0:
		return []finding{fine("sources", "content may come from gs://"+strings.Join(cfg.ContentBuckets, ", gs://"))}
	}
	return []finding{warning("sources", "content may come from any bucket that the service's agent can read, as content_uri says",
		"set CONTENT_BUCKETS to the buckets that are meant")}
}

// standIns says which services are not Google's own: anybody who may set the environment of a run can read what it sends there.
func standIns(cfg config.Config) []finding {
	used := cfg.StandIns()
	if len(used) == 0 {
		return nil
	}
	return []finding{warning("stand-ins", strings.Join(used, ", ")+" set: these are not Google's services, and nothing sent to them is encrypted",
		"unset them to use the real ones")}
}
