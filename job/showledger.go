package main

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/manifest"
)

// ledgerView is what the ledger knows of a document.
type ledgerView struct {
	Known    bool   `json:"known"`              // the manifest has the id, or a failure of it is remembered
	Status   string `json:"status"`             // confirmed, unknown, rejected, deleted or absent
	Current  *bool  `json:"current,omitempty"`  // what is recorded is the document as the query makes it now
	Reason   string `json:"reason,omitempty"`   // why it failed
	Pending  string `json:"pending,omitempty"`  // what an import that is not done does with it
	Doubt    string `json:"doubt,omitempty"`    // why the ledger cannot be used
	Revision int64  `json:"revision,omitempty"` // of the ledger

	hash         uint64
	needsContent bool
}

// readLedger looks for the document in the newest revision.
func readLedger(ctx context.Context, cfg config.Config, id string) (ledgerView, error) {
	v := ledgerView{Status: "absent"}
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errNoAnswer)
	defer cancel()
	b, err := openBucket(ctx, cfg)
	if err != nil {
		return v, err
	}
	defer b.Close()
	store := ledger.NewStore(b, layout.New(cfg.Sync.Name), storeName(cfg))
	state, doubt, err := store.Load(ctx)
	if err != nil {
		return v, err
	}
	if doubt != nil {
		v.Doubt = doubt.Error()
	}
	v.Revision, v.needsContent = state.Revision, state.Scan.NeedsContent
	for _, g := range state.Segments { // a later one is newer
		e, err := entryIn(ctx, store, &g, id)
		if err != nil {
			return v, err
		}
		if e != nil {
			v.take(*e, g.Unknown)
		}
	}
	failures, err := store.ReadFailures(ctx, state.Scan.Failures)
	if err != nil {
		return v, err
	}
	remembered := failures.Remembered()
	if i := slices.IndexFunc(remembered, func(f failure.Document) bool { return f.ID == id }); i >= 0 {
		v.Known, v.Reason = true, remembered[i].Reason
	}
	return v, v.readPending(ctx, store, state.Pending, id)
}

// entryIn finds the document in a segment; nil if it is not there.
func entryIn(ctx context.Context, store *ledger.Store, g *ledger.Segment, id string) (found *manifest.Entry, err error) {
	if g == nil {
		return nil, nil
	}
	err = store.EachEntry(ctx, []ledger.Segment{*g}, func(e manifest.Entry) error {
		if string(e.ID) != id {
			return nil
		}
		found = &e
		return ledger.ErrStop
	})
	return found, err
}

// take takes over what an entry says.
func (v *ledgerView) take(e manifest.Entry, isUnknown bool) {
	v.Known, v.hash = true, e.Hash
	switch {
	case isUnknown:
		v.Status, v.hash = "unknown", manifest.Unknown
	case e.Gone:
		v.Status = "deleted"
	case e.Tried:
		v.Status = "rejected"
	case e.Hash == manifest.Unknown:
		v.Status = "unknown"
	default:
		v.Status = "confirmed"
	}
}

// readPending finds out whether work that is not done is about the document.
func (v *ledgerView) readPending(ctx context.Context, store *ledger.Store, p *ledger.Import, id string) error {
	if p == nil {
		return nil
	}
	upserted, err := entryIn(ctx, store, p.Upserted, id)
	if err != nil {
		return err
	}
	removed, err := entryIn(ctx, store, p.Removed, id)
	switch {
	case upserted != nil:
		v.Pending = "is being imported"
	case removed != nil:
		v.Pending = "is being deleted"
	default:
		return err
	}
	v.Pending += " since " + p.Started.UTC().Format(time.RFC3339)
	if p.Operation != "" {
		v.Pending += " by " + p.Operation
	}
	return err
}

// compare finds out whether the ledger's hash is that of the document as it is now.
func (v *ledgerView) compare(line json.RawMessage) {
	if line != nil && (v.Status == "confirmed" || v.Status == "rejected") {
		current := document.Hash(line) == v.hash
		v.Current = &current
	}
}

// statusTexts explain each status.
var statusTexts = map[string]string{
	"confirmed": "an import of it is confirmed",
	"unknown":   "it was sent, or was about to be, and that is not confirmed: the next run sends it again, or deletes it if its row is gone",
	"rejected":  "Vertex AI Search rejected it: it is sent again when it changes, or by the next full sync",
	"deleted":   "it was deleted",
	"absent":    "no run has sent it",
}

func printLedger(out *printer, s *sighting) {
	v := s.Ledger
	out.printf("%s: %s\n", v.Status, statusTexts[v.Status])
	if v.Current != nil && *v.Current {
		out.printf("  That is the document as the query makes it now.\n")
	} else if v.Current != nil {
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
