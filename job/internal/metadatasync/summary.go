package metadatasync

import "log/slog"

// Outcome is how a run ended.
type Outcome string

const (
	// Imported: the changes are in the data store.
	Imported Outcome = "imported"
	// Unchanged: there was nothing to do.
	Unchanged Outcome = "unchanged"
	// Pending: an import or a removal goes on; a later run finishes it.
	Pending Outcome = "pending"
	// Skipped: another run is active.
	Skipped Outcome = "skipped"
	// Failed: the error says why.
	Failed Outcome = "failed"
)

// Summary is what a run did. With several tasks the counts are the task's own.
type Summary struct {
	Outcome    Outcome
	Documents  int64 // in the source, as it was read last if this run ended before it read it
	Upserted   int64 // sent for import
	Deleted    int64 // sent for removal
	Skipped    int64 // rows whose MIME type is not accepted
	Failed     int64 // refused here or by the service
	Bytes      int64 // of documents sent
	PendingAge int64 // milliseconds since the pending import was started, 0 when there is none
}

// Attrs lists the summary's fields as the last log line shows them.
func (s Summary) Attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("outcome", string(s.Outcome)),
		slog.Int64("documents", s.Documents),
		slog.Int64("upserted", s.Upserted),
		slog.Int64("deleted", s.Deleted),
		slog.Int64("skipped", s.Skipped),
		slog.Int64("failed", s.Failed),
		slog.Int64("bytes", s.Bytes),
	}
	if s.PendingAge > 0 {
		attrs = append(attrs, slog.Int64("pending_age_ms", s.PendingAge))
	}
	return attrs
}
