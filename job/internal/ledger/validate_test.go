package ledger

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// An operation of another data store, of another place or project is never polled.
func TestIsOperation(t *testing.T) {
	const store = "project/global/mine"
	for name, want := range map[string]bool{
		"projects/123/locations/global/collections/default_collection/dataStores/mine/branches/0/operations/import-documents-1":   true,
		"projects/project/locations/global/collections/default_collection/dataStores/mine/operations/import-documents-1":          true,
		"projects/123/locations/global/operations/import-documents-1":                                                             true,
		"projects/other/locations/global/collections/default_collection/dataStores/mine/branches/0/operations/import-documents-1": false,
		"projects/123/locations/eu/collections/default_collection/dataStores/mine/branches/0/operations/import-documents-1":       false,
		"projects/123/locations/global/collections/default_collection/dataStores/theirs/branches/0/operations/import-documents-1": false,
		"projects/123/locations/global/collections/c/dataStores/theirs/branches/dataStores/mine/operations/import-documents-1":    false,
		"projects/123/locations/global/collections/default_collection/dataStores/mine/branches/0/operations/../../x":              false,
		"projects/123/locations/global/operations/":                                                                               false,
		"projects/123/locations/global/operations/" + strings.Repeat("x", 2000):                                                   false,
		"": false,
	} {
		if got := isOperation(name, store); got != want {
			t.Errorf("%.200s: %v, want %v", name, got, want)
		}
	}
}

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

// Whatever stands in the bucket is a state that leads nowhere else, or an error; in neither case a panic.
func FuzzDecode(f *testing.F) {
	layout := NewLayout("")
	seed := State{
		Format: Format, Revision: 7, DataStore: "project/global/mine", Complete: true, Snapshot: []string{layout.Snapshot(1, 1)},
		Segments: []Segment{{Name: layout.Run("a") + "upserted", Entries: 3}},
		Pending: &Import{
			Operation: "projects/1/locations/global/operations/x", Documents: 2, Deletions: 1, Objects: []string{layout.Snapshot(1, 1)},
			Errors: layout.Run("b") + "errors/", Upserted: &Segment{Name: layout.Run("b") + "upserted", Entries: 2},
			Removed: &Segment{Name: layout.Run("b") + "removed", Entries: 1},
		},
	}
	data, err := json.Marshal(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, change := range [][2]string{
		{`"metadata/metadata.jsonl"`, `"theirs"`},
		{`.sync/v2/runs/a`, `.sync/v2/../../x`},
		{`.sync/v2/runs/a`, `metadata`},
		{`"entries":3`, `"entries":99999999999999`},
		{`"documents":2`, `"documents":-2`},
		{`"deletions":1`, `"deletions":9223372036854775807`},
		{`"upserted":{`, `"x":{`},
		{`/errors/"`, `/errors"`},
		{`"name":"metadata/.sync/v2/runs/b/removed"`, `"name":""`},
		{`"format":2`, `"format":2e0,"segments":null`},
		{`{`, strings.Repeat(`[`, 20_000)},
	} {
		f.Add([]byte(strings.Replace(string(data), change[0], change[1], 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decode(data, layout, "project/global/mine", 7)
		if err != nil {
			return
		}
		names := s.Snapshot
		for name := range s.Objects() {
			names = append(names, name)
		}
		for _, name := range names {
			if !strings.HasPrefix(name, layout.Root()) && !layout.IsSnapshot(name) || strings.Contains(name, "/../") || strings.Contains(name, "//") {
				t.Errorf("the state names %q", name)
			}
		}
		if s.Pending != nil { // every transition from it has to be possible
			s = Started(s, s.Pending.Operation, 0)
			Confirmed(s, Rejections{})
			s = Dropped(s)
		}
		if err := Begin(s, Work{Import: Import{Full: true}}).validate(layout); err != nil {
			t.Errorf("no run can go on from it: %v", err)
		}
		if n := s.Entries(); n < 0 || n > maxSegments*maxEntries {
			t.Errorf("%d entries", n)
		}
	})
}

// What is remembered of failed documents is bounded, whatever is in the object.
func FuzzDecodeFailures(f *testing.F) {
	f.Add([]byte(`{"id":"a","hash":"1","reason":"x"}`))
	f.Add([]byte(strings.Repeat("{}\n", maxRemembered+10)))
	f.Add([]byte(strings.Repeat("x", 2<<20) + "\n{\"id\":\"b\",\"hash\":\"2\"}\n"))
	f.Add([]byte(fmt.Sprintf(`{"id":%q,"hash":"1"}`, strings.Repeat("i", maxFailureLine))))
	f.Fuzz(func(t *testing.T, data []byte) {
		all := decodeFailures(data)
		if len(all) > maxRemembered {
			t.Errorf("%d are remembered", len(all))
		}
		for _, one := range all {
			if len(one.ID)+len(one.Reason) > 3*maxFailureLine {
				t.Errorf("one of %d bytes is remembered", len(one.ID)+len(one.Reason))
			}
		}
	})
}
