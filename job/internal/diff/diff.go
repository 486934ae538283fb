// Package diff compares the source with the ledger: which documents have to be imported, which have to be deleted, and
// which cannot be sent. What a run has to send is streamed into the bucket while the source is read; no name
// that anybody reads changes before [Changes.Commit].
package diff

import (
	"context"
	"fmt"
	"iter"
	"log/slog"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/manifest"
	"vertexmetadata/job/internal/source"
)

const (
	// maxObject is how large an object of documents may become; the service reads files up to 2 GB.
	maxObject = 1900 << 20
	// maxLines and maxLinesBytes bound a change that is sent inline instead of through the bucket.
	maxLines      = 100
	maxLinesBytes = 1 << 20
)

// Comparison is one reading of the source and what it is compared with. All fields but Progress and Show must be set.
type Comparison struct {
	DB     *source.DB
	Bucket *bucket.Bucket
	Ledger *ledger.Store
	Log    *slog.Logger
	Rules  document.Options

	State      ledger.State
	Scan       ledger.Scan // what is known of this reading before it begins
	Full       bool        // every document is sent, not only what changed
	Folder     string      // of the objects that are written, with a slash at its end
	MaxDeleted int         // how many ids Deletions holds at most
	// KeepSnapshot: the bucket's policy protects the last full sync's snapshot, so documents go into Folder alone.
	KeepSnapshot bool

	// Progress receives how many rows were read, and about how many there are.
	Progress func(rows, about int64)
	// Show is called with every change and nothing is written: the comparison is for a plan.
	Show func(Change)
	// Listed lists the ids that the data store holds. It is asked where the ledger does not say what a full sync removes.
	Listed func(context.Context) iter.Seq2[string, error]
}

// Kind is what a sync would do with a document.
type Kind byte

// The kinds of changes, by the characters that a plan shows them with.
const (
	Add    Kind = '+'
	Update Kind = '~'
	Remove Kind = '-'
	Refuse Kind = '!'
)

// Change is one document that differs. ID and Line are valid until Show returns.
type Change struct {
	Kind   Kind
	ID     []byte
	Line   []byte // the document as it would be sent, nil for Remove and Refuse
	Reason string // why it is refused
}

// Counts say what a comparison found.
type Counts struct {
	Rows      int64 `json:"-"`         // read from the source
	Documents int64 `json:"documents"` // of them are documents that the data store should hold
	Skipped   int64 `json:"skipped"`   // rows whose MIME type is not accepted
	Refused   int64 `json:"-"`         // rows that Vertex AI Search would refuse
	Rejected  int64 `json:"-"`         // documents that Vertex AI Search rejected as they are and that are not sent again
	Send      int64 `json:"send"`      // documents to import
	New       int64 `json:"add"`       // of them are not in the data store
	Changed   int64 `json:"change"`    // documents whose content differs from what the data store holds
	Gone      int64 `json:"delete"`    // documents to delete, by the import itself when it is a full one
	Before    int64 `json:"-"`         // documents that the data store held
	Bytes     int64 `json:"bytes"`     // of the documents to import
}

// Changes are what has to be done. Commit or Abort ends them.
type Changes struct {
	Counts
	Full      bool        // the import must be a full one
	Scan      ledger.Scan // the reading; its failures were refused here, or rejected earlier and are unchanged
	Deletions []string    // ids to delete one by one; the first of them, if there are more than MaxDeleted

	Lines    [][]byte        // the documents of a small change
	Objects  []string        // else the objects that hold them, after Commit
	Upserted *ledger.Segment // the ids and hashes of the documents to import, after Commit
	Removed  *ledger.Segment // Deletions, after Commit
	Folded   *ledger.Segment // the manifest in one segment, if it was folded, after Commit

	data                      *bucket.Spool
	folded, upserted, removed *ledger.SegmentWriter
}

// Compare reads the source once. An error of the manifest is one for [ledger.Damaged].
func Compare(ctx context.Context, in Comparison) (*Changes, error) {
	c, err := newCollector(ctx, in)
	if err != nil {
		return nil, err
	}
	err = c.pipe(ctx)
	c.logSkipped(ctx, err == nil && c.Documents == 0)
	if err == nil {
		err = c.finish(ctx)
	}
	if err != nil {
		c.Abort()
		return nil, err
	}
	return &c.Changes, nil
}

func newCollector(ctx context.Context, in Comparison) (*collector, error) {
	manifest.Tune(0, in.State.Entries())
	table, err := in.Ledger.LoadTable(ctx, in.State)
	if err != nil {
		return nil, err
	}
	remembered, err := in.Ledger.ReadFailures(ctx, in.State.Scan.Failures)
	if err != nil {
		return nil, err
	}
	c := &collector{in: in, table: table, before: failure.NewMemory(remembered)}
	c.Changes = Changes{Full: in.Full, Scan: in.Scan, Counts: Counts{Before: table.Len()}}
	if in.Show != nil {
		return c, nil
	}
	// A full sync folds too: if it fails, and the next, each adds a segment of all documents.
	if c.folded, err = in.Ledger.Fold(ctx, in.State, table, in.Folder+"folded"); err != nil {
		return nil, err
	}
	c.upserted = in.Ledger.NewSegment(ctx, in.Folder+"upserted")
	c.removed = in.Ledger.NewSegment(ctx, in.Folder+"removed")
	c.data = in.Bucket.NewSpool(spoolOptions(in))
	return c, nil
}

// spoolOptions say where the documents go. The usual snapshot has one part, which is written under its final name and need not
// be copied: the upload of the first part becomes an object only at the end, after the guard.
func spoolOptions(in Comparison) bucket.SpoolOptions {
	opts := bucket.SpoolOptions{MaxObject: maxObject, MaxLines: maxLines, MaxBytes: maxLinesBytes, Name: func(part int) string {
		if in.Full && !in.KeepSnapshot && part == 0 {
			return in.Ledger.Layout.Snapshot(1, 1)
		}
		return fmt.Sprintf("%sdata-%05d.jsonl", in.Folder, part)
	}}
	if in.Full {
		opts.MaxLines = 0 // a full import is never inline
	}
	return opts
}

// Commit makes everything that the changes name exist in the bucket.
func (c *Changes) Commit(ctx context.Context) (err error) {
	if c.Objects, err = c.data.Commit(); err != nil {
		return err
	}
	c.Lines = c.data.Lines()
	if c.folded != nil {
		if c.Folded, err = c.folded.Commit(ctx); err != nil {
			return err
		}
		if c.Folded == nil {
			c.Folded = &ledger.Segment{} // nothing is left
		}
	}
	if c.Upserted, err = c.upserted.Commit(ctx); err != nil {
		return err
	}
	c.Removed, err = c.removed.Commit(ctx)
	return err
}

// Abort ends every upload that is not committed; nothing of them remains.
func (c *Changes) Abort() {
	if c.data == nil {
		return
	}
	c.data.Abort()
	c.folded.Abort()
	c.upserted.Abort()
	c.removed.Abort()
}
