package datastore

import (
	"cmp"
	"encoding/json"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/code"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"vertexmetadata/job/internal/refusal"
)

// Failure is one document that was refused.
type Failure struct {
	ID     string // "" where the service does not say which
	URI    string // the imported file where it stands, "" where the service does not say
	Line   int64  // of the file, below 0 where the service does not say; whether it counts from 0 or from 1 is not documented
	Reason string // in one line
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
		st.Message = string(line)
		return failuresIn(st.Message, nil, refusal.Line(st.Message))
	}
	return failuresIn(st.Message, st.Details, reasonOf(st.Code, st.Message))
}

// failuresOf reads one error sample of an operation.
func failuresOf(st *rpc.Status) []Failure {
	line, err := protojson.Marshal(st)
	if err != nil { // details of a type that is not linked in
		return failuresIn(st.GetMessage(), nil, reasonOf(float64(st.GetCode()), st.GetMessage()))
	}
	return failuresOfLine(line)
}

// failuresIn makes one failure for each id that is named, or one for the line.
func failuresIn(message string, details any, reason string) (failures []Failure) {
	ids := find(details, isID, "documentId", "document_id", "id")
	if ids == nil {
		ids = idsIn(stringsIn(details, []string{message}))
	}
	for _, id := range ids {
		failures = append(failures, Failure{ID: id, Line: -1, Reason: reason})
	}
	if failures == nil {
		uri, line := placeIn(message, details)
		failures = []Failure{{URI: uri, Line: line, Reason: reason}}
	}
	return failures
}

// reasonOf is a status in one line: its code's name and its message.
func reasonOf(number any, message string) string {
	name, _ := number.(string)
	if n, ok := number.(float64); ok {
		name = cmp.Or(code.Code_name[int32(n)], fmt.Sprintf("code %v", n))
	}
	return refusal.Line(cmp.Or(name, "error") + ": " + message)
}
