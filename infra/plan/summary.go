package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"vertexmetadata/infra/stack"
)

// writeSummary says what a reviewer asks first.
func (p *Plan) writeSummary(to *printer) {
	to.printf("Plan of %s/%s: %s\n", p.Project, p.Stack, p.counts())
	for _, line := range p.missing {
		to.printf("  %s\n", line)
	}
	for _, warning := range p.warnings {
		to.printf("  warning: %s\n", warning)
	}
	if p.base != "" {
		to.printf("\nNew against %s\n", p.base)
		for _, line := range p.changes {
			to.printf("  %s\n", line)
		}
	}
	to.printf("\nSchedule\n  %s\n", schedule(p.args))
	to.printf("\nQuery\n%s", queries(p.args))
	var apis []string
	for _, r := range p.Resources {
		if r.Type == api {
			apis = append(apis, strings.TrimSuffix(fmt.Sprint(r.Inputs["service"]), ".googleapis.com"))
		}
	}
	to.printf("\nAPIs, enabled and left on\n  %s\n", strings.Join(apis, ", "))
	to.printf("\nGrants\n")
	p.writeGrants(to)
}

// counts counts the resources by kind, in the order of deployment.
func (p *Plan) counts() string {
	numbers, kinds, total := map[string]int{}, []string(nil), 0
	for _, r := range p.Resources {
		if !r.Custom {
			continue
		}
		total++
		kind := kindOf(r)
		if numbers[kind] == 0 {
			kinds = append(kinds, kind)
		}
		numbers[kind]++
	}
	for i, kind := range kinds {
		kinds[i] = plural(numbers[kind], kind)
	}
	return fmt.Sprintf("%d resources: %s", total, strings.Join(kinds, ", "))
}

// kinds are what people call the types.
var kinds = map[string]string{
	api: "API", "gcp:projects/serviceIdentity:ServiceIdentity": "service agent", "gcp:serviceaccount/account:Account": "account",
	"gcp:artifactregistry/repository:Repository": "repository", "docker:index/image:Image": "image", "gcp:cloudrunv2/job:Job": "job",
	"gcp:cloudscheduler/job:Job": "trigger", "gcp:storage/bucket:Bucket": "bucket", "gcp:secretmanager/secret:Secret": "secret",
	"gcp:secretmanager/secretVersion:SecretVersion": "secret version", "gcp:discoveryengine/dataStore:DataStore": "data store",
	"gcp:discoveryengine/schema:Schema": "schema", "gcp:discoveryengine/searchEngine:SearchEngine": "search app", "gcp:sql/user:User": "database user",
	"gcp:logging/metric:Metric": "metric", "gcp:monitoring/dashboard:Dashboard": "dashboard", "gcp:monitoring/alertPolicy:AlertPolicy": "alert",
	"gcp:monitoring/notificationChannel:NotificationChannel": "notification channel",
}

func kindOf(r Resource) string {
	if r.Inputs["member"] != nil {
		return "grant"
	}
	if kind, ok := kinds[r.Type]; ok {
		return kind
	}
	return r.Type
}

func plural(n int, kind string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(kind, "y"):
		kind = strings.TrimSuffix(kind, "y") + "ies"
	default:
		kind += "s"
	}
	return fmt.Sprintf("%d %s", n, kind)
}

func schedule(a stack.Args) string {
	text := fmt.Sprintf("%s (%s)", a.Schedule, a.TimeZone)
	if pause, err := stack.LongestPause(a.Schedule); err == nil {
		text += ", at most " + stack.Short(pause) + " between two runs"
	}
	if a.Paused {
		text += "; paused: it does not fire"
	}
	return text
}

func queries(a stack.Args) string {
	var b strings.Builder
	show := func(title, query string) {
		if query == "" {
			query = "the job's own: public posts whose image is stored (job/internal/config/query.sql)"
		}
		if title != "" {
			fmt.Fprintf(&b, "  %s\n", title)
		}
		for line := range strings.Lines(query) {
			fmt.Fprintf(&b, "  %s\n", strings.TrimRight(line, "\r\n"))
		}
	}
	if query := a.SyncQuery; len(a.Syncs) == 0 {
		if query == "" {
			query = a.Env["SYNC_QUERY"]
		}
		show("", query)
	}
	for _, s := range a.Syncs {
		query := s.Query
		if query == "" {
			query = a.SyncQuery
		}
		show(fmt.Sprintf("sync %s, to data store %s:", s.Name, orElse(s.DataStore, "of all")), query)
	}
	return b.String()
}

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

// writeGrants prints the access table: who gets which role on what, and why.
func (p *Plan) writeGrants(to *printer) {
	table := tabwriter.NewWriter(to.out, 2, 8, 2, ' ', 0)
	for _, g := range stack.Access(p.args) {
		if to.err == nil {
			_, to.err = fmt.Fprintf(table, "  %s\t%s\t%s %s\t%s\n", g.Who, g.Role, g.On, g.Target, g.Why)
		}
	}
	if err := table.Flush(); to.err == nil {
		to.err = err
	}
}

// difference lists what is new in a plan against an older one: resources by name, and inputs that differ.
func difference(now, before *Plan) (lines []string) {
	older := map[string]Resource{}
	for _, r := range before.Resources {
		older[r.URN] = r
	}
	for _, r := range now.Resources {
		old, ok := older[r.URN]
		for _, alias := range r.Aliases {
			if !ok {
				old, ok = older[alias]
			}
		}
		delete(older, old.URN)
		if !ok {
			lines = append(lines, "+ "+r.Type+" "+now.short(r.Name))
			continue
		}
		if changed := changedInputs("", old.Inputs, r.Inputs); len(changed) > 0 {
			lines = append(lines, "~ "+r.Type+" "+now.short(r.Name)+": "+strings.Join(changed, ", "))
		}
	}
	for _, r := range before.Resources {
		if _, gone := older[r.URN]; gone {
			lines = append(lines, "- "+r.Type+" "+before.short(r.Name))
		}
	}
	if len(lines) == 0 {
		lines = []string{"nothing"}
	}
	return lines
}

// changedInputs names the inputs that differ, as paths.
func changedInputs(path string, before, now any) (changed []string) {
	was, isMap := before.(map[string]any)
	is, staysMap := now.(map[string]any)
	if isMap && staysMap {
		keys := map[string]bool{}
		for key := range was {
			keys[key] = true
		}
		for key := range is {
			keys[key] = true
		}
		var names []string
		for key := range keys {
			names = append(names, key)
		}
		slices.Sort(names)
		for _, key := range names {
			changed = append(changed, changedInputs(strings.TrimPrefix(path+"."+key, "."), was[key], is[key])...)
		}
		return changed
	}
	list, isList := before.([]any)
	other, staysList := now.([]any)
	if isList && staysList && len(list) == len(other) {
		for i := range list {
			changed = append(changed, changedInputs(fmt.Sprintf("%s[%d]", path, i), list[i], other[i])...)
		}
		return changed
	}
	if fmt.Sprint(before) != fmt.Sprint(now) {
		return []string{path}
	}
	return nil
}
