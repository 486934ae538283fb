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
	kindUUID     = 'U'
	kindText     = 'T'
	kindUUIDGone = 'u'
	kindTextGone = 't'
	kindEnd      = 'E'
)

// ErrCorrupt is in the chain of every error that a damaged, truncated or foreign segment causes.
var ErrCorrupt = errors.New("damaged manifest segment")

// Writer encodes entries into a segment. Close must be called, or the segment is not complete.
type Writer struct {
	out     *bufio.Writer
	sum     *xxh3.Hasher
	count   uint64
	bytes   int64
	scratch [1 + 1 + MaxID + 8]byte
	err     error
}

// NewWriter starts a segment on w.
func NewWriter(w io.Writer) *Writer {
	sw := &Writer{sum: xxh3.New()}
	sw.out = bufio.NewWriterSize(io.MultiWriter(w, sw.sum), 32<<10)
	sw.write([]byte(magic))
	return sw
}

// Put records that the data store holds the line with this hash under id.
func (w *Writer) Put(id []byte, hash uint64) error {
	b, err := w.appendID(id, kindUUID, kindText)
	if err != nil {
		return err
	}
	w.count++
	return w.write(binary.BigEndian.AppendUint64(b, hash))
}

// Remove records that the data store no longer holds id.
func (w *Writer) Remove(id []byte) error {
	b, err := w.appendID(id, kindUUIDGone, kindTextGone)
	if err != nil {
		return err
	}
	w.count++
	return w.write(b)
}

// Count returns the number of entries written so far.
func (w *Writer) Count() int64 { return int64(w.count) }

// Size returns the number of bytes written so far, those still in the buffer included.
func (w *Writer) Size() int64 { return w.bytes }

// Close writes the trailer and flushes; it does not close the underlying writer.
func (w *Writer) Close() error {
	w.write(binary.BigEndian.AppendUint64([]byte{kindEnd}, w.count))
	// The checksum sees only what has left the buffer.
	if err := w.flush(); err != nil {
		return err
	}
	w.write(binary.BigEndian.AppendUint64(nil, w.sum.Sum64()))
	return w.flush()
}

func (w *Writer) flush() error {
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return w.err
}

func (w *Writer) write(b []byte) error {
	if w.err == nil {
		_, w.err = w.out.Write(b)
		w.bytes += int64(len(b))
	}
	return w.err
}

func (w *Writer) appendID(id []byte, uuid, text byte) ([]byte, error) {
	if len(id) == 0 || len(id) > MaxID {
		return nil, fmt.Errorf("write manifest entry: id of %d bytes, want 1 to %d", len(id), MaxID)
	}
	var raw [16]byte
	if parseUUID(&raw, id) {
		return append(append(w.scratch[:0], uuid), raw[:]...), nil
	}
	return append(append(w.scratch[:0], text, byte(len(id))), id...), nil
}

// Reader decodes a segment. Entries are handed out before the checksum at the end is seen, so a caller must not act on
// any of them before Next has returned io.EOF.
type Reader struct {
	in    *bufio.Reader
	sum   *xxh3.Hasher
	count uint64
	buf   [MaxID + 8]byte
	id    [36]byte
}

// NewReader reads the segment in r.
func NewReader(r io.Reader) (*Reader, error) {
	sr := &Reader{in: bufio.NewReaderSize(r, 64<<10), sum: xxh3.New()}
	head, err := sr.take(len(magic))
	if err != nil {
		return nil, err
	}
	if string(head) != magic {
		return nil, fmt.Errorf("%w: it begins with %q, not %q", ErrCorrupt, head, magic)
	}
	return sr, nil
}

// Next returns the next entry, or io.EOF after the last one of an undamaged segment. The entry's id is valid until the
// next call.
func (r *Reader) Next() (Entry, error) {
	kind, err := r.take(1)
	if err != nil {
		return Entry{}, err
	}
	switch k := kind[0]; k {
	case kindUUID, kindUUIDGone:
		raw, err := r.take(16)
		if err != nil {
			return Entry{}, err
		}
		formatUUID(&r.id, raw)
		return r.finish(r.id[:], k == kindUUIDGone)
	case kindText, kindTextGone:
		n, err := r.take(1)
		if err != nil {
			return Entry{}, err
		}
		if n[0] == 0 || n[0] > MaxID {
			return Entry{}, fmt.Errorf("%w: id of %d bytes", ErrCorrupt, n[0])
		}
		id, err := r.take(int(n[0]))
		if err != nil {
			return Entry{}, err
		}
		return r.finish(id, k == kindTextGone)
	case kindEnd:
		return Entry{}, r.end()
	default:
		return Entry{}, fmt.Errorf("%w: unknown entry kind %#x", ErrCorrupt, k)
	}
}

// finish reads the hash that follows an id, behind it in the same buffer so that the id stays valid.
func (r *Reader) finish(id []byte, gone bool) (Entry, error) {
	r.count++
	if gone {
		return Entry{ID: id, Gone: true}, nil
	}
	hash := r.buf[MaxID:]
	if err := r.fill(hash); err != nil {
		return Entry{}, err
	}
	return Entry{ID: id, Hash: binary.BigEndian.Uint64(hash)}, nil
}

// end checks the trailer and that nothing follows it.
func (r *Reader) end() error {
	count, err := r.take(8)
	if err != nil {
		return err
	}
	if n := binary.BigEndian.Uint64(count); n != r.count {
		return fmt.Errorf("%w: %d entries, its trailer says %d", ErrCorrupt, r.count, n)
	}
	want := r.sum.Sum64()
	sum, err := r.take(8)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint64(sum) != want {
		return fmt.Errorf("%w: checksum mismatch", ErrCorrupt)
	}
	if _, err := r.in.ReadByte(); err != io.EOF {
		return fmt.Errorf("%w: data behind its end", ErrCorrupt)
	}
	return io.EOF
}

// take reads n bytes into the buffer; they are valid until the next take.
func (r *Reader) take(n int) ([]byte, error) {
	b := r.buf[:n]
	return b, r.fill(b)
}

func (r *Reader) fill(b []byte) error {
	_, err := io.ReadFull(r.in, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it ends after %d entries without a trailer", ErrCorrupt, r.count)
	}
	if err != nil {
		return err
	}
	r.sum.Write(b)
	return nil
}
