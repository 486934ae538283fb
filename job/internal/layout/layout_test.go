package layout

import (
	"math"
	"testing"
	"time"
)

// A revision counts while the ones after it can: whatever number others planted, the next run has one.
func TestCounts(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	most := int64(formatAge/time.Second) * revisionsPerSecond
	for n, want := range map[int64]bool{0: false, -1: false, 1: true, 99_999_999: true, most: true, most + 1: false, math.MaxInt64: false} {
		for _, at := range []time.Time{now, {}, now.AddDate(-50, 0, 0)} {
			if got := Counts(n, at); got != want {
				t.Errorf("revision %d at %v: %v, want %v", n, at, got, want)
			}
		}
	}
	if !Counts(most+1, now.AddDate(1, 0, 0)) {
		t.Error("a later revision does not count later")
	}
}

// A name is a revision's or a snapshot's only as this program spells it.
func TestNames(t *testing.T) {
	l := New("posts")
	const ledger = "metadata/posts/.sync/v2/ledger/"
	for name, want := range map[string]int64{
		ledger + "00000001.json": 1, ledger + "123456789.json": 123456789, ledger + "1.json": 0, ledger + "-1234567.json": 0, ledger + "+0000001.json": 0,
		ledger + "00000001": 0, "00000001.json": 0, ledger + "99999999999999999999.json": 0, ledger + "000000001.json": 0, ledger + "0000000x.json": 0,
	} {
		if n, ok := l.RevisionOf(name); ok != (want > 0) || ok && n != want {
			t.Errorf("%s: revision %d, %v", name, n, ok)
		}
	}
	for name, want := range map[string]bool{
		"metadata/posts/metadata.jsonl": true, "metadata/posts/metadata-00002-of-00010.jsonl": true, "metadata/posts/metadata-2-of-10.jsonl": false,
		"metadata/posts/metadata-00003-of-00002.jsonl": false, "metadata/posts/metadata--0001-of-00002.jsonl": false, "metadata/posts/metadata-00001-of-00002.jsonl.gz": false,
		"metadata/metadata.jsonl": false, "metadata.jsonl": false, "metadata/posts/metadata": false, "metadata/posts/metadata-00001-of-00002.jsonl/x": false,
	} {
		if got := l.IsSnapshot(name); got != want {
			t.Errorf("%s: snapshot %v", name, got)
		}
	}
}
