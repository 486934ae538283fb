package datastore

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"sync"
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
		line, err := startOfLine(lines, isSuspect)
		if match := ownLine().FindSubmatch(line); match != nil { // our own line, unless somebody changed the file
			suspects[string(match[1])] = reason
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

// ownLine is how a document's line begins, package document writes it.
var ownLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*\{\s*"id"\s*:\s*"([A-Za-z0-9_-]{1,128})"`) })

// lineStart is how much of a line is looked at: what ownLine can match.
const lineStart = 512

// startOfLine reads a line of any length and returns its beginning if it is wanted.
func startOfLine(in *bufio.Reader, wanted bool) (line []byte, err error) {
	for {
		piece, err := in.ReadSlice('\n')
		if wanted {
			line = append(line, piece[:min(len(piece), lineStart-len(line))]...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
