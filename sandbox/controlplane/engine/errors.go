package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is an answer in Google's form: over REST it is the body {"error": {code, message, status}}, over gRPC a status.
type Error struct {
	Code    int    // HTTP status
	Status  string // canonical name, NOT_FOUND and so on
	Message string // what the service says
	Details []any  // google.rpc details, as JSON objects
}

// Error is the text that a client library shows for it.
func (e *Error) Error() string { return e.Message }

// GRPCStatus lets a gRPC service return the error as it is.
func (e *Error) GRPCStatus() *status.Status {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		if canonical[code] == e.Status {
			return status.New(code, e.Message)
		}
	}
	return status.New(codes.Unknown, e.Message)
}

// canonical are the names of google.rpc.Code, by number.
var canonical = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
	"DATA_LOSS", "UNAUTHENTICATED",
}

// reasons are what the older APIs put into error.errors[].reason.
var reasons = map[string]string{
	"NOT_FOUND": "notFound", "ALREADY_EXISTS": "alreadyExists", "ABORTED": "aborted", "INVALID_ARGUMENT": "badRequest",
	"PERMISSION_DENIED": "forbidden", "UNAUTHENTICATED": "authError", "FAILED_PRECONDITION": "failedPrecondition",
	"UNIMPLEMENTED": "notImplemented", "INTERNAL": "backendError",
}

// Failure makes an error of an HTTP status and its canonical name.
func Failure(code int, name, format string, args ...any) *Error {
	return &Error{Code: code, Status: name, Message: fmt.Sprintf(format, args...)}
}

// NotFound makes a 404.
func NotFound(format string, args ...any) *Error {
	return Failure(http.StatusNotFound, "NOT_FOUND", format, args...)
}

func alreadyExists(format string, args ...any) *Error {
	return Failure(http.StatusConflict, "ALREADY_EXISTS", format, args...)
}

func aborted(format string, args ...any) *Error {
	return Failure(http.StatusConflict, "ABORTED", format, args...)
}

// Invalid makes an INVALID_ARGUMENT.
func Invalid(format string, args ...any) *Error {
	return Failure(http.StatusBadRequest, "INVALID_ARGUMENT", format, args...)
}

// Precondition makes a FAILED_PRECONDITION.
func Precondition(format string, args ...any) *Error {
	return Failure(http.StatusBadRequest, "FAILED_PRECONDITION", format, args...)
}

// Denied makes a PERMISSION_DENIED.
func Denied(format string, args ...any) *Error {
	return Failure(http.StatusForbidden, "PERMISSION_DENIED", format, args...)
}

// RPCCode is the number of the error's status, as operations and attempts carry it.
func (e *Error) RPCCode() int {
	for code, name := range canonical {
		if name == e.Status {
			return code
		}
	}
	return 2
}

// body is the JSON that a REST client reads.
func (e *Error) body() object {
	fields := object{
		"code": e.Code, "message": e.Message, "status": e.Status,
		"errors": []any{object{"message": e.Message, "domain": "global", "reason": reasons[e.Status]}},
	}
	if len(e.Details) > 0 {
		fields["details"] = e.Details
	}
	return object{"error": fields}
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	// The client may be gone; nothing can be done for it then.
	_ = json.NewEncoder(w).Encode(value)
}

func writeError(w http.ResponseWriter, err error) {
	var known *Error
	if !errors.As(err, &known) {
		known = Failure(http.StatusInternalServerError, "INTERNAL", "%v", err)
	}
	writeJSON(w, known.Code, known.body())
}
