package reconcile

import (
	"context"
	"fmt"
	"io"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/manifest"
)

// rejections finds out which documents the service rejected. Its counts alone are no proof that something failed: whether
// unchanged documents count as successes is not documented.
func (i importer) rejections(ctx context.Context, s ledger.State, progress datastore.Progress) (ledger.Rejections, error) {
	p := *s.Pending
	result := ledger.Rejections{Failures: p.Scan.Failures}
	if p.Documents == 0 {
		return result, nil
	}
	x, err := progress.Rejected(i.files(ctx, p))
	if err != nil {
		return result, err
	}
	if x.Truncated && p.Errors != "" {
		i.log.WarnContext(ctx, "the service's error files are larger than what is read of them", "folder", i.bucket.URI(p.Errors), "kept", x.Kept())
	}
	known := int64(0)
	if len(x.ByID)+len(x.Suspects) > 0 {
		if result.Failures, err = i.ledger.ReadFailures(ctx, p.Scan.Failures); err != nil {
			return result, err
		}
		if result.Named, known, err = i.markRejected(ctx, s, x, &result.Failures); err != nil {
			return result, err
		}
		result.Failures.Object = ""
	}
	said := known + x.Located
	if result.Unnamed = max(min(x.Nameless(progress.Failed, said), p.Documents-said), 0); result.Unnamed > 0 {
		i.log.WarnContext(ctx, "the service did not say which documents it rejected", "operation", p.Operation, "rejected", result.Unnamed+said,
			"named", known, "hint", "look for them in the data store's import log in the console; the next full sync sends all documents again")
		result.Failures.AddUnnamed(result.Unnamed)
	}
	if counted, differs := progress.Mismatch(p.Documents); differs {
		i.log.WarnContext(ctx, "the service counted other documents than were sent", "operation", p.Operation, "sent", p.Documents, "counted", counted)
	}
	result.Failures, err = i.keepFailures(ctx, s, result.Failures)
	return result, err
}

// files are those of an import: what it read, and where the service wrote what it rejected.
func (i importer) files(ctx context.Context, p ledger.Import) datastore.Files {
	files := datastore.Files{Sent: p.Documents, Imported: p.Objects, URI: i.bucket.URI, Open: func(name string) (io.ReadCloser, error) { return i.bucket.Reader(ctx, name) }}
	if p.Errors != "" {
		files.Errors = i.bucket.Names(ctx, p.Errors)
	}
	return files
}

// markRejected writes a segment with the rejected and suspected documents of an import, nil when there are none, counts
// them among the failures, and returns how many the service named. Ids that were not sent are left out.
func (i importer) markRejected(ctx context.Context, s ledger.State, x datastore.Rejected, f *failure.Tally) (_ *ledger.Segment, known int64, err error) {
	marks := i.ledger.NewSegment(ctx, fmt.Sprintf("%srejected-%d", i.folder, s.Revision))
	defer marks.Abort()
	logged := 0
	err = i.ledger.EachEntry(ctx, []ledger.Segment{*s.Pending.Upserted}, func(e manifest.Entry) error {
		id := string(e.ID)
		reason, isNamed := x.ByID[id]
		if isNamed {
			known++
		} else if suspicion, isSuspect := x.Suspects[id]; isSuspect {
			reason = "at or next to a line that was rejected: " + suspicion
		} else {
			return nil
		}
		f.Add(failure.Document{ID: id, Hash: e.Hash, Reason: reason, Rejected: true})
		if logged++; logged <= diff.MaxNamed {
			i.log.WarnContext(ctx, "document rejected by Vertex AI Search", "id", id, "reason", reason,
				"hint", "it is sent again when it changes, or by the next full sync; an earlier version stays searchable until then")
		}
		return marks.PutTried(e.ID, e.Hash)
	})
	if err != nil {
		return nil, 0, err
	}
	g, err := marks.Commit(ctx)
	return g, known, err
}
