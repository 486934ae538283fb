package reconcile

import (
	"fmt"
	"time"

	"github.com/zeebo/xxh3"

	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/source"
)

// clockSkew is how far in the future a recorded time may lie before it is taken as wrong.
const clockSkew = 5 * time.Minute

// passed reports that interval has passed since last. A time that lies in the future proves that a clock was moved: what
// depends on it is due.
func passed(now, last time.Time, interval time.Duration) bool {
	age := now.Sub(last)
	return age >= interval || age < -clockSkew
}

// fullDue reports that a run has to be a full sync.
func fullDue(set Settings, s ledger.State, now time.Time) bool {
	return set.Full || !s.Complete || passed(now, s.LastFull, set.FullSyncInterval)
}

// whyDue returns why the source has to be read, empty when nothing can have changed since the last committed scan.
func whyDue(set Settings, s ledger.State, stats source.Stats, now time.Time) string {
	switch {
	case set.Full:
		return "a full sync was asked for"
	case !s.Complete:
		return "no full sync has succeeded yet"
	case s.LastFull.IsZero():
		return "the last full sync failed"
	case fullDue(set, s, now):
		return "the last full sync is older than FULL_SYNC_INTERVAL"
	case s.Scan.Configuration != configuration(set):
		return "the query or the document rules changed"
	case s.Scan.Left > 0:
		return "documents are left to delete"
	case set.RescanInterval == 0:
		return "RESCAN_INTERVAL is 0"
	case passed(now, s.Scan.At, set.RescanInterval):
		return "the last scan is older than RESCAN_INTERVAL"
	case stats.Fingerprint == "":
		return "table statistics cannot be trusted: " + stats.Reason
	case s.Scan.Statistics == "":
		return "the last scan has no statistics to compare with, or its changes were not imported"
	case stats.Fingerprint != s.Scan.Statistics:
		return "table statistics or definitions changed"
	}
	return ""
}

// configuration is the fingerprint of all that decides, besides the rows, what the documents look like.
func configuration(set Settings) string {
	return fmt.Sprintf("%016x", xxh3.HashString(fmt.Sprintf("%q %v", set.Query, set.Documents)))
}
