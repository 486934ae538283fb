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
func printPlan(out *printer, p reconcile.Plan, found *listing, changed []changedDocument) {
	printSummary(out, p)
	printFailures(out, p.Failures)
	for _, k := range kindsOfChange {
		total, shown := found.total[k.kind], len(found.ids[k.kind])
		if total == 0 || k.kind == diff.Refuse && found.most == listedIDs {
			continue // counted by reason above
		}
		out.printf("\n%s\n", out.paint(bold, k.title+" "+words.Number(total)))
		if k.kind == diff.Update && len(changed) > 0 {
			shown = len(changed)
			printChanged(out, changed)
		} else {
			printIDs(out, k.color, k.kind, found.ids[k.kind])
		}
		more(out, total-int64(shown), found.most)
	}
}

func printChanged(out *printer, changed []changedDocument) {
	for _, c := range changed {
		out.printf("  %s\n", out.paint(yellow, "~ "+visible(c.ID)))
		if len(c.Fields) == 0 {
			out.printf("    the data store has these values already\n")
		}
		printDifferences(out, "    ", c.Fields, false)
	}
}

func printIDs(out *printer, color string, kind diff.Kind, ids []listedChange) {
	for _, c := range ids {
		line := out.paint(color, fmt.Sprintf("%c %s", kind, visible(c.id)))
		if c.reason != "" {
			line += "  " + oneLine(c.reason)
		}
		out.printf("  %s\n", line)
	}
}

func printSummary(out *printer, p reconcile.Plan) {
	if p.Stop != nil {
		out.printf("%s", explained(out.look, "The sync would fail", p.Stop))
	}
	if p.Pending != "" {
		out.printf("An import is pending: a sync waits for it first, and the plan assumes that it succeeds.\n  %s\n", p.Pending)
	}
	kind := "incremental sync"
	if p.Full {
		kind = "full sync"
	}
	switch {
	case p.Why == "":
		text := "Nothing that is read has changed since the last sync"
		if p.Stop == nil {
			text = out.paint(green, "Nothing to do:") + " nothing that is read has changed since the last sync"
		}
		out.printf("%s; it found %s.\n", text, words.Plural(p.Documents, "document"))
	case p.Send+p.Gone == 0 && p.Pending == "" && p.Stop == nil:
		out.printf("%s %s, none of %s differs.\n", out.paint(green, "Nothing to do:"), kind, words.Plural(p.Documents, "document"))
	default:
		out.printf("%s %s: %s to add, %s to change, %s to delete; %s of %s sent (%s).\n", out.paint(bold, "Plan:"), kind,
			out.paint(green, words.Number(p.New)), out.paint(yellow, words.Number(p.Changed)), out.paint(red, words.Number(p.Gone)),
			words.Number(p.Send), words.Plural(p.Documents, "document"), words.Plural(p.Bytes, "byte"))
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
		examples := make([]string, len(g.Examples))
		for j, id := range g.Examples {
			examples[j] = shorten(visible(id), maxShownID)
		}
		out.printf("  %7s  %s", words.Number(g.Count), oneLine(g.Reason))
		if len(examples) > 0 {
			out.printf("\n           such as %s", strings.Join(examples, ", "))
		}
		out.printf("\n")
	}
	out.printf("  %s\n", out.paint(bold, "Correct the rows or leave them out in the query; job show ID shows one."))
}

// more says how many are not listed, and how to see them.
func more(out *printer, left int64, most int) {
	switch {
	case left > 0 && most == listedIDs:
		out.printf("  and %s more (--all)\n", words.Number(left))
	case left > 0:
		out.printf("  and %s more, which are too many to list\n", words.Number(left))
	}
}

// planJSON is a plan for programs.
func planJSON(sync string, p reconcile.Plan, found *listing, changed []changedDocument) any {
	type ids map[string][]string
	listed := ids{}
	for _, k := range kindsOfChange {
		for _, c := range found.ids[k.kind] {
			listed[k.key] = append(listed[k.key], c.id)
		}
	}
	stop := ""
	if p.Stop != nil {
		stop = whatToDo(p.Stop)
	}
	return struct {
		Sync      string            `json:"sync,omitempty"`
		Full      bool              `json:"full"`
		Why       string            `json:"why"`
		Add       int64             `json:"add"`
		Change    int64             `json:"change"`
		Delete    int64             `json:"delete"`
		Send      int64             `json:"send"`
		Bytes     int64             `json:"bytes"`
		Documents int64             `json:"documents"`
		Skipped   int64             `json:"skipped"`
		Failures  failure.Tally     `json:"failures"`
		Pending   string            `json:"pending,omitempty"`
		Stop      string            `json:"stop,omitempty"`
		IDs       ids               `json:"ids"`
		Diff      []changedDocument `json:"diff,omitempty"`
	}{sync, p.Full, p.Why, p.New, p.Changed, p.Gone, p.Send, p.Bytes, p.Documents, p.Skipped, p.Failures, p.Pending, stop, listed, changed}
}
