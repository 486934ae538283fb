package manifest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/zeebo/xxh3"
)

// A segment is: the magic, the entries, an end mark, the number of entries and the XXH3 checksum of all before it.
// An entry is a kind byte, the id (16 bytes of a UUID, or a length byte and the text) and, unless it removes the id,
// the 8 bytes of the hash. Numbers are big-endian.
const magic = "VXMANIF1"

const (
	kindUUID      = 'U'
	kindText      = 'T'
	kindUUIDTried = 'V'
	kindTextTried = 'R'
	kindUUIDGone  = 'u'
	kindTextGone  = 't'
	kindEnd       = 'E'
)

// ErrCorrupt is in the chain of every error that a damaged, truncated or foreign segment causes.
var ErrCorrupt = errors.New("damaged manifest segment")

// Writer encodes entries into a segment. Close must be called, or the segment is not complete.
type Writer struct {
	out     *bufio.Writer // which keeps its first error
	sum     *xxh3.Hasher
	count   uint64
	scratch [1 + 1 + MaxID + 8]byte
}

// NewWriter starts a segment on w.
func NewWriter(w io.Writer) *Writer {
	sw := &Writer{sum: xxh3.New()}
	sw.out = bufio.NewWriterSize(io.MultiWriter(w, sw.sum), 32<<10)
	_, _ = sw.out.WriteString(magic)
	return sw
}

// Put records that the data store holds the line with this hash under id.
func (w *Writer) Put(id []byte, hash uint64) error { return w.add(id, kindUUID, kindText, hash) }

// PutTried records that the service rejected the line with this hash.
func (w *Writer) PutTried(id []byte, hash uint64) error {
	return w.add(id, kindUUIDTried, kindTextTried, hash)
}

// Remove records that the data store no longer holds id.
func (w *Writer) Remove(id []byte) error { return w.add(id, kindUUIDGone, kindTextGone) }

// add writes an entry. One that removes its id has no hash.
func (w *Writer) add(id []byte, uuid, text byte, hash ...uint64) error {
	if len(id) == 0 || len(id) > MaxID {
		return fmt.Errorf("write manifest entry: id of %d bytes, want 1 to %d", len(id), MaxID)
	}
	b, raw := w.scratch[:0], [16]byte{}
	if parseUUID(&raw, id) {
		b = append(append(b, uuid), raw[:]...)
	} else {
		b = append(append(b, text, byte(len(id))), id...)
	}
	for _, h := range hash {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	w.count++
	_, err := w.out.Write(b)
	return err
}

// Count returns the number of entries written so far.
func (w *Writer) Count() int64 { return int64(w.count) }

// Close writes the trailer and flushes; it does not close the underlying writer.
func (w *Writer) Close() error {
	_, _ = w.out.Write(binary.BigEndian.AppendUint64([]byte{kindEnd}, w.count))
	// The checksum sees only what has left the buffer.
	if err := w.out.Flush(); err != nil {
		return err
	}
	_, _ = w.out.Write(binary.BigEndian.AppendUint64(nil, w.sum.Sum64()))
	return w.out.Flush()
}

// reader decodes a segment. Entries are handed out before the checksum at the end is seen, so a caller must not act on
// any of them before next has returned io.EOF, as it does after the last one of an undamaged segment.
type reader struct {
	in    *bufio.Reader
	sum   *summer
	count uint64
	id    [36]byte
}

// readerBuffer is what one read of the segment may return.
const readerBuffer = 64 << 10

// newReader reads the segment in r.
func newReader(r io.Reader) (*reader, error) {
	sum := &summer{in: r, hash: xxh3.New()}
	sr := &reader{in: bufio.NewReaderSize(sum, readerBuffer), sum: sum}
	head, err := sr.take(len(magic))
	if err != nil {
		return nil, err
	}
	if string(head) != magic {
		return nil, fmt.Errorf("%w: it begins with %q, not %q", ErrCorrupt, head, magic)
	}
	return sr, nil
}

// summer computes the checksum of what it passes on, but for the last eight bytes: in the end they are the checksum with
// which it is compared.
type summer struct {
	in   io.Reader
	hash *xxh3.Hasher
	last []byte // what is not in the checksum yet
}

// Read implements io.Reader.
func (s *summer) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	s.last = append(s.last, p[:n]...)
	if known := len(s.last) - 8; known > 0 {
		s.hash.Write(s.last[:known])
		s.last = append(s.last[:0], s.last[known:]...)
	}
	return n, err
}

// entry is an Entry as it stands in the segment, so that Table.Load need not write a UUID as text and parse it again.
type entry struct {
	uuid  bool
	id    []byte // 16 bytes of a UUID, or the text; valid until the next entry is read
	hash  uint64
	tried bool
	gone  bool
}

func (e entry) key() key {
	if e.uuid {
		return key{hi: binary.BigEndian.Uint64(e.id), lo: binary.BigEndian.Uint64(e.id[8:])}
	}
	return keyOf(e.id)
}

// text returns the entry's id as text.
func (r *reader) text(e entry) []byte {
	if !e.uuid {
		return e.id
	}
	formatUUID(&r.id, e.id)
	return r.id[:]
}

func (r *reader) next() (entry, error) {
	kind, err := r.take(1)
	if err != nil {
		return entry{}, err
	}
	var e entry
	n := 16
	switch k := kind[0]; k {
	case kindUUID, kindUUIDTried, kindUUIDGone:
		e = entry{uuid: true, tried: k == kindUUIDTried, gone: k == kindUUIDGone}
	case kindText, kindTextTried, kindTextGone:
		e = entry{tried: k == kindTextTried, gone: k == kindTextGone}
		length, err := r.take(1)
		if err != nil {
			return entry{}, err
		}
		if n = int(length[0]); n == 0 || n > MaxID {
			return entry{}, fmt.Errorf("%w: id of %d bytes", ErrCorrupt, n)
		}
	case kindEnd:
		return entry{}, r.end()
	default:
		return entry{}, fmt.Errorf("%w: unknown entry kind %#x", ErrCorrupt, k)
	}
	size := n + 8
	if e.gone {
		size = n
	}
	b, err := r.take(size)
	if err != nil {
		return entry{}, err
	}
	if e.id = b[:n]; !e.gone {
		e.hash = binary.BigEndian.Uint64(b[n:])
	}
	r.count++
	return e, nil
}

// end checks the trailer and that nothing follows it.
func (r *reader) end() error {
	trailer, err := r.take(8 + 8)
	if err != nil {
		return err
	}
	if n := binary.BigEndian.Uint64(trailer); n != r.count {
		return fmt.Errorf("%w: %d entries, its trailer says %d", ErrCorrupt, r.count, n)
	}
	sum := binary.BigEndian.Uint64(trailer[8:])
	switch _, err := r.in.Peek(1); {
	case err == nil:
		return fmt.Errorf("%w: data behind its end", ErrCorrupt)
	case err != io.EOF:
		return err
	case sum != r.sum.hash.Sum64():
		return fmt.Errorf("%w: checksum mismatch", ErrCorrupt)
	}
	return io.EOF
}

// take returns the next n bytes; they are valid until the next take.
func (r *reader) take(n int) ([]byte, error) {
	b, err := r.in.Peek(n)
	if err == io.EOF {
		return nil, fmt.Errorf("%w: it ends after %d entries without a trailer", ErrCorrupt, r.count)
	}
	if err != nil {
		return nil, err
	}
	_, _ = r.in.Discard(n) // they are there
	return b, nil
}
