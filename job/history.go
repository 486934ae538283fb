package main

import (
	"cmp"
	"context"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/words"
)

// historyCommand is `job history`.
type historyCommand struct {
	report
}

// Run prints the last revisions of the ledger, the newest first.
func (c *historyCommand) Run(ctx context.Context, env environment) error {
	return c.each(ctx, env, "history", func(cfg config.Config, out *printer) error {
		ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errNoAnswer)
		defer cancel()
		b, err := openBucket(ctx, cfg)
		if err != nil {
			return err
		}
		defer b.Close()
		states, err := ledger.NewStore(b, layout.New(cfg.Sync.Name), storeName(cfg)).History(ctx)
		if err != nil {
			return err
		}
		if !c.JSON {
			printHistory(out, cfg, states)
			return nil
		}
		for _, s := range states {
			out.json(entryOf(cfg.Sync.Name, s))
		}
		return nil
	})
}

// historyEntry is what one revision of the ledger says, for programs.
type historyEntry struct {
	Sync      string     `json:"sync,omitempty"`
	Revision  int64      `json:"revision"`
	Time      time.Time  `json:"time"`
	Execution string     `json:"execution,omitempty"`
	Version   string     `json:"version,omitempty"`
	Event     string     `json:"event"`
	Full      bool       `json:"full"`
	Sent      int64      `json:"sent"`
	Deleted   int64      `json:"deleted"`
	Rejected  int64      `json:"rejected"`
	Documents int64      `json:"documents"`
	Failed    int64      `json:"failed"`
	Left      int64      `json:"left"`
	Pending   *time.Time `json:"pending_since,omitempty"`
	Operation string     `json:"operation,omitempty"`
}

func entryOf(sync string, s ledger.State) historyEntry {
	r := historyEntry{
		Sync: sync, Revision: s.Revision, Time: s.Note.At.UTC(), Execution: s.Note.Execution, Version: s.Note.Version, Event: s.Note.Event,
		Full: s.Note.Full, Sent: s.Note.Sent, Deleted: s.Note.Deleted, Rejected: s.Note.Rejected,
		Documents: s.Documents(), Failed: s.Scan.Failures.Count, Left: s.Scan.Left,
	}
	if s.Pending != nil {
		since := s.Pending.Started.UTC()
		r.Pending, r.Operation = &since, s.Pending.Operation
	}
	return r
}

// eventWords are what a revision of the ledger records, for people.
var eventWords = []struct{ event, word, meaning, color string }{
	{"begin", "prepared", "about to send", ""},
	{"started", "started", "the service accepted the import", ""},
	{"confirmed", "confirmed", "done", green},
	{"dropped", "dropped", "the import failed or was lost: the next run retries", red},
	{"scanned", "scanned", "the source was read, nothing to send", ""},
}

func printHistory(out *printer, cfg config.Config, states []ledger.State) {
	if len(states) == 0 {
		out.printf("No run has recorded anything in gs://%s/%s yet.\n", cfg.Bucket, layout.New(cfg.Sync.Name).Revisions())
		return
	}
	const stamp = "2006-01-02 15:04:05"
	if p := states[0].Pending; p != nil {
		out.printf("%s since %s UTC: %s\n", out.paint(yellow, "Pending"), p.Started.UTC().Format(stamp), cmp.Or(oneLine(p.Operation), "whether the import was started is not known"))
	}
	rows, colors := [][]string{{"time (UTC)", "what", "sent", "deleted", "rejected", "documents", "execution"}}, map[int]string{}
	for _, s := range states {
		n, word := s.Note, visible(s.Note.Event) // one of another version of the job stands for itself
		for _, known := range eventWords {
			if known.event == n.Event {
				word, colors[len(rows)] = known.word, known.color
			}
		}
		if n.Full {
			word += ", full"
		}
		rows = append(rows, []string{
			n.At.UTC().Format(stamp), word, words.Number(n.Sent), words.Number(n.Deleted), words.Number(n.Rejected), words.Number(s.Documents()), oneLine(n.Execution),
		})
	}
	out.table(rows, colors)
	out.printf("\n")
	for _, w := range eventWords {
		out.printf("%-10s %s\n", w.word, w.meaning)
	}
}
