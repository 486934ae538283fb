// Package failure remembers which documents of the source cannot be in the data store, and why.
package failure

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxRemembered bounds how many failed documents are remembered one by one. More are counted; those that were refused
	// here are then named again by every scan.
	maxRemembered = 10_000
	// maxGroups bounds how many reasons are counted apart, maxExamples how many documents stand for one.
	maxGroups   = 20
	maxExamples = 3
	// otherReasons counts what exceeds maxGroups.
	otherReasons = "other reasons"
	// MaxBytes bounds what has to be read of the object that remembers failed documents.
	MaxBytes = 16 << 20
	// maxLine bounds a line of it: an id and a reason, both cut, with every byte escaped.
	maxLine = 8 << 10
)

// Document is one that is in the source and cannot be in the data store as it is.
type Document struct {
	ID       string `json:"id"`
	Hash     uint64 `json:"hash,string"` // of the row when it was refused here, of the line when the service rejected it
	Reason   string `json:"reason"`
	Rejected bool   `json:"rejected,omitempty"` // by the service
}

// Tally counts the failed documents of a scan by reason. Object names what lists the first of them, one [Document] a line.
type Tally struct {
	Count  int64   `json:"count"`
	Groups []Group `json:"groups,omitempty"` // most frequent first
	Object string  `json:"object,omitempty"`
	all    []Document
}

// Group is one reason for failures.
type Group struct {
	Reason   string   `json:"reason"`
	Count    int64    `json:"count"`
	Examples []string `json:"examples,omitempty"` // ids
}

// Add counts a failed document.
func (f *Tally) Add(d Document) {
	if len(f.all) < maxRemembered {
		f.all = append(f.all, d)
	}
	f.count(1, common(d.Reason, d.ID), d.ID)
}

// common is a reason without the document that it names, so that documents of one reason are counted together.
func common(reason, id string) string {
	if id == "" {
		return reason
	}
	return strings.NewReplacer(`"`+id+`"`, `"…"`, "/documents/"+id, "/documents/…").Replace(reason)
}

// AddUnnamed counts n documents that the service rejected without saying which.
func (f *Tally) AddUnnamed(n int64) {
	f.count(n, "rejected by Vertex AI Search, which did not say which document", "")
}

// Sorted returns the failures with the most frequent reason first.
func (f Tally) Sorted() Tally {
	f.Groups = slices.Clone(f.Groups)
	slices.SortStableFunc(f.Groups, func(a, b Group) int { return cmp.Compare(b.Count, a.Count) })
	return f
}

// Same reports that the same documents failed for the same reasons.
func (f Tally) Same(g Tally) bool { return f.Count == g.Count && slices.Equal(f.all, g.all) }

// Remembered returns the failures that are remembered one by one.
func (f Tally) Remembered() []Document { return f.all }

func (f *Tally) count(n int64, reason, example string) {
	f.Count += n
	i := f.find(reason)
	if i < 0 && len(f.Groups) >= maxGroups {
		reason = otherReasons
		i = f.find(reason)
	}
	if i < 0 {
		i = len(f.Groups)
		f.Groups = append(f.Groups, Group{Reason: reason})
	}
	g := &f.Groups[i]
	g.Count += n
	if example != "" && len(g.Examples) < maxExamples && !slices.Contains(g.Examples, example) {
		g.Examples = append(g.Examples, example)
	}
}

func (f Tally) find(reason string) int {
	return slices.IndexFunc(f.Groups, func(g Group) bool { return g.Reason == reason })
}

// Encode writes the remembered documents, one JSON line each.
func (f Tally) Encode() ([]byte, error) {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	for _, d := range f.all {
		if err := lines.Encode(d); err != nil {
			return nil, fmt.Errorf("encode failed document %q: %w", d.ID, err)
		}
	}
	return out.Bytes(), nil
}

// Recall returns f with what Encode wrote as the documents that are remembered. Damaged lines are left out: they only say
// what was named before.
func (f Tally) Recall(data []byte) Tally {
	f.all = nil
	for line := range bytes.Lines(data) {
		var d Document
		if len(line) > maxLine || json.Unmarshal(line, &d) != nil {
			continue
		}
		if f.all = append(f.all, d); len(f.all) == maxRemembered {
			break
		}
	}
	return f
}

// Memory is what failed before, so that only what is new has to be named.
type Memory struct {
	Tally
	reasons map[Document]string // by the documents without them
}

// NewMemory returns the memory of the documents that t remembers.
func NewMemory(t Tally) Memory {
	m := Memory{Tally: t, reasons: map[Document]string{}}
	for _, d := range t.all {
		m.reasons[Document{ID: d.ID, Hash: d.Hash, Rejected: d.Rejected}] = d.Reason
	}
	return m
}

// Refused reports that the same row was refused before.
func (m Memory) Refused(id string, hash uint64) bool {
	_, known := m.reasons[Document{ID: id, Hash: hash}]
	return known
}

// Rejected returns a document that the service rejected and that is unchanged since.
func (m Memory) Rejected(id string, hash uint64) Document {
	d := Document{ID: id, Hash: hash, Rejected: true}
	d.Reason = cmp.Or(m.reasons[d], "rejected by Vertex AI Search and unchanged since")
	return d
}
