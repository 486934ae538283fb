package refusal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"

	"vertexmetadata/job/internal/words"
)

// maxMessage is how many bytes of a service's words are kept: they may be a proxy's whole page.
const maxMessage = 400

// answer is what a service said, in whichever protocol, or what kept the call from it.
type answer struct {
	code     codes.Code
	reasons  []string
	metadata map[string]string // of ErrorInfo, and "uid" also from a violated precondition
	message  string            // in one line to which more can be added
}

// read understands the errors of gRPC, of the storage API, and of the way to them.
func read(err error) answer {
	a := answer{code: codes.Unknown, metadata: map[string]string{}, message: err.Error()}
	var said *apierror.APIError // in the chain already, or else made of it
	if !errors.As(err, &said) {
		said, _ = apierror.FromError(err)
	}
	if said != nil {
		a.code, a.message = said.GRPCStatus().Code(), said.Message()
		a.readDetails(said)
	}
	var api *googleapi.Error
	var lost *url.Error
	switch {
	case errors.As(err, &api):
		a.readHTTP(api)
	case said == nil && errors.As(err, &lost):
		a.message = lost.Err.Error() // the address of an upload is as good as a key to it
	}
	if errors.Is(err, context.DeadlineExceeded) {
		a.code = codes.DeadlineExceeded
	}
	a.message = Line(withoutPage(a.message))
	return a
}

var webPage = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)^\s*<(?:!doctype|html|head)\b(?:.*?<title[^>]*>(.*?)</title>)?`)
})

// withoutPage is what a service said, or the title of the page that a proxy, a firewall or a login put in its place.
func withoutPage(message string) string {
	page := webPage().FindStringSubmatch(message)
	if page == nil {
		return message
	}
	if page[1] == "" {
		return "a web page without a title"
	}
	return fmt.Sprintf("a web page with the title %q", Line(page[1]))
}

func (a *answer) readDetails(details *apierror.APIError) {
	if reason := details.Reason(); reason != "" {
		a.reasons = append(a.reasons, reason)
	}
	maps.Copy(a.metadata, details.Metadata())
	for _, violation := range details.Details().PreconditionFailure.GetViolations() {
		if violation.GetType() == "VPC_SERVICE_CONTROLS" {
			a.reasons = append(a.reasons, violation.GetType())
			a.metadata["uid"] = violation.GetDescription()
		}
	}
}

// Text is what a service said, in one line, or what kept a call from it.
func Text(err error) string {
	return read(err).message
}

// readHTTP reads the message and the reasons of the storage API. Those of a refused read are left in the
// body by the client, and it is not always JSON.
func (a *answer) readHTTP(api *googleapi.Error) {
	if a.message == "" {
		var parsed *googleapi.Error
		if errors.As(googleapi.CheckResponseWithBody(&http.Response{StatusCode: api.Code}, []byte(api.Body)), &parsed) {
			api = parsed
		}
		a.message = cmp.Or(api.Message, Line(api.Body), http.StatusText(api.Code))
	}
	for _, e := range api.Errors {
		a.reasons = append(a.reasons, e.Reason)
	}
	for _, detail := range api.Details { // apierror reads none beside the errors that this API lists
		fields, _ := detail.(map[string]any)
		if reason, ok := fields["reason"].(string); ok {
			a.reasons = append(a.reasons, reason)
		}
		metadata, _ := fields["metadata"].(map[string]any)
		for key, value := range metadata {
			a.metadata[key] = fmt.Sprint(value)
		}
	}
}

func (a *answer) hasReason(reason string) bool { return slices.Contains(a.reasons, reason) }

// gcloudProjects are the projects of gcloud's own clients, to which a request without a
// quota project is billed.
var gcloudProjects = []string{"764086051850", "32555940559", "618104708054"}

// foreign reports whether the request was surely billed to another project than the
// target's: ids and numbers of one project cannot be distinguished.
func (a *answer) foreign(t Target) bool {
	consumer := strings.TrimPrefix(a.metadata["consumer"], "projects/")
	switch {
	case consumer == "" || t.Project == "" || consumer == t.Project:
		return false
	case slices.Contains(gcloudProjects, consumer):
		return true
	}
	return IsNumber(consumer) == IsNumber(t.Project)
}

// IsNumber reports whether a project is named by its number, and not by its id.
func IsNumber(project string) bool { return strings.Trim(project, "0123456789") == "" }

var uniqueIdentifier = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)vpcServiceControlsUniqueIdentifier:\s*"?([A-Za-z0-9_=-]+)`)
})

// uid identifies a refusal of VPC Service Controls to those who run it.
func (a *answer) uid() string {
	if uid := a.metadata["uid"]; uid != "" {
		return Line(uid)
	}
	if match := uniqueIdentifier().FindStringSubmatch(a.message); match != nil {
		return match[1]
	}
	return ""
}

// Line is text in one line, without the full stop at its end and without what a terminal would obey.
func Line(text string) string {
	text = words.Line(strings.ToValidUTF8(text[:min(len(text), 4*maxMessage)], ""))
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "")
	}
	return strings.TrimRight(text, ". ")
}
