package source

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"
)

// wire stands between the connection and pgconn. It remembers the longest time for which nobody read,
// and cuts values that are too large before anybody makes room for them: pgconn keeps a whole row in memory, of which
// PostgreSQL sends up to a gigabyte, and the job has half of one. Only rows that are larger than a document may be pay
// for it; of any other, five bytes of header are looked at.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type wire struct {
	in      *bufio.Reader
	conn    stopwatch
	left    int    // bytes of the current message that pass as they are
	rewrote []byte // a message made smaller, not passed on yet
	longest int    // value that passes whole; 0: any
}

// wideRow is how many values of full length a row may have before the others are cut to what an id can need.
const (
	wideRow    = 4
	shortValue = 256
)

const (
	messageHeader = 5 // type and length
	dataRow       = 'D'
)

func newWire() *wire {
	w := &wire{}
	w.in = bufio.NewReaderSize(&w.conn, readBuffer)
	return w
}

// attach begins with a new connection.
func (w *wire) attach(r io.Reader) {
	w.conn.Reader, w.left, w.rewrote = r, 0, nil
	w.in.Reset(&w.conn)
}

// Read implements io.Reader. It waits for the server only while it has nothing to return.
func (w *wire) Read(p []byte) (int, error) {
	total := 0
	for total < len(p) && (total == 0 || w.ready()) {
		if len(w.rewrote) > 0 {
			n := copy(p[total:], w.rewrote)
			w.rewrote, total = w.rewrote[n:], total+n
			continue
		}
		if w.left > 0 {
			n, err := w.in.Read(p[total:min(len(p), total+w.left)])
			w.left, total = w.left-n, total+n
			if err != nil {
				return total, err
			}
			continue
		}
		header, err := w.in.Peek(messageHeader)
		if err != nil {
			return total, err
		}
		length := int(binary.BigEndian.Uint32(header[1:]))
		if w.longest == 0 || header[0] != dataRow || length <= w.longest {
			w.left = 1 + length
			continue
		}
		if total > 0 {
			break
		}
		if err := w.rewrite(length); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// ready reports that there is something to pass on without waiting for the server.
func (w *wire) ready() bool {
	return len(w.rewrote) > 0 || w.left > 0 && w.in.Buffered() > 0 || w.in.Buffered() >= messageHeader
}

// stopwatch measures the longest time for which nobody read.
type stopwatch struct {
	io.Reader
	returned time.Time // from the last read
	unread   time.Duration
}

// Read implements io.Reader.
func (s *stopwatch) Read(p []byte) (int, error) {
	if !s.returned.IsZero() {
		s.unread = max(s.unread, time.Since(s.returned))
	}
	n, err := s.Reader.Read(p)
	s.returned = time.Now()
	return n, err
}

// restart begins a new measurement.
func (s *stopwatch) restart() { s.returned, s.unread = time.Time{}, 0 }

var errWire = errors.New("a row that does not fit its own length")

// rewrite takes a row of the given length and leaves one whose values are cut.
func (w *wire) rewrite(length int) error {
	rest := length - 6 // without the length itself and the number of values
	if rest < 0 {
		return errWire
	}
	out, err := w.take(make([]byte, 0, w.longest), messageHeader+2)
	if err != nil {
		return err
	}
	for range binary.BigEndian.Uint16(out[messageHeader:]) {
		at := len(out)
		if rest -= 4; rest < 0 {
			return errWire
		}
		if out, err = w.take(out, 4); err != nil {
			return err
		}
		size := int(int32(binary.BigEndian.Uint32(out[at:])))
		if size < 0 {
			continue // NULL
		}
		if rest -= size; rest < 0 {
			return errWire
		}
		keep := min(size, w.longest+1)
		if len(out)+keep > wideRow*(w.longest+1) {
			keep = min(size, shortValue)
		}
		if out, err = w.take(out, keep); err != nil {
			return err
		}
		if _, err := w.in.Discard(size - keep); err != nil {
			return err
		}
		binary.BigEndian.PutUint32(out[at:], uint32(keep))
	}
	if rest != 0 {
		return errWire
	}
	binary.BigEndian.PutUint32(out[1:], uint32(len(out)-1))
	w.rewrote = out
	return nil
}

// take appends the next n bytes to out.
func (w *wire) take(out []byte, n int) ([]byte, error) {
	at := len(out)
	out = slices.Grow(out, n)[:at+n]
	_, err := io.ReadFull(w.in, out[at:])
	return out, err
}
