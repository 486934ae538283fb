package main

import (
	"context"
	"slices"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/manifest"
)

// ledgerView is what the ledger knows of a document.
type ledgerView struct {
	Known    bool   `json:"known"`              // the manifest has the id, or a failure of it is remembered
	Status   string `json:"status"`             // one of statusTexts
	Current  *bool  `json:"current,omitempty"`  // what is recorded is the document as the query makes it now
	Reason   string `json:"reason,omitempty"`   // why it failed
	Pending  string `json:"pending,omitempty"`  // what an import that is not done does with it
	Doubt    string `json:"doubt,omitempty"`    // why the ledger cannot be used
	Revision int64  `json:"revision,omitempty"` // of the ledger

	hash         uint64
	needsContent bool
}

// statusTexts explain each status.
var statusTexts = map[string]string{
	"confirmed": "an import of it is confirmed",
	"unknown":   "it was sent, or was about to be, and that is not confirmed: the next run sends it again, or deletes it if its row is gone",
	"rejected":  "Vertex AI Search rejected it: it is sent again when it changes, or by the next full sync",
	"deleted":   "it was deleted",
	"absent":    "no run has sent it",
}

// readLedger looks for the document in the newest revision.
func (s *sighting) readLedger(ctx context.Context, cfg config.Config) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errNoAnswer)
	defer cancel()
	v := &s.Ledger
	v.Status = "absent"
	b, err := openBucket(ctx, cfg)
	if err != nil {
		return err
	}
	defer b.Close()
	store := ledger.NewStore(b, layout.New(cfg.Sync.Name), storeName(cfg))
	state, doubt, err := store.Load(ctx)
	if err != nil {
		return err
	}
	if doubt != nil {
		v.Doubt = doubt.Error()
	}
	v.Revision, v.needsContent = state.Revision, state.Scan.NeedsContent
	for _, g := range state.Segments { // a later one is newer
		err := store.EachEntry(ctx, []ledger.Segment{g}, func(e manifest.Entry) error {
			if string(e.ID) != s.ID {
				return nil
			}
			v.Known, v.hash, v.Status, v.Pending = true, e.Hash, statusOf(e, g.Unknown), pendingWork(state.Pending, g.Name)
			return ledger.ErrStop
		})
		if err != nil {
			return err
		}
	}
	failures, err := store.ReadFailures(ctx, state.Scan.Failures)
	if err != nil {
		return err
	}
	remembered := failures.Remembered()
	if i := slices.IndexFunc(remembered, func(f failure.Document) bool { return f.ID == s.ID }); i >= 0 {
		v.Known, v.Reason = true, remembered[i].Reason
	}
	return nil
}

func statusOf(e manifest.Entry, isUnknown bool) string {
	switch {
	case isUnknown:
		return "unknown"
	case e.Gone:
		return "deleted"
	case e.Tried:
		return "rejected"
	case e.Hash == manifest.Unknown:
		return "unknown"
	}
	return "confirmed"
}

// pendingWork says what work that is not done does with the documents of a segment, if anything.
func pendingWork(p *ledger.Import, segment string) (text string) {
	switch {
	case p != nil && p.Upserted != nil && p.Upserted.Name == segment:
		text = "is being imported"
	case p != nil && p.Removed != nil && p.Removed.Name == segment:
		text = "is being deleted"
	default:
		return ""
	}
	text += " since " + p.Started.UTC().Format(time.RFC3339)
	if p.Operation != "" {
		text += " by " + p.Operation
	}
	return text
}

func (s *sighting) printLedger(out *printer) {
	v := s.Ledger
	out.printf("%s: %s\n", v.Status, statusTexts[v.Status])
	switch {
	case v.Current == nil:
	case *v.Current:
		out.printf("  That is the document as the query makes it now.\n")
	default:
		out.printf("  %s\n", out.paint(yellow, "That is an earlier version: the query makes another document now."))
	}
	if v.Reason != "" {
		out.printf("  %s %s\n", out.paint(red, "It failed in the last scan:"), oneLine(v.Reason))
	}
	if v.Pending != "" {
		out.printf("  It %s.\n", oneLine(v.Pending))
	}
	if v.Doubt != "" {
		out.printf("  The ledger cannot be used, the next run is a full sync: %s\n", oneLine(v.Doubt))
	}
}
