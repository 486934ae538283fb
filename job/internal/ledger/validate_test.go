package ledger

import (
	"encoding/json"
	"strings"
	"testing"

	"vertexmetadata/job/internal/layout"
)

// Whatever stands in the bucket is a state that leads nowhere else, or an error; in neither case a panic.
func FuzzDecode(f *testing.F) {
	names := layout.New("")
	seed := State{
		Format: Format, Revision: 7, DataStore: "project/global/mine", Complete: true, Snapshot: []string{names.Snapshot(1, 1)},
		Segments: []Segment{{Name: names.Run("a") + "upserted", Entries: 3}},
		Pending: &Import{
			Operation: "projects/1/locations/global/operations/x", Documents: 2, Deletions: 1, Objects: []string{names.Snapshot(1, 1)},
			Errors: names.Run("b") + "errors/", Upserted: &Segment{Name: names.Run("b") + "upserted", Entries: 2},
			Removed: &Segment{Name: names.Run("b") + "removed", Entries: 1},
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
		s, err := decode(data, names, "project/global/mine", 7)
		if err != nil {
			return
		}
		all := s.Snapshot
		for name := range s.Objects() {
			all = append(all, name)
		}
		for _, name := range all {
			if !strings.HasPrefix(name, names.Root()) && !names.IsSnapshot(name) || strings.Contains(name, "/../") || strings.Contains(name, "//") {
				t.Errorf("the state names %q", name)
			}
		}
		if s.Pending != nil { // every transition from it has to be possible
			s = Started(s, s.Pending.Operation, 0)
			Confirmed(s, Rejections{})
			s = Dropped(s)
		}
		if err := Begin(s, Import{Full: true}, nil).validate(names); err != nil {
			t.Errorf("no run can go on from it: %v", err)
		}
		if n := s.Entries(); n < 0 || n > maxSegments*maxEntries {
			t.Errorf("%d entries", n)
		}
	})
}
