package datastore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
)

const storeName = "projects/p1/locations/global/collections/default_collection/dataStores/posts"

func fields(key, value string) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{key: structpb.NewStringValue(value)}}
}

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     Config
		address string
		branch  string
	}{
		{"defaults", Config{Project: "p1", DataStore: "posts"}, "", branchName},
		{
			"europe",
			Config{Project: "123", DataStore: "posts", Location: "eu"},
			"eu-discoveryengine.googleapis.com:443",
			"projects/123/locations/eu/collections/default_collection/dataStores/posts/branches/default_branch",
		},
		{"stand-in", Config{Project: "p1", DataStore: "posts", Location: "us", Endpoint: "127.0.0.1:1"}, "127.0.0.1:1", strings.Replace(branchName, "global", "us", 1)},
		{"domain-scoped project", Config{Project: "example.com:p1", DataStore: "posts"}, "", strings.Replace(branchName, "p1", "example.com:p1", 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", credentials(t))
			s, err := Open(t.Context(), tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.api.Address != tt.address || s.branch != tt.branch || s.name+"/branches/default_branch" != s.branch {
				t.Errorf("address %s branch %s, want %s, %s", s.api.Address, s.branch, tt.address, tt.branch)
			}
		})
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "absent.json"))
	_, err := Open(t.Context(), Config{Project: "p1", DataStore: "posts"})
	if err == nil || !strings.HasPrefix(err.Error(), "open "+storeName+": ") {
		t.Errorf("without credentials: %v", err)
	}
}

