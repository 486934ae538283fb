package datastore

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// lineBuffer is what is read of an imported file at a time.
const lineBuffer = 256 << 10

// In reports whether a failure names a line of the imported file uri alone. isOnly says that the import had no other file,
// so that a place without a file lies in it too.
func (f *Failures) In(uri string, isOnly bool) bool { return len(f.linesOf(uri, isOnly)) > 0 }

// Locate reads the imported file uri and puts the ids of the documents at the failed lines, with the reasons, into
// suspects. It returns how many failed lines lie in the file. The service does not say whether it counts lines from 0 or
// from 1, so the line after one is a suspect too.
func (f *Failures) Locate(file io.Reader, uri string, isOnly bool, suspects map[string]string) (located int64, err error) {
	reasons := f.linesOf(uri, isOnly)
	lines := bufio.NewReaderSize(file, lineBuffer)
	for n := int64(1); ; n++ {
		reason, isSuspect := reasons[n]
		if before, ok := reasons[n-1]; ok {
			reason, isSuspect = before, true
		}
		line, err := wholeLine(lines, isSuspect)
		var document struct {
			ID string `json:"id"`
		}
		if len(line) > 0 && json.Unmarshal(line, &document) == nil { // our own line, unless somebody changed the file
			suspects[document.ID] = reason
		}
		if err == io.EOF {
			return int64(len(reasons)), nil
		}
		if err != nil {
			return 0, err
		}
	}
}

func (f *Failures) linesOf(uri string, isOnly bool) map[int64]string {
	reasons := map[int64]string{}
	for place, reason := range f.ByPlace {
		if place.URI == uri || place.URI == "" && isOnly {
			reasons[place.Line] = reason
		}
	}
	return reasons
}

// wholeLine reads a line of any length and returns it if it is wanted.
func wholeLine(in *bufio.Reader, wanted bool) (line []byte, err error) {
	for {
		piece, err := in.ReadSlice('\n')
		if wanted {
			line = append(line, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
