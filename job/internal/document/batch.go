package document

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/zeebo/xxh3"
)

// Batch is what became of some rows.
type Batch struct {
	Rows    int64
	Skipped SkippedRows
	Refused []Refusal

	lines []byte
	ids   []byte
	docs  []place // of each document, and one for the end
}

// place says where the line and the id of a document begin in its batch.
type place struct{ line, id int }

// Refusal is a row whose document Vertex AI Search would not take.
type Refusal struct {
	ID     string
	Hash   uint64 // of the row and the reason
	Reason string
}

// NewBatch returns an empty batch with room for lines of that many bytes.
func NewBatch(size int) *Batch { return &Batch{lines: make([]byte, 0, size), docs: make([]place, 1)} }

// Add encodes a row, which is not kept.
func (b *Batch) Add(e *Encoder, row [][]byte) {
	b.Rows++
	lines, verdict := e.Append(b.lines, row)
	switch verdict.Outcome {
	case Skipped:
		b.Skipped.add(shownType(verdict.MIMEType), 1)
	case Refused:
		b.Refused = append(b.Refused, Refusal{ID: boundedID(verdict.ID), Hash: rowHash(row, verdict.Reason), Reason: verdict.Reason})
	default:
		b.lines = lines
		b.ids = append(b.ids, verdict.ID...)
		b.docs = append(b.docs, place{line: len(b.lines), id: len(b.ids)})
	}
}

// Reset empties the batch for another use of its memory.
func (b *Batch) Reset() {
	*b = Batch{lines: b.lines[:0], ids: b.ids[:0], docs: b.docs[:1], Refused: b.Refused[:0]}
}

// Size is how many bytes the lines have.
func (b *Batch) Size() int { return len(b.lines) }

// Len is how many documents there are.
func (b *Batch) Len() int { return len(b.docs) - 1 }

// ID returns the id of the i-th document.
func (b *Batch) ID(i int) []byte { return b.ids[b.docs[i].id:b.docs[i+1].id] }

// Each calls fn for every document.
func (b *Batch) Each(fn func(id, line []byte) error) error {
	for i := range b.Len() {
		if err := fn(b.ID(i), b.lines[b.docs[i].line:b.docs[i+1].line]); err != nil {
			return err
		}
	}
	return nil
}

// boundedID is an id as it is remembered and shown. One that is too long to be a document's is cut, since up to thousands
// are remembered, and ends in what no document's id has.
func boundedID(id []byte) string {
	if len(id) <= maxID {
		return string(id)
	}
	return strings.ToValidUTF8(string(id[:maxID]), "") + "…"
}

// rowHash tells a refused row that is as it was from one that changed.
func rowHash(row [][]byte, reason string) uint64 {
	h := xxh3.New()
	for _, value := range row {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(value)))
		h.Write(size[:])
		h.Write(value)
	}
	h.WriteString(reason)
	return h.Sum64()
}

const (
	// maxSkippedTypes bounds how many MIME types are counted apart; what is in the column is somebody's input.
	maxSkippedTypes = 20
	// maxSkippedType is how many bytes of a MIME type are kept.
	maxSkippedType = 100
)

// SkippedRows counts rows that were skipped, by their MIME type.
type SkippedRows struct {
	Count  int64
	ByType map[string]int64
}

// Add adds what another batch counted.
func (s *SkippedRows) Add(other SkippedRows) {
	for name, n := range other.ByType {
		s.add(name, n)
	}
}

func (s *SkippedRows) add(name string, n int64) {
	s.Count += n
	if s.ByType == nil {
		s.ByType = map[string]int64{}
	}
	if _, known := s.ByType[name]; !known && len(s.ByType) >= maxSkippedTypes {
		name = "others"
	}
	s.ByType[name] += n
}

// shownType is a MIME type as it is counted and logged.
func shownType(mimeType []byte) string {
	if mimeType == nil {
		return "NULL"
	}
	if len(mimeType) > maxSkippedType {
		mimeType = bytes.ToValidUTF8(mimeType[:maxSkippedType], []byte("\uFFFD"))
	}
	return string(mimeType)
}
