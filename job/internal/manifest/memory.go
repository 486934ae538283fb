package manifest

import (
	"cmp"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

const (
	slotBytes = 24
	// tableShare is the part of the memory that a table may take; the rest is for what the collector lets the heap grow, and
	// for all else.
	tableShare = 0.75
)

// Capacity is how many documents a table has room for.
func Capacity() int64 { return int64(float64(maxSlots()) * maxLoad) }

// Fits reports whether the table is within what the container's memory has room for. Beyond it the kernel would end the
// process, without a word and in every run.
func (t *Table) Fits() bool {
	slots := int64(0)
	for i := range t.parts {
		slots += int64(len(t.parts[i].slots))
	}
	return slots <= cmp.Or(t.limit, maxSlots())
}

// maxSlots is how many slots a table may have.
var maxSlots = sync.OnceValue(func() int64 {
	memory := memoryLimit("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/proc/meminfo")
	return max(int64(float64(memory)*tableShare)/slotBytes, tableParts*minSlots)
})

// memoryLimit returns the least that the files of the control groups, of version 2 and 1, and of the machine say, in bytes.
// Where none can be read there is no limit.
func memoryLimit(files ...string) int64 {
	least := int64(math.MaxInt64 / 2)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		number, unit := strings.TrimSpace(string(text)), int64(1)
		if rest, ok := strings.CutPrefix(number, "MemTotal:"); ok {
			number, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
			unit = 1 << 10
		}
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > 0 && n < math.MaxInt64/unit {
			least = min(least, n*unit)
		}
	}
	return least
}

// Tune makes the garbage collector suit a table that had so many documents before and has so many now. Of many documents the
// table is nearly all of the heap, and holds no pointers: a collection costs next to nothing, and with Go's own 100 percent
// the table would take twice its room. With few documents collections would cost more than all else.
func Tune(before, now int64) {
	switch {
	case before < manyDocuments && now >= manyDocuments:
		debug.SetGCPercent(20)
	case before == 0:
		debug.SetGCPercent(100)
	}
}

const manyDocuments = 20_000
