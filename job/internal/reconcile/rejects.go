package reconcile

import (
	"context"
	"errors"
	"fmt"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/manifest"
)

// maxErrorFiles bounds how many of the service's error files are looked at; an import has at most 100 objects.
const maxErrorFiles = 1000

// rejected are the documents of an import that the service did not take, as far as it says which.
type rejected struct {
	failures datastore.Failures
	located  int64             // documents of which the service said the line alone
	suspects map[string]string // ids that stand at or next to such a line -> reason
}

// rejections finds out which documents the service rejected. Its counts alone are no proof that something failed: whether
// unchanged documents count as successes is not documented.
func (i importer) rejections(ctx context.Context, s ledger.State, progress datastore.Progress) (ledger.Rejections, error) {
	p := *s.Pending
	result := ledger.Rejections{Failures: p.Scan.Failures}
	if p.Documents == 0 {
		return result, nil
	}
	x, err := i.readRejected(ctx, p, progress)
	if err != nil {
		return result, err
	}
	known := int64(0)
	if len(x.failures.ByID)+len(x.suspects) > 0 {
		if result.Failures, err = i.books.ledger.ReadFailures(ctx, p.Scan.Failures); err != nil {
			return result, err
		}
		if result.Named, known, err = i.markRejected(ctx, s, x, &result.Failures); err != nil {
			return result, err
		}
		result.Failures.Object = ""
	}
	if result.Unnamed = x.failures.Nameless(progress.Failed, known+x.located); result.Unnamed > 0 {
		i.log.WarnContext(ctx, "the service did not say which documents it rejected", "operation", p.Operation, "rejected", result.Unnamed+known+x.located,
			"named", known, "hint", "look for them in the data store's import log in the console; the next full sync sends all documents again")
		result.Failures.AddUnnamed(result.Unnamed)
	}
	if counted, differs := progress.Mismatch(p.Documents); differs {
		i.log.WarnContext(ctx, "the service counted other documents than were sent", "operation", p.Operation, "sent", p.Documents, "counted", counted)
	}
	result.Failures, err = i.keepFailures(ctx, s, result.Failures)
	return result, err
}

// readRejected reads the service's error files, or the few samples in the operation where there are none.
func (i importer) readRejected(ctx context.Context, p ledger.Import, progress datastore.Progress) (rejected, error) {
	x := rejected{failures: datastore.Failures{Max: int(p.Documents)}, suspects: map[string]string{}}
	if p.Errors != "" {
		if err := i.readErrorFiles(ctx, p.Errors, &x.failures); err != nil {
			return x, err
		}
	}
	x.failures.AddSamples(progress.Samples)
	for _, name := range p.Objects {
		if err := i.locate(ctx, name, len(p.Objects) == 1, &x); err != nil {
			return x, err
		}
	}
	return x, nil
}

func (i importer) readErrorFiles(ctx context.Context, folder string, failures *datastore.Failures) error {
	files := 0
	for o, err := range i.bucket.List(ctx, folder) {
		if err != nil {
			return err
		}
		if files++; files > maxErrorFiles {
			return nil // more than anybody reads
		}
		if o.Size == 0 || !i.bucket.Owns(o.Name) { // the folder itself, or what no service writes
			continue
		}
		in, err := i.bucket.Reader(ctx, o.Name)
		if err != nil {
			return err
		}
		if err := errors.Join(failures.Parse(in), in.Close()); err != nil {
			return fmt.Errorf("read import errors %s: %w", i.bucket.URI(o.Name), err)
		}
		if failures.Truncated {
			i.log.WarnContext(ctx, "the service's error files are larger than what is read of them", "folder", i.bucket.URI(folder), "kept", failures.Kept())
			return nil
		}
	}
	return nil
}

// locate looks up the documents at the places that lie in an object of the import.
func (i importer) locate(ctx context.Context, name string, isOnly bool, x *rejected) error {
	if !x.failures.In(i.bucket.URI(name), isOnly) {
		return nil
	}
	in, err := i.bucket.Reader(ctx, name)
	if err != nil {
		return err
	}
	defer in.Close()
	located, err := x.failures.Locate(in, i.bucket.URI(name), isOnly, x.suspects)
	x.located += located
	if err != nil {
		return fmt.Errorf("look up rejected documents in %s: %w", i.bucket.URI(name), err)
	}
	return nil
}

// markRejected writes a segment with the rejected and suspected documents of an import, nil when there are none, counts
// them among the failures, and returns how many the service named. Ids that were not sent are left out.
func (i importer) markRejected(ctx context.Context, s ledger.State, x rejected, f *failure.Tally) (_ *ledger.Segment, known int64, err error) {
	marks := i.books.ledger.NewSegment(ctx, fmt.Sprintf("%srejected-%d", i.folder, s.Revision))
	defer marks.Abort()
	logged := 0
	err = i.books.ledger.EachEntry(ctx, []ledger.Segment{*s.Pending.Upserted}, func(e manifest.Entry) error {
		id := string(e.ID)
		reason, isNamed := x.failures.ByID[id]
		if isNamed {
			known++
		} else if suspicion, isSuspect := x.suspects[id]; isSuspect {
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
