// Package layout names the objects of a sync in the bucket.
package layout

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Layout names the objects of one sync: it is what their names begin with. Everything but the snapshot lies under its root.
type Layout string

// New returns the layout of the sync with this name, which is empty for the only sync of a job.
func New(name string) Layout {
	if name == "" {
		return "metadata/"
	}
	return Layout("metadata/" + name + "/")
}

// Internal is the folder of everything but the snapshot, of whatever format.
func (l Layout) Internal() string { return string(l) + ".sync/" }

// Root is the folder of everything of this format but the snapshot.
func (l Layout) Root() string { return l.Internal() + "v2/" }

// Revisions is the folder of the ledger's revisions.
func (l Layout) Revisions() string { return l.Root() + "ledger/" }

// Revision names the object of one revision.
func (l Layout) Revision(n int64) string { return fmt.Sprintf("%s%08d.json", l.Revisions(), n) }

// RevisionOf returns which revision an object is, false if it is none.
func (l Layout) RevisionOf(name string) (int64, bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(name, l.Revisions()), ".json")
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err == nil && l.Revision(int64(n)) == name
}

// Counts reports whether a revision can have been reached by now. Others may write into the bucket: a revision of 18 digits
// would leave no number for the next one. A run needs more than a tenth of a second for each; a clock that is wrong must not
// make all revisions impossible.
func Counts(revision int64, now time.Time) bool {
	since := max(now.Sub(formatBorn), formatAge)
	return revision > 0 && revision <= revisionsPerSecond*int64(since/time.Second)
}

var (
	formatBorn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	formatAge  = 365 * 24 * time.Hour
)

const revisionsPerSecond = 10

// Run is the folder of what one run wrote; token distinguishes it from every other run.
func (l Layout) Run(token string) string { return l.Root() + "runs/" + token + "/" }

// Snapshot names one of n objects of a snapshot, counted from 1.
func (l Layout) Snapshot(i, n int) string {
	if n == 1 {
		return l.Snapshots() + ".jsonl"
	}
	return fmt.Sprintf("%s-%05d-of-%05d.jsonl", l.Snapshots(), i, n)
}

// Snapshots is what the names of all snapshot objects begin with.
func (l Layout) Snapshots() string { return string(l) + "metadata" }

// IsSnapshot reports whether an object is part of a snapshot.
func (l Layout) IsSnapshot(name string) bool {
	i, n := 1, 1
	_, _ = fmt.Sscanf(strings.TrimPrefix(name, l.Snapshots()), "-%d-of-%d", &i, &n) // a name without numbers is that of the only one
	return 0 < i && i <= n && name == l.Snapshot(i, n)
}

// Owns reports whether an object that a state names can be one of this sync: a ledger that somebody tampered with must not
// lead to other objects of the bucket.
func (l Layout) Owns(name string) bool {
	if l.IsSnapshot(name) {
		return true
	}
	rest, ok := strings.CutPrefix(name, l.Root())
	if !ok || rest == "" || len(name) > 1024 {
		return false
	}
	for step := range strings.SplitSeq(strings.TrimSuffix(rest, "/"), "/") {
		if step == "" || step == "." || step == ".." {
			return false
		}
	}
	return true
}
