package datastore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
	"sync"
)

// Error files may be written by others too, so what is read and kept of them is bounded.
const (
	// maxErrorFiles bounds how many of the service's error files are read; an import has at most 100 objects.
	maxErrorFiles = 1000
	// maxErrorBytes is how much of all error files of an import is read.
	maxErrorBytes = 64 << 20
	// maxErrorLine is how much of one line of an error file is looked at. A
	// line may quote the whole document.
	maxErrorLine = 1 << 20
	// maxKept is how many failures are kept.
	maxKept = 100_000
)

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
	ByID      map[string]string // reason for each id that is named
	Located   int64             // documents of which the service says the line alone
	Suspects  map[string]string // ids at such a line, or next to it -> reason
	Truncated bool              // there is more than is kept, or than is read

	files   Files
	lines   map[string]map[int64]string // URI of an imported object -> line -> reason, for documents that are not named
	unnamed int64                       // failures that name neither a document nor a line
	read    int64                       // bytes of error files
}

// Rejected reads which documents a done import did not take: from the service's error files, or from the few samples in the
// operation where there are none.
func (p Progress) Rejected(files Files) (Rejected, error) {
	x := newRejected(files)
	if err := x.readErrorFiles(); err != nil {
		return x, err
	}
	if x.Kept() == 0 {
		unnamed := x.unnamed
		x.unnamed = 0
		x.add(p.Samples...)
		x.unnamed = max(x.unnamed, unnamed-int64(x.Kept()))
	}
	for _, name := range files.Imported {
		if err := x.locate(name); err != nil {
			return x, err
		}
	}
	return x, nil
}

func newRejected(files Files) Rejected {
	x := Rejected{ByID: map[string]string{}, Suspects: map[string]string{}, files: files, lines: map[string]map[int64]string{}}
	for _, name := range files.Imported {
		x.lines[files.URI(name)] = map[int64]string{}
	}
	return x
}

// Kept is how many failures are kept.
func (x *Rejected) Kept() int {
	kept := len(x.ByID)
	for _, lines := range x.lines {
		kept += len(lines)
	}
	return kept
}

// Nameless is how many rejected documents nobody can name, where said is how many were found
// by an id or a line, and counted how many the operation counts, if it counts at all: a line of an error file may be a part
// of an error, as in JSON that is indented.
func (x *Rejected) Nameless(counted, said int64) int64 {
	n := max(counted-said, 0)
	if counted == 0 {
		n = x.unnamed
	}
	if n == 0 && said == 0 && (x.Truncated || x.Kept() > 0) {
		return 1 // at least: something was rejected
	}
	return n
}

// add adds failures. No more documents can have been rejected than were sent. What is kept must not keep the line that it
// is part of.
func (x *Rejected) add(failures ...Failure) {
	for _, f := range failures {
		if f.URI == "" && len(x.files.Imported) == 1 {
			f.URI = x.files.URI(x.files.Imported[0]) // where else?
		}
		lines := x.lines[f.URI] // nil where the import did not read that
		switch {
		case f.ID == "" && (f.Line < 0 || lines == nil):
			x.unnamed++
		case x.Kept() >= min(int(x.files.Sent), maxKept):
			x.Truncated = true
		case f.ID != "":
			x.ByID[strings.Clone(f.ID)] = strings.Clone(f.Reason)
		default:
			lines[f.Line] = strings.Clone(f.Reason)
		}
	}
}

func (x *Rejected) readErrorFiles() error {
	if x.files.Errors == nil {
		return nil
	}
	read := 0
	for name, err := range x.files.Errors {
		if err != nil {
			return err
		}
		if read++; read > maxErrorFiles {
			x.Truncated = true // more than anybody reads
		}
		if x.Truncated {
			return nil
		}
		in, err := x.files.Open(name)
		if err != nil {
			return err
		}
		if err := errors.Join(x.parse(in), in.Close()); err != nil {
			return fmt.Errorf("read import errors %s: %w", x.files.URI(name), err)
		}
	}
	return nil
}

// parse adds what an error file of an import says: one google.rpc.Status as JSON
// per line.
//
// How a line names its document is not documented, so every form that is known
// is tried, from the surest to the vaguest; a line may yield none, or an id
// that is not one. A caller must therefore compare the ids with those that it
// sent, and their number with the number of failures that the operation
// counts. Damaged lines are no error; they name nothing. What is beyond the bounds is
// not read, and Truncated says so.
func (x *Rejected) parse(r io.Reader) error {
	bounded := &io.LimitedReader{R: r, N: maxErrorBytes - x.read}
	defer func() { x.read = maxErrorBytes - max(bounded.N, 0) }()
	in := bufio.NewReaderSize(bounded, 64<<10)
	for {
		line, err := readLine(in, maxErrorLine)
		if bounded.N <= 0 || x.Truncated {
			x.Truncated = true
			return nil
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			x.add(failuresOfLine(line)...)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readLine reads a line of any length, and keeps the first most bytes of it.
func readLine(in *bufio.Reader, most int) (line []byte, err error) {
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece[:min(len(piece), most-len(line))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// locate looks up the documents at the failed lines that lie in an object of the import.
func (x *Rejected) locate(name string) error {
	uri := x.files.URI(name)
	reasons := x.lines[uri]
	if len(reasons) == 0 {
		return nil
	}
	in, err := x.files.Open(name)
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

// ownLine is how a document's line begins, package document writes it.
var ownLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*\{\s*"id"\s*:\s*"([A-Za-z0-9_-]{1,128})"`) })

// lineStart is how much of a line is looked at: what ownLine can match.
const lineStart = 512
