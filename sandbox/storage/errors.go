package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
)

// apiError is an error as the service reports it.
type apiError struct {
	status  int
	reason  string
	message string
}

func (e apiError) Error() string { return e.message }

// errCutOff ends a request whose connection a fault switch cut: there is nobody to answer.
var errCutOff = errors.New("connection cut by a fault switch")

// The service's own answers. 304 has no body and is no failure to the service, but ends the handling here.
var (
	errNoBucket      = notFound("The specified bucket does not exist.")
	errPrecondition  = apiError{http.StatusPreconditionFailed, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."}
	errNotModified   = apiError{http.StatusNotModified, "notModified", "Not Modified"}
	errUnknownUpload = notFound("Not Found")
)

// reasons are the words that go with a status in an error's body.
var reasons = map[int]string{
	http.StatusBadRequest:          "invalid",
	http.StatusUnauthorized:        "required",
	http.StatusForbidden:           "forbidden",
	http.StatusNotFound:            "notFound",
	http.StatusRequestTimeout:      "uploadBrokenConnection",
	http.StatusConflict:            "conflict",
	http.StatusPreconditionFailed:  "conditionNotMet",
	http.StatusTooManyRequests:     "rateLimitExceeded",
	http.StatusInternalServerError: "internalError",
	http.StatusNotImplemented:      "notImplemented",
	http.StatusBadGateway:          "badGateway",
	http.StatusServiceUnavailable:  "backendError",
	http.StatusGatewayTimeout:      "gatewayTimeout",
}

// xmlCodes are the XML API's words for the same.
var xmlCodes = map[int]string{
	http.StatusBadRequest:         "InvalidArgument",
	http.StatusUnauthorized:       "AuthenticationRequired",
	http.StatusForbidden:          "AccessDenied",
	http.StatusNotFound:           "NoSuchKey",
	http.StatusPreconditionFailed: "PreconditionFailed",
	http.StatusTooManyRequests:    "SlowDown",
	http.StatusServiceUnavailable: "ServiceUnavailable",
}

func notFound(message string) apiError {
	return apiError{http.StatusNotFound, "notFound", message}
}

func noObject(bucket, object string) apiError {
	return notFound(fmt.Sprintf("No such object: %s/%s", bucket, object))
}

func badRequest(format string, args ...any) apiError {
	return apiError{http.StatusBadRequest, "invalid", fmt.Sprintf(format, args...)}
}

// notImplemented is loud where silence would let a test pass for the wrong reason.
func notImplemented(what string) apiError {
	return apiError{http.StatusNotImplemented, "notImplemented", "The storage sandbox does not implement " + what + "."}
}

// fail answers with an error in the form of the API that was asked, once the request has arrived: a client that has an
// answer may reuse the buffer that it was sending from.
func (w *reply) fail(r *http.Request, err error) {
	_, _ = io.Copy(io.Discard, r.Body)
	var known apiError
	if !errors.As(err, &known) {
		known = apiError{http.StatusInternalServerError, "internalError", err.Error()}
	}
	if known.status == http.StatusNotModified {
		w.WriteHeader(known.status)
		return
	}
	var body []byte
	if w.request.XML {
		w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
		code := xmlCodes[known.status]
		if known == errNoBucket {
			code = "NoSuchBucket"
		}
		body = fmt.Appendf(nil, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>%s</Message></Error>",
			code, html.EscapeString(known.message))
	} else {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		body, _ = json.Marshal(known.body()) // strings and a number always encode
	}
	w.WriteHeader(known.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func (e apiError) body() any {
	type detail struct {
		Message string `json:"message"`
		Domain  string `json:"domain"`
		Reason  string `json:"reason"`
	}
	var body struct {
		Error struct {
			Code    int      `json:"code"`
			Message string   `json:"message"`
			Errors  []detail `json:"errors"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = e.status, e.message
	body.Error.Errors = []detail{{e.message, "global", e.reason}}
	return body
}
