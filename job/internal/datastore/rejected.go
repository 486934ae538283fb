package datastore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"sync"
)

// maxErrorFiles bounds how many of the service's error files are read; an import has at most 100 objects.
const maxErrorFiles = 1000

// Files are those of an import, in a bucket.
type Files struct {
	Sent     int64                    // how many documents the import was given
	Imported []string                 // names of the objects that the service read, none for an inline import
	Errors   iter.Seq2[string, error] // names of the service's error files, nil without a folder for them
	URI      func(name string) string // of an object
	Open     func(name string) (io.ReadCloser, error)
}

// Rejected are the documents of an import that the service did not take, as far as it says which.
type Rejected struct {
	Failures
	Located  int64             // documents of which the service says the line alone
	Suspects map[string]string // ids at such a line, or next to it -> reason
}

// Rejected reads which documents a done import did not take: from the service's error files, or from the few samples in the
// operation where there are none.
func (p Progress) Rejected(files Files) (Rejected, error) {
	x := Rejected{Failures: Failures{Max: int(files.Sent)}, Suspects: map[string]string{}}
	if err := x.readErrorFiles(files); err != nil {
		return x, err
	}
	x.AddSamples(p.Samples)
	for _, name := range files.Imported {
		if err := x.locate(files, name); err != nil {
			return x, err
		}
	}
	return x, nil
}

func (x *Rejected) readErrorFiles(files Files) error {
	if files.Errors == nil {
		return nil
	}
	read := 0
	for name, err := range files.Errors {
		if err != nil {
			return err
		}
		if read++; read > maxErrorFiles {
			x.Truncated = true // more than anybody reads
		}
		if x.Truncated {
			return nil
		}
		in, err := files.Open(name)
		if err != nil {
			return err
		}
		if err := errors.Join(x.Parse(in), in.Close()); err != nil {
			return fmt.Errorf("read import errors %s: %w", files.URI(name), err)
		}
	}
	return nil
}

// locate looks up the documents at the failed lines that lie in an object of the import.
func (x *Rejected) locate(files Files, name string) error {
	uri := files.URI(name)
	reasons := x.linesOf(uri, len(files.Imported) == 1)
	if len(reasons) == 0 {
		return nil
	}
	in, err := files.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := suspectsIn(in, reasons, x.Suspects); err != nil {
		return fmt.Errorf("look up rejected documents in %s: %w", uri, err)
	}
	x.Located += int64(len(reasons))
	return nil
}

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
