package discoveryengine_test

import (
	"strings"
	"testing"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
)

func TestQuotas(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	incremental := fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl")
	full := fromStorage(pb.ImportDocumentsRequest_FULL, "in.jsonl")
	w.SerialImports(true)
	w.Hold()
	if _, err := w.client.ImportDocuments(t.Context(), incremental); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.ImportDocuments(t.Context(), full)
	wantError(t, err, codes.Aborted, "Another import is running")
	if _, err := w.client.ImportDocuments(t.Context(), incremental); err != nil {
		t.Errorf("two incremental imports: %v", err)
	}
	w.Release()
	if err := w.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.LimitImports(5)
	for range 5 {
		if _, _, err := w.importDocuments(t.Context(), full); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = w.importDocuments(t.Context(), full)
	wantError(t, err, codes.ResourceExhausted, "5 per minute")
}

func TestPendingOperationsAreLimited(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	w.Hold()
	for range 300 {
		if _, err := w.client.ImportDocuments(t.Context(), fromStorage(0, "in.jsonl")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.client.ImportDocuments(t.Context(), fromStorage(0, "in.jsonl"))
	wantError(t, err, codes.ResourceExhausted, "300 pending import operations")
}

func TestOperationsService(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	w.Hold()
	op, err := w.client.ImportDocuments(t.Context(), fromStorage(0, "in.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	list := func(filter string) int {
		t.Helper()
		n := 0
		for _, err := range w.client.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: w.store.Name(), Filter: filter}).All() {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if list("done=false") != 1 || list("done = true") != 0 || list("") != 1 {
		t.Error("the running operation is not listed as such")
	}
	byID := strings.Replace(op.Name(), "123456", "demo", 1)
	if _, err := w.client.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: byID}); err != nil {
		t.Errorf("by the project's id: %v", err)
	}
	if err := w.client.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: op.Name()}); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = op.Wait(t.Context())
	wantError(t, err, codes.Canceled, "context canceled")
	w.wantIDs(t)
	w.ForgetOperations()
	_, err = w.client.ImportDocumentsOperation(op.Name()).Poll(t.Context())
	wantError(t, err, codes.NotFound, "not found")
}

func TestOperationsEndWithTheServer(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	w.Hold()
	if _, err := w.client.ImportDocuments(t.Context(), fromStorage(0, "in.jsonl")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if ops := w.Operations(); len(ops) != 1 || ops[0].Code != codes.Canceled {
		t.Errorf("operations %v", ops)
	}
}
