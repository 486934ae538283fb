package datastore

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	pbalpha "cloud.google.com/go/discoveryengine/apiv1alpha/discoveryenginepb"
	pbbeta "cloud.google.com/go/discoveryengine/apiv1beta/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func at(hour int) time.Time { return time.Date(2025, 9, 18, hour, 0, 0, 0, time.UTC) }

func imported(name string, hour int, done bool) *longrunningpb.Operation {
	return &longrunningpb.Operation{Name: name, Done: done, Metadata: packed(&pb.ImportDocumentsMetadata{CreateTime: timestamppb.New(at(hour))})}
}

func TestFindImport(t *testing.T) {
	srv := &service{listed: []*longrunningpb.Operation{
		imported("early", 1, false),
		imported("late", 5, false),
		{Name: "purge", Metadata: packed(&pb.PurgeDocumentsMetadata{CreateTime: timestamppb.New(at(6))})},
		{Name: "bare"},
		imported("done", 7, true),
		{Name: "undated", Metadata: packed(&pb.ImportDocumentsMetadata{})},
		{Name: branchName + "/operations/import-documents-7"},
		{Name: branchName + "/operations/import-documents-8", Metadata: &anypb.Any{TypeUrl: "type.googleapis.com/google.cloud.discoveryengine.v2.Progress", Value: []byte{0xff}}},
		{Name: "beta", Metadata: packed(&pbbeta.ImportDocumentsMetadata{CreateTime: timestamppb.New(at(4))})},
		{Name: "alpha, early", Metadata: packed(&pbalpha.ImportDocumentsMetadata{CreateTime: timestamppb.New(at(2))})},
	}}
	s := start(t, srv, time.Second)
	got, err := s.FindImport(t.Context(), at(3))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"late", "purge", "undated", branchName + "/operations/import-documents-7", branchName + "/operations/import-documents-8", "beta"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Either list may be the one that knows an import.
func TestFindImportOnEither(t *testing.T) {
	const byNumber = "projects/123/locations/global/collections/default_collection/dataStores/posts/branches/0/operations/import-documents-1"
	one := []*longrunningpb.Operation{imported(branchName+"/operations/import-documents-1", 5, false)}
	for _, tt := range []struct {
		name     string
		listed   map[string][]*longrunningpb.Operation
		unlisted map[string]error
		want     []string
		err      string
	}{
		{name: "branch alone", listed: map[string][]*longrunningpb.Operation{branchName: one}, want: []string{one[0].GetName()}},
		{name: "data store alone", listed: map[string][]*longrunningpb.Operation{storeName: one}, want: []string{one[0].GetName()}},
		{name: "both", listed: map[string][]*longrunningpb.Operation{storeName: one, branchName: one}, want: []string{one[0].GetName()}},
		{name: "both, by the project's number", listed: map[string][]*longrunningpb.Operation{storeName: {imported(byNumber, 5, false)}, branchName: one}, want: []string{byNumber}},
		{name: "no list on the branch", listed: map[string][]*longrunningpb.Operation{storeName: one}, unlisted: map[string]error{branchName: status.Error(codes.Unimplemented, "no")}, want: []string{one[0].GetName()}},
		{name: "no list on the data store", listed: map[string][]*longrunningpb.Operation{branchName: one}, unlisted: map[string]error{storeName: status.Error(codes.InvalidArgument, "no")}, want: []string{one[0].GetName()}},
		{name: "branch not found", unlisted: map[string]error{branchName: status.Error(codes.NotFound, "no")}},
		{name: "no list at all", unlisted: map[string]error{storeName: status.Error(codes.NotFound, "a"), branchName: status.Error(codes.InvalidArgument, "b")}, err: "list operations of " + storeName + ": not found: a"},
		{name: "the branch denied", unlisted: map[string]error{branchName: status.Error(codes.PermissionDenied, "no")}, err: "list operations of " + branchName + ": access denied: no"},
		{name: "no list, and the other denied", unlisted: map[string]error{storeName: status.Error(codes.NotFound, "a"), branchName: status.Error(codes.PermissionDenied, "no")}, err: "list operations of " + branchName + ": access denied: no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, &service{listedOn: tt.listed, unlisted: tt.unlisted}, time.Second)
			got, err := s.FindImport(t.Context(), at(3))
			if text := errorText(err); text != tt.err {
				t.Errorf("error %s, want %s", text, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An operation is done when it ended without an error, whatever its metadata are.
func TestProgress(t *testing.T) {
	sample := &rpc.Status{Code: 3, Message: `Document with id "p-3" has no content.`}
	for _, tt := range []struct {
		name     string
		metadata *anypb.Any
		response *anypb.Any
		failed   *rpc.Status
		want     Progress
		rejected bool
		counted  int64 // of 3 that were sent
		differs  bool
	}{
		{name: "v1", metadata: packed(&pb.ImportDocumentsMetadata{SuccessCount: 3, TotalCount: 3}), want: Progress{Done: true, Counted: true, Succeeded: 3}, counted: 3},
		{name: "v1beta", metadata: packed(&pbbeta.ImportDocumentsMetadata{SuccessCount: 3, TotalCount: 3}), want: Progress{Done: true, Counted: true, Succeeded: 3}, counted: 3},
		{name: "v1alpha", metadata: packed(&pbalpha.ImportDocumentsMetadata{SuccessCount: 3, TotalCount: 3}), want: Progress{Done: true, Counted: true, Succeeded: 3}, counted: 3},
		{name: "only what changed", metadata: packed(&pb.ImportDocumentsMetadata{SuccessCount: 1, TotalCount: 1}), want: Progress{Done: true, Counted: true, Succeeded: 1}, counted: 1, differs: true},
		{name: "nothing counted", metadata: packed(&pb.ImportDocumentsMetadata{}), want: Progress{Done: true, Counted: true}, differs: true},
		{name: "an unknown type", metadata: &anypb.Any{TypeUrl: "type.googleapis.com/google.cloud.discoveryengine.v2.Import", Value: []byte{8, 1}}, want: Progress{Done: true}},
		{name: "no type", metadata: &anypb.Any{Value: []byte{8, 1}}, want: Progress{Done: true}},
		{name: "damaged", metadata: &anypb.Any{TypeUrl: "type.googleapis.com/google.cloud.discoveryengine.v1.ImportDocumentsMetadata", Value: []byte{0xff}}, want: Progress{Done: true}},
		{name: "none", want: Progress{Done: true}},
		{name: "negative", metadata: packed(&pb.ImportDocumentsMetadata{SuccessCount: -4, FailureCount: -1, TotalCount: -5}), want: Progress{Done: true, Counted: true}, differs: true},
		{
			name: "more than can be", metadata: packed(&pb.ImportDocumentsMetadata{SuccessCount: math.MaxInt64, FailureCount: math.MaxInt64}),
			want: Progress{Done: true, Counted: true, Succeeded: math.MaxInt64 / 2, Failed: math.MaxInt64 / 2}, rejected: true, counted: math.MaxInt64 - 1, differs: true,
		},
		{name: "an error that is none", failed: &rpc.Status{}, want: Progress{Done: true}},
		{name: "failures counted", metadata: packed(&pb.ImportDocumentsMetadata{SuccessCount: 2, FailureCount: 1, TotalCount: 3}), want: Progress{Done: true, Counted: true, Succeeded: 2, Failed: 1}, rejected: true, counted: 3},
		{
			name: "failures in samples alone", response: packed(&pbbeta.ImportDocumentsResponse{ErrorSamples: []*rpc.Status{sample}}),
			want: Progress{Done: true, Samples: []Failure{{ID: "p-3", Line: -1, Reason: `INVALID_ARGUMENT: Document with id "p-3" has no content`}}}, rejected: true,
		},
		{name: "a response of an unknown type", response: &anypb.Any{TypeUrl: "type.googleapis.com/x.Y"}, want: Progress{Done: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := &longrunningpb.Operation{Name: operation, Done: true, Metadata: tt.metadata}
			if tt.response != nil {
				op.Result = &longrunningpb.Operation_Response{Response: tt.response}
			}
			if tt.failed != nil {
				op.Result = &longrunningpb.Operation_Error{Error: tt.failed}
			}
			got := (&Store{}).progress(op)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if rejected := got.Failed > 0 || len(got.Samples) > 0; rejected != tt.rejected {
				t.Errorf("rejected: %v", rejected)
			}
			if counted, differs := got.Mismatch(3); counted != tt.counted || differs != tt.differs {
				t.Errorf("counted %d, differs %v, want %d, %v", counted, differs, tt.counted, tt.differs)
			}
		})
	}
}

// Why an import is not taken now, and whether waiting helps.
func TestBusy(t *testing.T) {
	into := "import into " + storeName + ": "
	running := []*longrunningpb.Operation{imported(branchName+"/operations/import-documents-1", 5, false)}
	running[0].Metadata = packed(&pb.ImportDocumentsMetadata{CreateTime: timestamppb.Now()})
	for _, tt := range []struct {
		name   string
		err    error
		listed []*longrunningpb.Operation
		busy   bool
		want   string
	}{
		{"ABORTED", status.Error(codes.Aborted, "x"), nil, true, into + "the service is busy: x"},
		{"RESOURCE_EXHAUSTED", status.Error(codes.ResourceExhausted, "Quota exceeded for quota metric"), nil, true, into + "quota used up: Quota exceeded for quota metric"},
		{"FAILED_PRECONDITION that says so", status.Error(codes.FailedPrecondition, "There is already an import in progress."), nil, true, into + "FailedPrecondition: There is already an import in progress"},
		{"FAILED_PRECONDITION while one runs", status.Error(codes.FailedPrecondition, "Precondition check failed."), running, true, into + "FailedPrecondition: Precondition check failed"},
		{"FAILED_PRECONDITION while none runs", status.Error(codes.FailedPrecondition, "Precondition check failed."), nil, false, into + "FailedPrecondition: Precondition check failed"},
		{"a connector", status.Error(codes.FailedPrecondition, "The data store is already filled by a data connector."), running, false, into + "data store is filled by a connector: The data store is already filled by a data connector"},
		{"a key", status.Error(codes.FailedPrecondition, "Cloud KMS key is disabled."), running, false, into + "encryption key unusable: Cloud KMS key is disabled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := &service{listed: tt.listed, forever: map[string]error{"ImportDocuments": tt.err}}
			s := start(t, srv, time.Second)
			_, err := s.ImportObjects(t.Context(), []string{"gs://b/o"}, Full, "", 0)
			if got := errorText(err); got != tt.want {
				t.Errorf("error\n%s, want\n%s", got, tt.want)
			}
			if errors.Is(err, ErrBusy) != tt.busy {
				t.Errorf("%v is busy: %v", err, !tt.busy)
			}
			if n := srv.count("ImportDocuments"); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// The service says how long to wait, and a signal ends the wait.
func TestBusyForAsLongAsItSays(t *testing.T) {
	busy, err := status.New(codes.ResourceExhausted, "slow down").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	srv := &service{forever: map[string]error{"ImportDocuments": busy.Err()}}
	s := start(t, srv, time.Second)
	if _, err := s.ImportObjects(t.Context(), []string{"gs://b/o"}, Full, "", 30*time.Second); !errors.Is(err, ErrBusy) { // sooner than asked for is useless
		t.Errorf("error %v", err)
	}
	ctx, cancel := contextThatEnds(t, 200*time.Millisecond)
	defer cancel()
	if _, err := s.ImportObjects(ctx, []string{"gs://b/o"}, Full, "", time.Hour); errorText(err) != "import into "+storeName+": SIGTERM" {
		t.Errorf("error %v", err)
	}
	if n := srv.count("ImportDocuments"); n != 2 {
		t.Errorf("%d calls, want one each", n)
	}
}

// An import is done without error files where the service refuses their folder.
func TestErrorFolderRefused(t *testing.T) {
	const folder = "gs://b/metadata/.sync/v2/errors/7/"
	for _, tt := range []struct {
		text  string
		again bool
	}{
		{"error_config.gcs_prefix: directory " + folder + " does not exist.", true},
		{"The errorConfig is invalid.", true},
		{"gs://b/metadata/.sync/v2/errors/7 is not empty", true},
		{strings.Repeat("input_uris: gs://b/o; ", 30) + "error_config.gcs_prefix: not empty", true}, // longer than an error is shown
		{"input_uris: gs://b/o does not exist", false},
	} {
		t.Run(tt.text, func(t *testing.T) {
			srv := &service{refusals: map[string][]error{"ImportDocuments": {status.Error(codes.InvalidArgument, tt.text)}}}
			s := start(t, srv, time.Second)
			_, err := s.ImportObjects(t.Context(), []string{"gs://b/o"}, Full, folder, 0)
			if (err == nil) != tt.again {
				t.Errorf("error %v", err)
			}
			if tt.again && (len(srv.imports) != 1 || srv.imports[0].GetErrorConfig() != nil) {
				t.Errorf("imports %v", srv.imports)
			}
		})
	}
}

// Deletions say what was deleted, also when the caller ends them.
func TestDeleteEnds(t *testing.T) {
	srv := &service{}
	for i := range 40 {
		srv.documents = append(srv.documents, fmt.Sprint("d", i))
	}
	ids := slices.Clone(srv.documents)
	s := start(t, srv, time.Second)
	s.writes.SetBurst(10)
	s.writes.SetLimit(0) // no more than ten
	ctx, cancel := contextThatEnds(t, 200*time.Millisecond)
	defer cancel()
	deleted, failed, err := s.Delete(ctx, ids)
	if len(deleted) != 10 || len(failed) != 0 || err == nil || !strings.HasPrefix(err.Error(), "delete from "+storeName+": ") {
		t.Errorf("deleted %d, failed %v, error %v", len(deleted), failed, err)
	}
	for _, id := range deleted {
		if slices.Contains(srv.documents, id) {
			t.Errorf("%s is still there", id)
		}
	}
}

// A minute's deletions stay within what the service takes.
func TestDeleteRate(t *testing.T) {
	s := start(t, &service{}, time.Second)
	began := time.Now()
	taken := 0
	for now := began; now.Before(began.Add(time.Minute)); now = now.Add(100 * time.Millisecond) {
		for s.writes.AllowN(now, 1) {
			taken++
		}
	}
	if taken < 10_000 || taken > 12_000 {
		t.Errorf("%d deletions in the first minute", taken)
	}
}
