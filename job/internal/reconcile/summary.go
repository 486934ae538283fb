package reconcile

import (
	"fmt"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/words"
)

// Outcome is how a run ended.
type Outcome string

// The outcomes of a run.
const (
	Imported  Outcome = "imported"  // the changes are in the data store
	Unchanged Outcome = "unchanged" // there was nothing to do
	Pending   Outcome = "pending"   // something is left that a later run does or waits for
	Skipped   Outcome = "skipped"   // another run is active
	Failed    Outcome = "failed"    // the error says why
)

// Summary is what a run did.
type Summary struct {
	Outcome    Outcome
	Documents  int64         // in the source, as it was read last if this run ended before it read it
	Upserted   int64         // documents that the service accepted
	Deleted    int64         // documents that were deleted
	Left       int64         // documents that are still to be deleted
	Skipped    int64         // rows whose MIME type is not accepted
	Failed     int64         // documents of the source that are refused here or were rejected by the service
	Changed    int64         // documents whose content changed
	Bytes      int64         // of the documents that the service accepted
	PendingAge time.Duration // since the pending import was started, 0 when there is none
}

// read takes over what is known of the source before this run reads it.
func (s *Summary) read(state ledger.State) {
	s.Documents, s.Failed = state.Documents(), state.Scan.Failures.Count
}

// scanned takes over what the scan found.
func (s *Summary) scanned(c *diff.Changes) {
	s.Documents, s.Skipped, s.Changed = c.Documents, c.Skipped, c.Changed
	s.Failed = c.Scan.Failures.Count
}

// tooManyFailed returns an error if more documents failed than a run tolerates. The run did all that it could.
func tooManyFailed(limit config.Limit, failed, documents int64) error {
	most := limit.Of(documents + failed)
	if failed <= most {
		return nil
	}
	return &refusal.Advice{
		Text:   fmt.Sprintf("%s failed, MAX_FAILED allows %s; all others are in sync", words.Plural(failed, "document"), words.Number(most)),
		Remedy: "correct the rows or leave them out in the query; job plan counts them by reason, job show ID shows one",
	}
}
