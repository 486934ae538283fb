package refusal

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

var update = flag.Bool("update", false, "write the golden file anew")

// rpc is a refusal over gRPC.
func rpc(code codes.Code, message string, details ...protoadapt.MessageV1) error {
	st, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func info(reason string, metadata map[string]string) protoadapt.MessageV1 {
	return &errdetails.ErrorInfo{Reason: reason, Domain: "googleapis.com", Metadata: metadata}
}

// web is a refusal of the storage API.
func web(code int, reason, message string) error {
	return &googleapi.Error{Code: code, Message: message, Errors: []googleapi.ErrorItem{{Reason: reason, Message: message}}}
}

func dial(err error) error {
	return &url.Error{Op: "Get", URL: "https://storage.googleapis.com/upload?upload_id=key", Err: err}
}

var (
	storage = Target{Service: Storage, Project: "shop", Bucket: "posts"}
	search  = Target{Service: Search, Project: "shop", Location: "eu"}
	secrets = Target{Service: Secrets, Project: "shop"}
)

const uid = "eYhDkfYCu-dOCjuj8X4Am9-spkxs0-kX5YnhAJmc3PZ7pmNNfSsqtQ"

// refusals are true ones, from public reports where there are any.
var refusals = []struct {
	name string
	t    Target
	err  error
}{
	{"quota project", search, rpc(codes.PermissionDenied, "Your application is authenticating by using local Application Default Credentials. The discoveryengine.googleapis.com API requires a quota project, which is not set by default. To learn how to set your quota project, see https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds .",
		info("SERVICE_DISABLED", map[string]string{"consumer": "projects/764086051850", "service": "discoveryengine.googleapis.com"}))},
	{"quota project, text alone", secrets, rpc(codes.PermissionDenied, "Your application is authenticating by using local Application Default Credentials. The secretmanager.googleapis.com API requires a quota project, which is not set by default.")},
	{"billed to gcloud's own project", search, rpc(codes.PermissionDenied, "Discovery Engine API has not been used in project 764086051850 before or it is disabled.", info("SERVICE_DISABLED", map[string]string{"consumer": "projects/764086051850"}))},
	{"billed to another project", search, rpc(codes.PermissionDenied, "Discovery Engine API has not been used in project playground before or it is disabled.", info("SERVICE_DISABLED", map[string]string{"consumer": "projects/playground"}))},
	{"quota project denied", secrets, rpc(codes.PermissionDenied, "Caller does not have required permission to use project shop. Grant the caller the roles/serviceusage.serviceUsageConsumer role.", info("USER_PROJECT_DENIED", map[string]string{"consumer": "projects/shop"}))},
	{"API disabled", search, rpc(codes.PermissionDenied, "Discovery Engine API has not been used in project shop before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/discoveryengine.googleapis.com/overview?project=shop then retry.", info("SERVICE_DISABLED", map[string]string{"consumer": "projects/shop"}))},
	{"API disabled, project by number", search, rpc(codes.PermissionDenied, "Discovery Engine API has not been used in project 123456789012 before or it is disabled.", info("SERVICE_DISABLED", map[string]string{"consumer": "projects/123456789012"}))},
	{"storage API disabled", storage, web(403, "accessNotConfigured", "Access Not Configured. Cloud Storage JSON API has not been used in project 123456789012 before or it is disabled.")},
	{"token scopes", secrets, rpc(codes.PermissionDenied, "Request had insufficient authentication scopes.", info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", nil))},
	{"token scopes of storage", storage, web(403, "insufficientPermissions", "Insufficient Permission")},
	{"credentials expired", search, rpc(codes.Unauthenticated, "transport: per-RPC creds failed due to error: auth: cannot fetch token: 400\nResponse: {\"error\":\"invalid_grant\",\"error_description\":\"reauth related error (invalid_rapt)\",\"error_subtype\":\"invalid_rapt\"}")},
	{"credentials expired on the way to storage", storage, dial(errors.New(`oauth2: "invalid_grant" "reauth related error (rapt_required)" "https://support.google.com/a/answer/9368756"`))},
	{"credentials revoked", storage, errors.New(`oauth2: "invalid_grant" "Token has been expired or revoked."`)},
	{"no credentials", storage, errors.New("credentials: could not find default credentials. See https://cloud.google.com/docs/authentication/external/set-up-adc for more information")},
	{"account disabled", storage, web(403, "forbidden", "The service account job@shop.iam.gserviceaccount.com is disabled.")},
	{"VPC Service Controls", search, rpc(codes.PermissionDenied, "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: "+uid,
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: "VPC_SERVICE_CONTROLS", Description: uid}}},
		info("SECURITY_POLICY_VIOLATED", map[string]string{"service": "discoveryengine.googleapis.com", "uid": uid, "consumer": "projects/shop"}))},
	{"VPC Service Controls, text alone", secrets, rpc(codes.PermissionDenied, "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: "+uid+".")},
	{"VPC Service Controls, precondition alone", secrets, rpc(codes.PermissionDenied, "Request is prohibited by organization's policy.", &errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: "VPC_SERVICE_CONTROLS", Description: uid}}})},
	{"VPC Service Controls of storage", storage, web(403, "vpcServiceControls", "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: "+uid+".")},
	{"VPC Service Controls, refused read", storage, &googleapi.Error{Code: 403, Body: `{"error":{"code":403,"message":"Request is prohibited by organization's policy.","errors":[{"reason":"forbidden"}],"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SECURITY_POLICY_VIOLATED","metadata":{"uid":"` + uid + `"}}]}}`}},
	{"IP filter", storage, web(403, "forbidden", "There is an IP filtering condition that is preventing access to the resource.")},
	{"deny policy", secrets, rpc(codes.PermissionDenied, "Permission 'secretmanager.versions.access' denied on resource: blocked by an IAM deny policy.")},
	{"key denied", storage, web(403, "forbidden", "Permission denied on Cloud KMS key. Please ensure that your Cloud Storage service account has been authorized to use this key.")},
	{"key denied to search", search, rpc(codes.FailedPrecondition, "Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource 'projects/shop/locations/eu/keyRings/r/cryptoKeys/k' (or it may not exist).")},
	{"key disabled", storage, web(400, "invalid", "projects/shop/locations/eu/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.")},
	{"key destroyed", secrets, rpc(codes.FailedPrecondition, "Cloud KMS key version projects/shop/locations/eu/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1 is destroyed.")},
	{"billing", storage, web(403, "accountDisabled", "The billing account for the owning project is disabled in state absent")},
	{"billing of search", search, rpc(codes.PermissionDenied, "This API method requires billing to be enabled. Please enable billing on project #123456789012 by visiting https://console.developers.google.com/billing/enable?project=123456789012 then retry.", info("BILLING_DISABLED", map[string]string{"consumer": "projects/123456789012"}))},
	{"billing never set up", storage, web(403, "accountDisabled", "The project to be billed has not configured billing.")},
	{"requester pays", storage, web(400, "required", "Bucket is requester pays bucket but no user project provided.")},
	{"retention policy", storage, web(403, "retentionPolicyNotMet", "Object 'posts/metadata/x' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until 2026-12-24T00:00:00.000000Z")},
	{"hold", storage, web(403, "objectUnderActiveHold", "Object 'posts/metadata/x' is under active Event-Based hold and cannot be deleted, overwritten or archived until hold is removed.")},
	{"no bucket", storage, web(404, "notFound", "The specified bucket does not exist.")},
	{"no object", storage, web(404, "notFound", "No such object: posts/metadata/x")},
	{"secret version destroyed", secrets, rpc(codes.FailedPrecondition, "Secret Version [projects/123456789012/secrets/db_password/versions/3] is in DESTROYED state.")},
	{"secret version disabled", secrets, rpc(codes.FailedPrecondition, "Secret Version [projects/123456789012/secrets/db_password/versions/3] is in DISABLED state.")},
	{"secret version in another state", secrets, rpc(codes.FailedPrecondition, "Secret Version [projects/123456789012/secrets/db_password/versions/3] cannot be accessed.")},
	{"no secret", secrets, rpc(codes.NotFound, "Secret [projects/123456789012/secrets/db_password] not found or has no versions.")},
	{"wrong endpoint", search, rpc(codes.InvalidArgument, `Incorrect API endpoint used. The current endpoint can only serve traffic from "global" region, but got "eu" region from the API request.`)},
	{"connector", search, rpc(codes.FailedPrecondition, "Documents of a data store that is managed by a data connector cannot be imported.")},
	{"access control", search, rpc(codes.InvalidArgument, "Listing documents is not supported for a DataStore with ACL enabled.")},
	{"schema", search, rpc(codes.InvalidArgument, `Field "price" has type number in the schema, its type cannot be changed to string.`)},
	{"a word that is no schema", search, rpc(codes.InvalidArgument, `Unsupported data_schema "csv".`)},
	{"no data store", search, rpc(codes.NotFound, "DataStore projects/123456789012/locations/eu/collections/default_collection/dataStores/posts not found.")},
	{"not readable", search, rpc(codes.Unimplemented, "Listing documents is not supported.")},
	{"import quota", search, rpc(codes.ResourceExhausted, "Quota exceeded for quota metric 'Import documents requests' and limit 'Import documents requests per minute' of service 'discoveryengine.googleapis.com' for consumer 'project_number:123456789012'.", info("RATE_LIMIT_EXCEEDED", map[string]string{"consumer": "projects/123456789012"}))},
	{"another import", search, rpc(codes.Aborted, "Another import is running on this branch.")},
	{"one write a second", storage, web(429, "rateLimitExceeded", "The object posts/metadata/x exceeded the rate limit for object mutation operations (create, update, and delete). Please reduce your request rate.")},
	{"storage role", storage, web(403, "forbidden", "job@shop.iam.gserviceaccount.com does not have storage.objects.create access to the Google Cloud Storage object.")},
	{"storage answers with a page", storage, &googleapi.Error{Code: 403, Body: "<html>\n<title>403</title>\x1b[31m" + strings.Repeat("あ", 1000)}},
	{"a proxy's page about access control", search, rpc(codes.PermissionDenied, `unexpected HTTP status code received from server: 403 (Forbidden); transport: received unexpected content-type "text/html"`)},
	{"a login page without a title", storage, web(200, "", "<!DOCTYPE html><body>Access control: please sign in, your quota is used up")},
	{"a login page where JSON was expected", storage, errors.New("invalid character '<' looking for beginning of value")},
	{"an empty answer", storage, errors.New("unexpected end of JSON input")},
	{"another protocol", storage, dial(errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-OpenSSH_9.2"`))},
	{"a page that leads in circles", storage, dial(errors.New("stopped after 10 redirects"))},
	{"search role", search, rpc(codes.PermissionDenied, "Permission 'discoveryengine.documents.import' denied on resource '//discoveryengine.googleapis.com/projects/shop/locations/eu/collections/default_collection/dataStores/posts/branches/0' (or it may not exist).", info("IAM_PERMISSION_DENIED", map[string]string{"permission": "discoveryengine.documents.import"}))},
	{"secret role", secrets, rpc(codes.PermissionDenied, "Permission 'secretmanager.versions.access' denied for resource 'projects/shop/secrets/db_password/versions/latest' (or it may not exist).")},
	{"not signed in", storage, web(401, "required", "Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object.")},
	{"invalid", search, rpc(codes.InvalidArgument, "Field \"parent\" is malformed.")},
	{"certificate", storage, dial(x509.UnknownAuthorityError{})},
	{"certificate over gRPC", search, rpc(codes.Unavailable, `connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority"`)},
	{"proxy", storage, dial(errors.New("proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused"))},
	{"name lookup", search, rpc(codes.Unavailable, `name resolver error: produced zero addresses`)},
	{"name lookup of storage", storage, dial(&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "storage.googleapis.com", IsNotFound: true}})},
	{"connection", secrets, rpc(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.1:443: i/o timeout"`)},
	{"connection to a stand-in", Target{Service: Search, Project: "shop", StandIn: "DISCOVERYENGINE_ENDPOINT"}, rpc(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`)},
	{"unavailable", search, rpc(codes.Unavailable, "The service is currently unavailable.")},
	{"unavailable stand-in", Target{Service: Storage, StandIn: "STORAGE_EMULATOR_HOST"}, web(503, "backendError", "Backend Error")},
	{"no answer", secrets, context.DeadlineExceeded},
	{"anything else", search, rpc(codes.Internal, "Internal error encountered.")},
	{"anything else on the way", storage, errors.New("http2: frame too large")},
}

// The table and what it makes of real refusals, to be reviewed.
func TestGolden(t *testing.T) {
	var out strings.Builder
	out.WriteString("The table: the first row that applies counts.\n")
	for _, r := range rows {
		fmt.Fprintf(&out, "\n%s\n", r.kind)
		for _, field := range []struct{ name, value string }{
			{"service", string(r.service)},
			{"code", join(r.codes)},
			{"reason", strings.Join(r.reasons, ", ")},
			{"text", r.text},
			{"hint", r.hint},
		} {
			if field.value != "" {
				fmt.Fprintf(&out, "  %-8s %s\n", field.name, field.value)
			}
		}
	}
	out.WriteString("\n\nTrue refusals.\n")
	for _, tt := range refusals {
		e := Explain("use", "thing", tt.err, tt.t)
		fmt.Fprintf(&out, "\n%s\n  error    %s\n  hint     %s\n", tt.name, e, e.Hint())
	}
	path := filepath.Join("testdata", "remedies.golden")
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("run go test ./internal/refusal -update, and review the change:\n%s", diff)
	}
}

func join[T any](list []T) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = fmt.Sprint(item)
	}
	return strings.Join(texts, ", ")
}

// Every row is met by a true refusal: no row is dead, or hidden by one before it.
func TestEveryRowIsMet(t *testing.T) {
	met := map[[2]string]bool{}
	for _, tt := range refusals {
		r := find(read(tt.err), tt.t)
		met[[2]string{r.kind, r.hint}] = true
	}
	for _, r := range rows {
		if !met[[2]string{r.kind, r.hint}] {
			t.Errorf("no refusal meets row %q: %s", r.kind, r.hint)
		}
	}
}

// A refusal that no role cures never advises one.
func TestNoRoleWhereNoneHelps(t *testing.T) {
	for _, tt := range refusals {
		hint := Explain("use", "thing", tt.err, tt.t).Hint()
		for _, word := range []string{"VPC", "billing", "requester", "retention", "hold", "scopes", "destroyed", "key disabled"} {
			if strings.Contains(tt.name, word) && strings.Contains(hint, "roles/") {
				t.Errorf("%s: %s", tt.name, hint)
			}
		}
	}
}

func TestError(t *testing.T) {
	sentinel := errors.New("sentinel")
	cause := rpc(codes.Aborted, "Another import is running.")
	e := Explain("import into", "posts", cause, search, sentinel)
	wrapped := fmt.Errorf("sync: %w", e)
	if !errors.Is(wrapped, sentinel) || !errors.Is(wrapped, cause) || status.Code(wrapped) != codes.Aborted {
		t.Errorf("%v hides what it wraps", wrapped)
	}
	if got := HintOf(wrapped); got != "wait for the next run, which tries again" {
		t.Errorf("hint %q", got)
	}
	if HintOf(errors.New("x")) != "" || HintOf(nil) != "" {
		t.Error("a hint from nowhere")
	}
	if !errors.Is(e, ErrBusy) || errors.Is(Explain("read", "x", web(404, "notFound", "Not Found"), storage), ErrBusy) {
		t.Error("wrong class")
	}
	if Known(cause, search) || !Known(rpc(codes.FailedPrecondition, "data connector"), search) {
		t.Error("Known does not tell rows by text from rows by code")
	}
}

// Whatever a server or a proxy answers makes one line of bounded length.
func FuzzExplain(f *testing.F) {
	f.Add(403, "Forbidden", `{"error":{"message":"x"}}`)
	f.Add(500, "", "\x1b[31m\xff<html>")
	f.Fuzz(func(t *testing.T, code int, message, body string) {
		for _, err := range []error{&googleapi.Error{Code: code, Message: message, Body: body}, status.Error(codes.Code(code%17), message), errors.New(body + " ")} {
			if err == nil || status.Code(err) == codes.OK {
				continue
			}
			e := Explain("use", "thing", err, storage)
			if text := e.Error() + e.Hint(); strings.ContainsAny(text, "\n\r\x1b\x00") || len(text) > 2*maxMessage {
				t.Errorf("%q", text)
			}
		}
	})
}

// An answer without any text is named by its status.
func TestWithoutWords(t *testing.T) {
	e := Explain("read", "gs://posts/x", &googleapi.Error{Code: http.StatusForbidden}, storage)
	if e.Error() != "read gs://posts/x: access denied: Forbidden" {
		t.Error(e)
	}
}
