package datastore

import (
	"bufio"
	"io"
	"regexp"
	"sync"
)

// lineBuffer is what is read of an imported file at a time.
const lineBuffer = 256 << 10

// suspectsIn reads an imported file and puts the ids of the documents at the failed lines, with the reasons, into suspects.
// The service does not say whether it counts lines from 0 or from 1, so the line after one is a suspect too.
func suspectsIn(file io.Reader, reasons map[int64]string, suspects map[string]string) error {
	lines := bufio.NewReaderSize(file, lineBuffer)
	for n := int64(1); ; n++ {
		reason, isSuspect := reasons[n]
		if before, ok := reasons[n-1]; ok {
			reason, isSuspect = before, true
		}
		most := 0
		if isSuspect {
			most = lineStart
		}
		line, err := readLine(lines, most)
		if match := ownLine().FindSubmatch(line); match != nil { // our own line, unless somebody changed the file
			suspects[string(match[1])] = reason
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// linesOf are the failed lines of the imported file uri, and why they failed. A place without a file lies in it too if the
// import had no other.
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
