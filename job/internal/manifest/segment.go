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
	out     *bufio.Writer
	sum     *xxh3.Hasher
	count   uint64
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
func (w *Writer) Put(id []byte, hash uint64) error { return w.put(id, hash, kindUUID, kindText) }

// PutTried records that the service rejected the line with this hash.
func (w *Writer) PutTried(id []byte, hash uint64) error {
	return w.put(id, hash, kindUUIDTried, kindTextTried)
}

func (w *Writer) put(id []byte, hash uint64, uuid, text byte) error {
	b, err := w.appendID(id, uuid, text)
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

// reader decodes a segment. Entries are handed out before the checksum at the end is seen, so a caller must not act on
// any of them before next has returned io.EOF, as it does after the last one of an undamaged segment.
type reader struct {
	in    io.Reader
	sum   *xxh3.Hasher
	count uint64
	buf   []byte // what was read: the part before pos was taken, the part before done is in the checksum
	pos   int
	done  int
	id    [36]byte
}

// readerBuffer is what one read of the segment may return.
const readerBuffer = 64 << 10

// newReader reads the segment in r.
func newReader(r io.Reader) (*reader, error) {
	sr := &reader{in: r, sum: xxh3.New(), buf: make([]byte, 0, readerBuffer)}
	head, err := sr.take(len(magic))
	if err != nil {
		return nil, err
	}
	if string(head) != magic {
		return nil, fmt.Errorf("%w: it begins with %q, not %q", ErrCorrupt, head, magic)
	}
	return sr, nil
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
	switch k := kind[0]; k {
	case kindUUID, kindUUIDTried, kindUUIDGone:
		return r.entry(16, entry{uuid: true, tried: k == kindUUIDTried, gone: k == kindUUIDGone})
	case kindText, kindTextTried, kindTextGone:
		n, err := r.take(1)
		if err != nil {
			return entry{}, err
		}
		if n[0] == 0 || n[0] > MaxID {
			return entry{}, fmt.Errorf("%w: id of %d bytes", ErrCorrupt, n[0])
		}
		return r.entry(int(n[0]), entry{tried: k == kindTextTried, gone: k == kindTextGone})
	case kindEnd:
		return entry{}, r.end()
	default:
		return entry{}, fmt.Errorf("%w: unknown entry kind %#x", ErrCorrupt, k)
	}
}

// entry reads an id of n bytes and, unless the entry removes it, its hash.
func (r *reader) entry(n int, e entry) (entry, error) {
	if e.gone {
		id, err := r.take(n)
		e.id = id
		r.count++
		return e, err
	}
	b, err := r.take(n + 8)
	if err != nil {
		return e, err
	}
	e.id, e.hash = b[:n], binary.BigEndian.Uint64(b[n:])
	r.count++
	return e, nil
}

// end checks the trailer and that nothing follows it.
func (r *reader) end() error {
	count, err := r.take(8)
	if err != nil {
		return err
	}
	if n := binary.BigEndian.Uint64(count); n != r.count {
		return fmt.Errorf("%w: %d entries, its trailer says %d", ErrCorrupt, r.count, n)
	}
	r.add()
	want := r.sum.Sum64()
	sum, err := r.take(8)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint64(sum) != want {
		return fmt.Errorf("%w: checksum mismatch", ErrCorrupt)
	}
	switch err := r.fill(1); {
	case err == nil:
		return fmt.Errorf("%w: data behind its end", ErrCorrupt)
	case err != io.EOF:
		return err
	}
	return io.EOF
}

// take returns the next n bytes; they are valid until the next take.
func (r *reader) take(n int) ([]byte, error) {
	if len(r.buf)-r.pos < n {
		err := r.fill(n)
		if err == io.EOF {
			return nil, fmt.Errorf("%w: it ends after %d entries without a trailer", ErrCorrupt, r.count)
		}
		if err != nil {
			return nil, err
		}
	}
	b := r.buf[r.pos : r.pos+n]
	r.pos += n
	return b, nil
}

// add puts what was taken into the checksum, many entries at a time.
func (r *reader) add() {
	r.sum.Write(r.buf[r.done:r.pos])
	r.done = r.pos
}

// fill reads until n bytes can be taken; io.EOF says that there are fewer.
func (r *reader) fill(n int) error {
	r.add()
	rest := copy(r.buf[:cap(r.buf)], r.buf[r.pos:])
	r.buf, r.pos, r.done = r.buf[:rest], 0, 0
	for empty := 0; len(r.buf) < n; empty++ {
		got, err := r.in.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+got]
		switch {
		case len(r.buf) >= n:
			return nil // an error that came with the bytes comes again
		case err != nil:
			return err
		case got > 0:
			empty = 0
		case empty > 100:
			return io.ErrNoProgress
		}
	}
	return nil
}
