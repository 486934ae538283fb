package datastore

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/code"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	// maxFailureLine is how much of one line of an error file is looked at. A
	// line may quote the whole document.
	maxFailureLine = 1 << 20
	// maxReason is how many bytes of a reason are kept.
	maxReason = 300
	// maxReasons is how many different reasons are kept; what comes after them only
	// counts.
	maxReasons = 10_000
	// maxFailures is how many failures are kept where Failures.Max does not say.
	maxFailures = 100_000
	// maxErrorBytes is how much of all error files of an import is read.
	maxErrorBytes = 64 << 20
)

// laterReason stands for the reasons beyond maxReasons.
const laterReason = "rejected; the service's error files say why"

// Failure is one document that was refused.
type Failure struct {
	ID     string // "" where the service does not say which
	Place  *Place // where it stands in what was imported; nil where the service does not say
	Reason string // in one line
}

// Place is a line of an imported file. Whether the service counts from 0 or from
// 1 is not documented.
type Place struct {
	URI  string // "" where the service does not name the file
	Line int64  // 0 is the first one, if the service counts from 0
}

// Failures are the documents that an import refused. Error files may be written by
// others too, so what is kept of them is bounded.
type Failures struct {
	ByID    map[string]string // reason for each id that is named
	ByPlace map[Place]string  // reason for each place whose document is not named
	// Max is how many failures are kept: not more documents can have been rejected than
	// were sent. 0, or more than that: maxFailures.
	Max int
	// Unnamed is how many failures name neither a document nor a place.
	Unnamed int64
	// Truncated says that there is more than is kept, or than is read.
	Truncated bool

	reasons int
	uris    map[string]string // each of them once
	read    int64             // bytes of error files
}

// Kept is how many failures are kept.
func (f *Failures) Kept() int { return len(f.ByID) + len(f.ByPlace) }

// AddSamples adds the few failures that an operation shows, unless error files, which list
// all of them, named any.
func (f *Failures) AddSamples(samples []Failure) {
	if f.Kept() > 0 {
		return
	}
	nameless := f.Unnamed
	f.Unnamed = 0
	f.Add(samples...)
	f.Unnamed = max(f.Unnamed, nameless-int64(f.Kept()))
}

// Nameless is how many rejected documents nobody can name, where said is how many were found
// by an id or a place, and counted how many the operation counts, if it counts at all.
func (f *Failures) Nameless(counted, said int64) int64 {
	n := max(counted-said, f.Unnamed)
	if n == 0 && said == 0 && (f.Truncated || f.Kept() > 0) {
		return 1 // at least: something was rejected
	}
	return n
}

// Add adds failures. One that names neither a document nor a place only counts.
func (f *Failures) Add(failures ...Failure) {
	for _, failure := range failures {
		switch {
		case failure.ID == "" && failure.Place == nil:
			f.Unnamed++
		case f.Kept() >= min(cmp.Or(f.Max, maxFailures), maxFailures):
			f.Truncated = true
		case failure.ID != "":
			if f.ByID == nil {
				f.ByID = make(map[string]string)
			}
			// What is kept must not keep the line that it is part of.
			f.ByID[strings.Clone(failure.ID)] = f.reason(failure.Reason)
		default:
			f.addPlace(failure)
		}
	}
}

func (f *Failures) addPlace(failure Failure) {
	if f.ByPlace == nil {
		f.ByPlace, f.uris = make(map[Place]string), make(map[string]string)
	}
	uri, known := f.uris[failure.Place.URI]
	if !known {
		if len(f.uris) > MaxObjects || len(failure.Place.URI) > MaxURI {
			f.Truncated = true // no import has as many objects
			return
		}
		uri = strings.Clone(failure.Place.URI)
		f.uris[uri] = uri
	}
	f.ByPlace[Place{URI: uri, Line: failure.Place.Line}] = f.reason(failure.Reason)
}

func (f *Failures) reason(text string) string {
	if f.reasons++; f.reasons > maxReasons {
		return laterReason
	}
	return strings.Clone(text)
}

// Parse adds what an error file of an import says: one google.rpc.Status as JSON
// per line.
//
// How a line names its document is not documented, so every form that is known
// is tried, from the surest to the vaguest; a line may yield none, or an id
// that is not one. A caller must therefore compare the ids with those that it
// sent, and their number with the number of failures that the operation
// counts. Damaged lines are no error; they name nothing. What is beyond the bounds is
// not read, and Truncated says so.
func (f *Failures) Parse(r io.Reader) error {
	bounded := &io.LimitedReader{R: r, N: maxErrorBytes - f.read}
	defer func() { f.read = maxErrorBytes - max(bounded.N, 0) }()
	in := bufio.NewReaderSize(bounded, 64<<10)
	for {
		line, err := readLine(in, maxFailureLine)
		if bounded.N <= 0 || f.Truncated {
			f.Truncated = true
			return nil
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			f.Add(failuresOfLine(line)...)
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

// failuresOfLine reads one line of an error file. A line that is no JSON, for
// instance because it was cut, is searched as text.
func failuresOfLine(line []byte) []Failure {
	var st struct {
		Code    any    `json:"code"`
		Message string `json:"message"`
		Details any    `json:"details"`
	}
	if err := json.Unmarshal(line, &st); err != nil {
		return named(idsIn([]string{string(line)}), nil, clip(string(line)))
	}
	reason := reasonOf(st.Code, st.Message)
	if ids := idsOfFields(st.Details); len(ids) > 0 {
		return named(ids, nil, reason)
	}
	return named(idsIn(stringsIn(st.Details, []string{st.Message})), placeIn(st.Message, st.Details), reason)
}

// failuresOf reads one error sample of an operation.
func failuresOf(st *rpc.Status) []Failure {
	line, err := protojson.Marshal(st)
	if err != nil { // details of a type that is not linked in
		return named(idsIn([]string{st.GetMessage()}), placeIn(st.GetMessage(), nil), reasonOf(float64(st.GetCode()), st.GetMessage()))
	}
	return failuresOfLine(line)
}

// named makes one failure for each id, or one for the place, nil where it is not known.
func named(ids []string, place *Place, reason string) []Failure {
	if len(ids) == 0 {
		return []Failure{{Place: place, Reason: reason}}
	}
	var failures []Failure
	for _, id := range ids {
		failures = append(failures, Failure{ID: id, Reason: reason})
	}
	return failures
}

// reasonOf is a status in one line: its code's name and its message.
func reasonOf(number any, message string) string {
	name := "error"
	switch n := number.(type) {
	case float64:
		name = fmt.Sprintf("code %v", n)
		if known, ok := code.Code_name[int32(n)]; ok {
			name = known
		}
	case string:
		name = n
	}
	return clip(name + ": " + message)
}

// clip is text in one line of at most maxReason bytes.
func clip(text string) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text[:min(len(text), 4*maxReason)]), " "), "\uFFFD")
	if len(text) <= maxReason {
		return text
	}
	end := maxReason
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
