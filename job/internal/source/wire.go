package source

import (
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// wire stands between the connection and pgconn. It counts what comes, remembers the longest time for which nobody read,
// and cuts values that are too large before anybody makes room for them: pgconn keeps a whole row in memory, of which
// PostgreSQL sends up to a gigabyte, and the job has half of one. Only rows that are larger than a document may be pay
// for it; of any other, five bytes of header are looked at.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type wire struct {
	r        io.Reader
	buf      []byte
	from, to int    // what of buf is not passed on yet
	left     int    // bytes of the current message that pass as they are
	rewrote  []byte // a message made smaller, not passed on yet

	longest int // value that passes whole; 0: any

	returned time.Time // from the last read
	unread   time.Duration
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

func newWire() *wire { return &wire{buf: make([]byte, readBuffer)} }

// attach begins with a new connection.
func (w *wire) attach(r io.Reader) {
	w.r, w.from, w.to, w.left, w.rewrote = r, 0, 0, 0, nil
}

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	total := 0
	for total < len(p) {
		if len(w.rewrote) > 0 {
			n := copy(p[total:], w.rewrote)
			w.rewrote, total = w.rewrote[n:], total+n
			continue
		}
		if w.left > 0 && w.from < w.to {
			n := copy(p[total:], w.buf[w.from:min(w.to, w.from+w.left)])
			w.from, w.left, total = w.from+n, w.left-n, total+n
			continue
		}
		if w.left > 0 || w.to-w.from < messageHeader {
			if total > 0 {
				return total, nil
			}
			if err := w.fill(); err != nil {
				return 0, err
			}
			continue
		}
		length := int(binary.BigEndian.Uint32(w.buf[w.from+1:]))
		if w.longest > 0 && w.buf[w.from] == dataRow && length > w.longest {
			if total > 0 {
				return total, nil
			}
			if err := w.rewrite(length); err != nil {
				return 0, err
			}
			continue
		}
		w.left = 1 + length
	}
	return total, nil
}

// fill reads from the connection, and keeps what is there already.
func (w *wire) fill() error {
	if !w.returned.IsZero() {
		w.unread = max(w.unread, time.Since(w.returned))
	}
	w.from, w.to = 0, copy(w.buf, w.buf[w.from:w.to])
	n, err := w.r.Read(w.buf[w.to:])
	w.to += n
	w.returned = time.Now()
	if n > 0 {
		return nil
	}
	return err
}

// restart begins a new measurement of the time for which nobody read.
func (w *wire) restart() { w.returned, w.unread = time.Time{}, 0 }

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
		if err := w.drop(size - keep); err != nil {
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
	for n > 0 {
		if err := w.some(); err != nil {
			return nil, err
		}
		part := w.buf[w.from:min(w.to, w.from+n)]
		out, w.from, n = append(out, part...), w.from+len(part), n-len(part)
	}
	return out, nil
}

// drop passes over the next n bytes.
func (w *wire) drop(n int) error {
	for n > 0 {
		if err := w.some(); err != nil {
			return err
		}
		part := min(w.to-w.from, n)
		w.from, n = w.from+part, n-part
	}
	return nil
}

// some makes sure that there is something to take.
func (w *wire) some() error {
	for w.from == w.to {
		if err := w.fill(); err != nil {
			return err
		}
	}
	return nil
}
