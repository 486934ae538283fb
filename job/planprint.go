package main

import (
	"fmt"
	"strings"

	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/reconcile"
	"vertexmetadata/job/internal/words"
)

// printPlan shows first what a reviewer asks, then some of each kind of change.
func printPlan(out *printer, p reconcile.Plan, found *listing) {
	printSummary(out, p)
	printFailures(out, p.Failures)
	for _, k := range kindsOfChange {
		total, changes := k.count(p.Counts), found.changes[k.kind]
		if total == 0 || k.kind == diff.Refuse && !found.all {
			continue // counted by reason above
		}
		out.printf("\n%s\n", out.paint(bold, k.title+" "+words.Number(total)))
		for _, c := range changes {
			line := out.paint(k.color, fmt.Sprintf("%c %s", k.kind, visible(c.ID)))
			if c.reason != "" {
				line += "  " + oneLine(c.reason)
			}
			out.printf("  %s\n", line)
			if found.withFields && k.kind == diff.Update && len(c.Fields) == 0 {
				out.printf("    the data store has these values already\n")
			}
			printDifferences(out, "    ", c.Fields, false)
		}
		switch left := total - int64(len(changes)); {
		case left > 0 && found.all:
			out.printf("  and %s more, which are too many to list\n", words.Number(left))
		case left > 0:
			out.printf("  and %s more (--all)\n", words.Number(left))
		}
	}
}

func printSummary(out *printer, p reconcile.Plan) {
	if p.Stop != nil {
		out.printf("%s", explained(out.look, "The sync would fail", p.Stop))
	}
	if p.Pending != "" {
		out.printf("An import is pending: a sync waits for it first, and the plan assumes that it succeeds.\n  %s\n", oneLine(p.Pending))
	}
	kind, documents, nothing := "incremental sync", words.Plural(p.Documents, "document"), out.paint(green, "Nothing to do:")
	if p.Full {
		kind = "full sync"
	}
	switch {
	case p.Why == "" && p.Stop == nil:
		out.printf("%s nothing that is read has changed since the last sync; it found %s.\n", nothing, documents)
	case p.Why == "":
		out.printf("Nothing that is read has changed since the last sync; it found %s.\n", documents)
	case p.Send+p.Gone == 0 && p.Pending == "" && p.Stop == nil:
		out.printf("%s %s, none of %s differs.\n", nothing, kind, documents)
	default:
		out.printf("%s %s: %s to add, %s to change, %s to delete; %s of %s sent (%s).\n", out.paint(bold, "Plan:"), kind,
			out.paint(green, words.Number(p.New)), out.paint(yellow, words.Number(p.Changed)), out.paint(red, words.Number(p.Gone)),
			words.Number(p.Send), documents, words.Plural(p.Bytes, "byte"))
		out.printf("Why the source is read: %s.\n", p.Why)
	}
	if p.Skipped > 0 {
		out.printf("%s skipped: content_mime_type is not one of SYNC_MIME_TYPES.\n", words.Plural(p.Skipped, "row"))
	}
}

// shownReasons is how many reasons of failures a plan shows.
const shownReasons = 5

// printFailures shows why documents fail, with examples.
func printFailures(out *printer, f failure.Tally) {
	if f.Count == 0 {
		return
	}
	out.printf("%s in the source cannot be searched:\n", out.paint(red, words.Plural(f.Count, "document")))
	for i, g := range f.Groups {
		if i == shownReasons {
			out.printf("  and %s\n", words.Plural(int64(len(f.Groups)-i), "more reason"))
			break
		}
		out.printf("  %7s  %s\n", words.Number(g.Count), oneLine(g.Reason))
		var examples []string
		for _, id := range g.Examples {
			examples = append(examples, shorten(visible(id), maxShownID))
		}
		if len(examples) > 0 {
			out.printf("           such as %s\n", strings.Join(examples, ", "))
		}
	}
	out.printf("  %s\n", out.paint(bold, "Correct the rows or leave them out in the query; job show ID shows one."))
}

// planJSON is a plan for programs.
func planJSON(sync string, p reconcile.Plan, found *listing) any {
	listed := map[string][]string{}
	for _, k := range kindsOfChange {
		for _, c := range found.changes[k.kind] {
			listed[k.key] = append(listed[k.key], c.ID)
		}
	}
	var changed []listedChange
	if found.withFields {
		changed = found.changes[diff.Update]
	}
	stop := ""
	if p.Stop != nil {
		stop = whatToDo(p.Stop)
	}
	return struct {
		Sync string `json:"sync,omitempty"`
		reconcile.Plan
		Stop string              `json:"stop,omitempty"`
		IDs  map[string][]string `json:"ids"`
		Diff []listedChange      `json:"diff,omitempty"`
	}{sync, p, stop, listed, changed}
}
