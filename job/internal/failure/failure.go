package ledger

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

const (
	// maxRemembered bounds how many failed documents are remembered one by one. More are counted; those that were refused
	// here are then named again by every scan.
	maxRemembered = 10_000
	// maxReasons bounds how many reasons are counted apart, maxExamples how many documents stand for one.
	maxReasons  = 20
	maxExamples = 3
	// otherReasons counts what exceeds maxReasons.
	otherReasons = "other reasons"
	// maxFailuresBytes bounds what is read of the object that remembers failed documents.
	maxFailuresBytes = 16 << 20
)

// Failure is a document that is in the source and cannot be in the data store as it is.
type Failure struct {
	ID       string `json:"id"`
	Hash     uint64 `json:"hash,string"` // of the row when it was refused here, of the line when the service rejected it
	Reason   string `json:"reason"`
	Rejected bool   `json:"rejected,omitempty"` // by the service
}

// Failures count the failed documents of a scan by reason. Object lists the first of them, one [Failure] a line.
type Failures struct {
	Count  int64   `json:"count"`
	Groups []Group `json:"groups,omitempty"` // most frequent first
	Object string  `json:"object,omitempty"`
	all    []Failure
}

// Group is one reason for failures.
type Group struct {
	Reason   string   `json:"reason"`
	Count    int64    `json:"count"`
	Examples []string `json:"examples"` // ids
}

// Add counts a failed document.
func (f *Failures) Add(failure Failure) {
	if len(f.all) < maxRemembered {
		f.all = append(f.all, failure)
	}
	f.count(1, failure.Reason, failure.ID)
}

// AddUnnamed counts n documents that the service rejected without saying which.
func (f *Failures) AddUnnamed(n int64) {
	f.count(n, "rejected by Vertex AI Search, which did not say which document", "")
}

// Sorted returns the failures with the most frequent reason first.
func (f Failures) Sorted() Failures {
	f.Groups = slices.Clone(f.Groups)
	slices.SortStableFunc(f.Groups, func(a, b Group) int { return cmp.Compare(b.Count, a.Count) })
	return f
}

// Same reports that the same documents failed for the same reasons.
func (f Failures) Same(g Failures) bool { return f.Count == g.Count && slices.Equal(f.all, g.all) }

// Remembered returns the failures that are remembered one by one.
func (f *Failures) Remembered() []Failure { return f.all }

func (f *Failures) count(n int64, reason, example string) {
	f.Count += n
	i := f.find(reason)
	if i < 0 && len(f.Groups) >= maxReasons {
		reason = otherReasons
		i = f.find(reason)
	}
	if i < 0 {
		i = len(f.Groups)
		f.Groups = append(f.Groups, Group{Reason: reason})
	}
	g := &f.Groups[i]
	g.Count += n
	if example != "" && len(g.Examples) < maxExamples {
		g.Examples = append(g.Examples, example)
	}
}

func (f *Failures) find(reason string) int {
	return slices.IndexFunc(f.Groups, func(g Group) bool { return g.Reason == reason })
}

// encode writes the remembered failures, one JSON line each.
func (f *Failures) encode() ([]byte, error) {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	for _, failure := range f.all {
		if err := lines.Encode(failure); err != nil {
			return nil, fmt.Errorf("encode failed document %q: %w", failure.ID, err)
		}
	}
	return out.Bytes(), nil
}

// decodeFailures reads what encode wrote. Lines that are not failures are left out: they only say what was named before.
func decodeFailures(data []byte) (all []Failure) {
	for line := range bytes.Lines(data) {
		var failure Failure
		if len(line) > maxFailureLine || json.Unmarshal(line, &failure) != nil {
			continue
		}
		if all = append(all, failure); len(all) == maxRemembered {
			break
		}
	}
	return all
}

// maxFailureLine bounds a line of them: an id and a reason, both cut, with every byte escaped.
const maxFailureLine = 8 << 10
