package datastore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/sandbox/refusals"
)

const operation = branchName + "/operations/import-documents-1"

func importing(ok, failed, total int64) *longrunningpb.Operation {
	return &longrunningpb.Operation{Name: operation, Metadata: packed(&pb.ImportDocumentsMetadata{SuccessCount: ok, FailureCount: failed, TotalCount: total})}
}

func done(op *longrunningpb.Operation, samples ...*status.Status) *longrunningpb.Operation {
	op.Done = true
	op.Result = &longrunningpb.Operation_Response{Response: packed(&pb.ImportDocumentsResponse{ErrorSamples: samples})}
	return op
}

func failedOperation(code codes.Code, message string) *longrunningpb.Operation {
	return &longrunningpb.Operation{Name: operation, Done: true, Result: &longrunningpb.Operation_Error{Error: &status.Status{Code: int32(code), Message: message}}}
}

func TestAwait(t *testing.T) {
	down := grpcstatus.Error(codes.Unavailable, "down")
	for _, tt := range []struct {
		name       string
		operations []*longrunningpb.Operation
		refusals   []error
		forever    error
		wait       time.Duration
		want       Progress
		err        string
		is         error
	}{
		{name: "done at once", operations: []*longrunningpb.Operation{done(importing(3, 0, 3))}, want: Progress{Done: true, Counted: true, Succeeded: 3}},
		{name: "done later", operations: []*longrunningpb.Operation{{Name: operation}, importing(1, 0, 3), done(importing(3, 0, 3))}, wait: 5 * time.Second, want: Progress{Done: true, Counted: true, Succeeded: 3}},
		{name: "never done", operations: []*longrunningpb.Operation{importing(1, 0, 3)}, wait: 300 * time.Millisecond, want: Progress{Counted: true, Succeeded: 1}},
		{name: "one poll", operations: []*longrunningpb.Operation{importing(1, 0, 0)}, want: Progress{Counted: true, Succeeded: 1}},
		{
			name: "some failed",
			operations: []*longrunningpb.Operation{done(importing(2, 1, 3),
				&status.Status{Code: 3, Message: `Document with id "p-3" has no content.`})},
			want: Progress{Done: true, Counted: true, Succeeded: 2, Failed: 1, Samples: []Failure{{ID: "p-3", Line: -1, Reason: `INVALID_ARGUMENT: Document with id "p-3" has no content`}}},
		},
		{
			name:       "failed as a whole",
			operations: []*longrunningpb.Operation{failedOperation(codes.PermissionDenied, "cannot read\ngs://b/o")},
			want:       Progress{Done: true, Err: errors.New("PermissionDenied: cannot read gs://b/o")},
		},
		{
			name:       "failed without a code",
			operations: []*longrunningpb.Operation{failedOperation(codes.OK, "it was lost")},
			want:       Progress{Done: true, Err: errors.New("OK: it was lost")},
		},
		{name: "unknown", err: "poll " + operation + ": the service does not know the operation", is: ErrUnknownOperation},
		{name: "poll fails once", operations: []*longrunningpb.Operation{done(importing(3, 0, 3))}, refusals: []error{down}, want: Progress{Done: true, Counted: true, Succeeded: 3}},
		{
			name: "poll fails between", operations: []*longrunningpb.Operation{importing(1, 0, 3), done(importing(3, 0, 3))},
			refusals: []error{nil, down, grpcstatus.Error(codes.Internal, "oops")}, wait: 10 * time.Second, want: Progress{Done: true, Counted: true, Succeeded: 3},
		},
		{name: "poll fails for ever", forever: down, err: "poll " + operation + ": " + unavailable, is: ErrUnavailable},
		{
			name: "poll denied", forever: grpcstatus.Error(codes.PermissionDenied, "no"),
			err: "poll " + operation + ": access denied: no",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := &service{operations: tt.operations, refusals: map[string][]error{"GetOperation": tt.refusals}, forever: map[string]error{"GetOperation": tt.forever}}
			s := start(t, srv, time.Second)
			began := time.Now()
			got, err := s.Await(t.Context(), operation, tt.wait)
			if err == nil && tt.err != "" || err != nil && err.Error() != tt.err {
				t.Errorf("error %v, want %s", err, tt.err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			sameText := cmp.Comparer(func(a, b error) bool { return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error() })
			if diff := cmp.Diff(tt.want, got, sameText); diff != "" {
				t.Error(diff)
			}
			if took := time.Since(began); took > max(tt.wait, time.Second)+2*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// An operation that failed for a reason that no role cures says what to do, as a refused call does.
func TestFailedOperationSaysWhatToDo(t *testing.T) {
	s := &Store{name: "store", api: refusal.Caller{Target: refusal.Target{Service: refusal.Search, Project: "p1"}}}
	for refused, want := range map[error]string{
		refusals.VPCServiceControls("discoveryengine.googleapis.com", "id-1", false): "id-1",
		refusals.KeyDisabled(): "key version",
		grpcstatus.Error(codes.PermissionDenied, "cannot read gs://b/o"): "",
	} {
		status := grpcstatus.Convert(refused)
		err := s.progress(&longrunningpb.Operation{Result: &longrunningpb.Operation_Error{Error: status.Proto()}}).Err
		text := fmt.Sprintf("%s: %s", status.Code(), refusal.Line(status.Message()))
		if hint := refusal.HintOf(err); err.Error() != text || !strings.Contains(hint, want) || (hint == "") != (want == "") {
			t.Errorf("%v: %v, hint %q, want %q", refused, err, hint, want)
		}
	}
}
