package metadatasync

import (
	"context"
	"time"

	"vertexmetadata/job/internal/source"
)

// clockSkew is how far in the future a recorded time may lie before it is taken as wrong.
const clockSkew = 5 * time.Minute

// due reports that interval has passed since last. A time that lies in the future proves that a clock was moved: what
// depends on it is due.
func due(now, last time.Time, interval time.Duration) bool {
	age := now.Sub(last)
	return age >= interval || age < -clockSkew
}

// fullDue reports that this run has to be a full sync.
func (r *run) fullDue() bool {
	return r.set.Full || !r.state.known() || due(r.now(), r.state.LastFull, r.set.FullSyncInterval)
}

// idle reports that the source need not be read, because nothing can have changed since the last committed scan.
func (r *run) idle(ctx context.Context, stats source.Stats) bool {
	why := r.whyScan(stats)
	if why == "" {
		r.log.DebugContext(ctx, "table statistics unchanged, the source is not read")
		return true
	}
	r.log.InfoContext(ctx, "reading the source", "why", why)
	return false
}

// whyScan returns the reason for a scan, empty if there is none.
func (r *run) whyScan(stats source.Stats) string {
	s, now := &r.state, r.now()
	switch {
	case r.set.Full:
		return "a full sync was asked for"
	case !s.known():
		return "there is no manifest of what the data store holds"
	case s.LastFull.IsZero():
		return "no full sync has succeeded yet, or the last one failed"
	case r.fullDue():
		return "the last full sync is older than FULL_SYNC_INTERVAL"
	case len(s.Shards) != r.set.Tasks:
		return "the number of tasks changed"
	case s.Configuration != r.configuration():
		return "the query or the document rules changed"
	case s.Failed > 0:
		return "documents of the last scan are not in the data store yet"
	case r.set.RescanInterval == 0:
		return "RESCAN_INTERVAL is 0"
	case due(now, s.LastScan, r.set.RescanInterval):
		return "the last scan is older than RESCAN_INTERVAL"
	case !stats.Trusted:
		return "table statistics cannot be trusted: " + stats.Reason
	case stats.Fingerprint != s.Statistics:
		return "table statistics changed"
	}
	return ""
}

// settled is the outcome of a run that has nothing to send.
func (r *run) settled() Outcome {
	if len(r.state.Purges) > 0 {
		return Pending
	}
	return Unchanged
}
