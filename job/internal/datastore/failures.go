package datastore

import (
	"bufio"
	"bytes"
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
)

// Failure is one document that was refused.
type Failure struct {
	ID     string // "" where the service does not say which
	Place  Place  // where it stands in what was imported, as far as the service says
	Reason string // in one line
}

// Place is a line of an imported file. Whether the service counts from 0 or from
// 1 is not documented.
type Place struct {
	URI  string // "" where the service does not name the file
	Line int64
}

// Failures are the documents that an import refused.
type Failures struct {
	ByID    map[string]string // reason for each id that is named
	ByPlace map[Place]string  // reason for each place whose document is not named
}

// Add adds failures. One that names neither a document nor a place is left out.
func (f *Failures) Add(failures ...Failure) {
	for _, failure := range failures {
		switch {
		case failure.ID != "":
			if f.ByID == nil {
				f.ByID = make(map[string]string)
			}
			f.ByID[failure.ID] = failure.Reason
		case failure.Place != Place{}:
			if f.ByPlace == nil {
				f.ByPlace = make(map[Place]string)
			}
			f.ByPlace[failure.Place] = failure.Reason
		}
	}
}

// Parse adds what an error file of an import says: one google.rpc.Status as JSON
// per line.
//
// How a line names its document is not documented, so every form that is known
// is tried, from the surest to the vaguest; a line may yield none, or an id
// that is not one. A caller must therefore compare the ids with those that it
// sent, and their number with the number of failures that the operation
// counts. Damaged lines are no error; they name nothing.
func (f *Failures) Parse(r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(in)
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

// readLine reads a line of any length, and keeps maxFailureLine bytes of it.
func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece[:min(len(piece), maxFailureLine-len(line))]...)
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
		return named(idsIn([]string{string(line)}), Place{}, clip(string(line)))
	}
	reason := reasonOf(st.Code, st.Message)
	if ids := idsOfFields(st.Details); len(ids) > 0 {
		return named(ids, Place{}, reason)
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

// named makes one failure for each id, or one for the place.
func named(ids []string, place Place, reason string) []Failure {
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
	text = strings.ToValidUTF8(oneLine(text[:min(len(text), 4*maxReason)]), "\uFFFD")
	if len(text) <= maxReason {
		return text
	}
	end := maxReason
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
