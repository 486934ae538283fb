package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// The container's own limit counts, of either version of control groups, and no file at all is no limit.
func TestMemoryLimit(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	v2, v1 := file("v2", "536870912\n"), file("v1", "9223372036854771712\n")
	free, machine := file("max", "max\n"), file("meminfo", "MemTotal:       24567890 kB\nMemFree: 1 kB\n")
	for name, tt := range map[string]struct {
		files []string
		want  int64
	}{
		"container": {[]string{v2, v1, machine}, 512 << 20},
		"machine":   {[]string{free, v1, machine}, 24567890 << 10},
		"no limit":  {[]string{free, filepath.Join(dir, "absent")}, math.MaxInt64 / 2},
		"nonsense":  {[]string{file("odd", "-1"), file("empty", ""), file("large", "99999999999999999999")}, math.MaxInt64 / 2},
	} {
		if got := memoryLimit(tt.files...); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// A segment with more documents than there is memory for is damaged, long before the memory is gone.
func TestLoadStopsAtTheLimit(t *testing.T) {
	const documents, limit = 200_000, 50_000
	var segment bytes.Buffer
	w := NewWriter(&segment)
	for i := range documents {
		if err := w.Put(fmt.Appendf(nil, "doc-%d", i), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	least, most := Sizes(documents)
	if n := int64(segment.Len()); n < least || n > most {
		t.Errorf("a segment of %d bytes, want %d to %d", n, least, most)
	}
	table := NewTable(0)
	table.limit = limit
	if err := table.Load(&segment, false); !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v", err)
	}
	if table.Len() > limit+checkedEvery {
		t.Errorf("%d documents were loaded", table.Len())
	}
	if table.Fits() {
		t.Error("the table fits")
	}
}
