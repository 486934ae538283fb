package main

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"vertexmetadata/job/internal/reconcile"
	"vertexmetadata/job/internal/words"
)

// sentences say how a run ended, for somebody who watched it: at most three lines.
func sentences(l look, sync string, s reconcile.Summary, took time.Duration, err error) string {
	name := ""
	if sync != "" {
		name = l.paint(bold, sync+": ")
	}
	if err != nil {
		return name + explained(l, "Failed after "+lasting(took), err)
	}
	lines := name + headline(l, s) + " (" + lasting(took) + ")\n"
	var notes []string // what is not searchable, and why
	if s.Skipped > 0 {
		notes = append(notes, words.Plural(s.Skipped, "row")+" skipped for the MIME type")
	}
	if s.Failed > 0 {
		notes = append(notes, words.Plural(s.Failed, "document")+" failed: job plan says why")
	}
	if len(notes) > 0 {
		lines += "  " + strings.Join(notes, "; ") + "\n"
	}
	return lines
}

// headline is the outcome as a sentence.
func headline(l look, s reconcile.Summary) string {
	switch s.Outcome {
	case reconcile.Imported:
		return fmt.Sprintf("%s %s sent (%s), %s deleted: %s in sync", l.paint(green, "Done:"), words.Plural(s.Upserted, "document"), words.Plural(s.Bytes, "byte"), words.Number(s.Deleted), words.Number(s.Documents))
	case reconcile.Unchanged:
		return fmt.Sprintf("%s %s in sync", l.paint(green, "Nothing to do:"), words.Plural(s.Documents, "document"))
	case reconcile.Pending:
		return l.paint(yellow, "Pending: ") + pendingText(s)
	case reconcile.Skipped:
		return l.paint(yellow, "Skipped:") + " nothing was done, the line above says why"
	}
	return string(s.Outcome)
}

// pendingText is what a later run still has to do.
func pendingText(s reconcile.Summary) string {
	switch {
	case s.Left > 0:
		return fmt.Sprintf("%s deleted, %s to delete; the next run continues", words.Number(s.Deleted), words.Number(s.Left))
	case s.PendingAge > 0:
		return fmt.Sprintf("the import has been running for %s; the next run checks it", lasting(s.PendingAge))
	}
	return "the next run finishes the import"
}

// attrs lists a summary's fields as the last log line shows them.
func attrs(s reconcile.Summary) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("outcome", string(s.Outcome)),
		slog.Int64("documents", s.Documents),
		slog.Int64("upserted", s.Upserted),
		slog.Int64("deleted", s.Deleted),
		slog.Int64("skipped", s.Skipped),
		slog.Int64("failed", s.Failed),
		slog.Int64("changed", s.Changed),
		slog.Int64("bytes", s.Bytes),
	}
	if s.Left > 0 {
		attrs = append(attrs, slog.Int64("left", s.Left))
	}
	if s.PendingAge > 0 {
		attrs = append(attrs, slog.Int64("pending_age_ms", s.PendingAge.Milliseconds()))
	}
	return attrs
}