// credentials is a file with credentials that nobody checks before the first call.
func credentials(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, []byte(`{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImports(t *testing.T) {
	srv := &service{}
	s := start(t, srv, 5*time.Second)
	op, err := s.ImportInline(t.Context(), [][]byte{
		[]byte(`{"id": "a", "structData": {"answer": "鳥"}, "content": {"mimeType": "image/png", "uri": "gs://i/a"}}` + "\n"),
	}, 0)
	if err != nil || op != branchName+"/operations/import-documents-1" {
		t.Fatalf("operation %q, error %v", op, err)
	}
	if _, err := s.ImportObjects(t.Context(), []string{"gs://b/metadata/m.jsonl"}, Full, "gs://b/metadata/.sync/errors/", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ImportObjects(t.Context(), []string{"gs://b/1", "gs://b/2"}, Incremental, "", 0); err != nil {
		t.Fatal(err)
	}
	gcs := func(uris ...string) *pb.ImportDocumentsRequest_GcsSource {
		return &pb.ImportDocumentsRequest_GcsSource{GcsSource: &pb.GcsSource{InputUris: uris, DataSchema: "document"}}
	}
	want := []*pb.ImportDocumentsRequest{
		{
			Parent: branchName, ReconciliationMode: pb.ImportDocumentsRequest_INCREMENTAL,
			Source: &pb.ImportDocumentsRequest_InlineSource_{InlineSource: &pb.ImportDocumentsRequest_InlineSource{Documents: []*pb.Document{{
				Id: "a", Data: &pb.Document_StructData{StructData: fields("answer", "鳥")},
				Content: &pb.Document_Content{MimeType: "image/png", Content: &pb.Document_Content_Uri{Uri: "gs://i/a"}},
			}}}},
		},
		{
			Parent: branchName, ReconciliationMode: pb.ImportDocumentsRequest_FULL, Source: gcs("gs://b/metadata/m.jsonl"),
			ErrorConfig: &pb.ImportErrorConfig{Destination: &pb.ImportErrorConfig_GcsPrefix{GcsPrefix: "gs://b/metadata/.sync/errors/"}},
		},
		{Parent: branchName, ReconciliationMode: pb.ImportDocumentsRequest_INCREMENTAL, Source: gcs("gs://b/1", "gs://b/2")},
	}
	if diff := cmp.Diff(want, srv.imports, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// What is no document is refused before it is sent.
func TestImportOfNoDocument(t *testing.T) {
	srv := &service{}
	s := start(t, srv, 5*time.Second)
	for line, want := range map[string]string{
		`{"id":`:                 `document 2 ("")`,
		`{"id":"b","struct":{}}`: `document 2 ("b")`,
	} {
		_, err := s.ImportInline(t.Context(), [][]byte{[]byte(`{"id":"a"}`), []byte(line)}, 0)
		if err == nil || !strings.HasPrefix(err.Error(), "import into "+storeName+": "+want+": proto:") { // whose messages are unstable on purpose
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
	if n := srv.count("ImportDocuments"); n != 0 {
		t.Errorf("%d calls reached the service", n)
	}
}

// What passes is retried; what does not is reported at once.
// unavailable is what a call says that a stand-in never answered.
const unavailable = "the service is unavailable: down"

func TestRefusals(t *testing.T) {
	busy := status.Error(codes.Aborted, "another import is running")
	disabled, err := status.New(codes.PermissionDenied, "Discovery Engine API is off").WithDetails(&errdetails.ErrorInfo{Reason: "SERVICE_DISABLED"})
	if err != nil {
		t.Fatal(err)
	}
	into := "import into " + storeName + ": "
	for _, tt := range []struct {
		name    string
		first   []error
		forever error
		calls   int // 0: more than one
		is      error
		want    string
	}{
		{"unavailable, then fine", []error{status.Error(codes.Unavailable, "x"), status.Error(codes.Unavailable, "x")}, nil, 3, nil, ""},
		{"quota, then fine", []error{status.Error(codes.ResourceExhausted, "x")}, nil, 2, nil, ""},
		{"another import, then fine", []error{busy}, nil, 2, nil, ""},
		{"another import", nil, busy, 0, ErrBusy, into + "the service is busy: another import is running"},
		{"quota", nil, status.Error(codes.ResourceExhausted, "Quota exceeded\nfor imports"), 0, ErrBusy, into + "quota used up: Quota exceeded for imports"},
		{"unavailable", nil, status.Error(codes.Unavailable, "down"), 0, ErrUnavailable, into + unavailable},
		{"denied", nil, status.Error(codes.PermissionDenied, "Permission 'discoveryengine.documents.import' denied"), 1, nil, into + "access denied: Permission 'discoveryengine.documents.import' denied"},
		{"API off", nil, disabled.Err(), 1, nil, into + "API disabled: Discovery Engine API is off"},
		{"absent", nil, status.Error(codes.NotFound, "DataStore "+storeName+" not found."), 1, nil, into + "not found: DataStore " + storeName + " not found"},
		{"unauthenticated", nil, status.Error(codes.Unauthenticated, "no token"), 1, nil, into + "not signed in: no token"},
		{"invalid", nil, status.Error(codes.InvalidArgument, "bad uri"), 1, nil, into + "invalid argument: bad uri"},
		{"other region", nil, status.Error(codes.InvalidArgument, `Incorrect API endpoint used.`), 1, nil, into + "wrong endpoint: Incorrect API endpoint used"},
		{"internal", nil, status.Error(codes.Internal, "oops"), 1, nil, into + "Internal: oops"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := &service{refusals: map[string][]error{"ImportDocuments": tt.first}, forever: map[string]error{"ImportDocuments": tt.forever}}
			budget := 5 * time.Second
			if tt.forever != nil {
				budget = 600 * time.Millisecond
			}
			s := start(t, srv, budget)
			began := time.Now()
			_, err := s.ImportObjects(t.Context(), []string{"gs://b/o"}, Full, "", budget)
			if err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
				t.Errorf("error\n%v, want\n%s", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			if tt.forever != nil && status.Code(err) != status.Code(tt.forever) {
				t.Errorf("code %s, want %s", status.Code(err), status.Code(tt.forever))
			}
			n := srv.count("ImportDocuments")
			if tt.calls != 0 && n != tt.calls || n == 0 {
				t.Errorf("%d calls, want %d", n, tt.calls)
			}
			if took := time.Since(began); took > budget+time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestServiceThatHangsOrIsAway(t *testing.T) {
	srv := &service{hang: map[string]bool{"ImportDocuments": true}}
	s := start(t, srv, 200*time.Millisecond)
	_, err := s.ImportObjects(t.Context(), []string{"gs://b/o"}, Full, "", 0)
	if !errors.Is(err, ErrUnavailable) || !strings.HasPrefix(err.Error(), "import into "+storeName+": the service is unavailable: ") {
		t.Errorf("hanging: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("SIGTERM"))
	if _, err := s.ImportObjects(ctx, []string{"gs://b/o"}, Full, "", 0); err == nil || err.Error() != "import into "+storeName+": SIGTERM" {
		t.Errorf("cancelled: %v", err)
	}
	away, err := Open(t.Context(), Config{Project: "p1", DataStore: "posts", Endpoint: "127.0.0.1:1", Budget: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	if _, err := away.ImportObjects(t.Context(), []string{"gs://b/o"}, Full, "", 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("away: %v", err)
	}
}
