package discoveryengine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"vertexmetadata/sandbox/discoveryengine"
)

// raw is the service without a client's own views.
func (w *world) raw(t *testing.T) (longrunningpb.OperationsClient, pb.SchemaServiceClient, pb.DataStoreServiceClient) {
	t.Helper()
	conn, err := grpc.NewClient(w.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return longrunningpb.NewOperationsClient(conn), pb.NewSchemaServiceClient(conn), pb.NewDataStoreServiceClient(conn)
}

// finished starts an import and returns its operation, as the first answer after its end shows it.
func (w *world) finished(t *testing.T, r *pb.ImportDocumentsRequest) *longrunningpb.Operation {
	t.Helper()
	op, err := w.stub.ImportDocuments(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	operations, _, _ := w.raw(t)
	if op, err = operations.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: op.GetName()}); err != nil {
		t.Fatal(err)
	}
	return op
}

// counts are those of an operation's metadata, "-" where a client knows none.
func counts(op *longrunningpb.Operation) string {
	var m pb.ImportDocumentsMetadata
	if op.GetMetadata().UnmarshalTo(&m) != nil {
		return "-"
	}
	return fmt.Sprintf("%d+%d of %d", m.GetSuccessCount(), m.GetFailureCount(), m.GetTotalCount())
}

// Three documents, of which one is as it was and one is bad.
func TestCountsAndMetadata(t *testing.T) {
	for _, tt := range []struct {
		behaviour discoveryengine.Behaviour
		counts    string
		metadata  string
	}{
		{discoveryengine.Behaviour{}, "2+1 of 3", "google.cloud.discoveryengine.v1.ImportDocumentsMetadata"},
		{discoveryengine.Behaviour{Counts: discoveryengine.CountChanged}, "1+1 of 2", "google.cloud.discoveryengine.v1.ImportDocumentsMetadata"},
		{discoveryengine.Behaviour{Counts: discoveryengine.CountNothing}, "0+0 of 0", "google.cloud.discoveryengine.v1.ImportDocumentsMetadata"},
		{discoveryengine.Behaviour{Counts: discoveryengine.CountLate}, "0+0 of 0", "google.cloud.discoveryengine.v1.ImportDocumentsMetadata"},
		{discoveryengine.Behaviour{Metadata: discoveryengine.MetadataV1beta}, "-", "google.cloud.discoveryengine.v1beta.ImportDocumentsMetadata"},
		{discoveryengine.Behaviour{Metadata: discoveryengine.MetadataV1alpha}, "-", "google.cloud.discoveryengine.v1alpha.ImportDocumentsMetadata"},
		{discoveryengine.Behaviour{Metadata: discoveryengine.MetadataUnknown}, "-", "google.cloud.discoveryengine.v2.OperationProgress"},
		{discoveryengine.Behaviour{Metadata: discoveryengine.MetadataAbsent}, "-", ""},
	} {
		t.Run(fmt.Sprintf("%+v", tt.behaviour), func(t *testing.T) {
			w := newWorld(t)
			w.write(t, "m.jsonl", lines("a", "b", "x"))
			w.store.Put("a", line("a"))
			w.FailDocuments(func(id string) bool { return id == "x" })
			w.Behave(tt.behaviour)
			op := w.finished(t, fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "m.jsonl"))
			if got := counts(op); got != tt.counts || string(op.GetMetadata().MessageName()) != tt.metadata {
				t.Errorf("counts %s in %s, want %s in %s", got, op.GetMetadata().MessageName(), tt.counts, tt.metadata)
			}
			if tt.behaviour.Counts != discoveryengine.CountLate {
				return
			}
			operations, _, _ := w.raw(t)
			again, err := operations.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: op.GetName()})
			if err != nil || counts(again) != "2+1 of 3" {
				t.Errorf("counts afterwards %s, error %v", counts(again), err)
			}
		})
	}
}

func TestListing(t *testing.T) {
	store := strings.TrimSuffix(parent, "/branches/default_branch")
	for _, tt := range []struct {
		behaviour       discoveryengine.Behaviour
		onStore, branch string // how many are listed, or the code of the refusal
	}{
		{discoveryengine.Behaviour{}, "1", "1"},
		{discoveryengine.Behaviour{Listing: discoveryengine.ListedOnDataStore}, "1", "0"},
		{discoveryengine.Behaviour{Listing: discoveryengine.ListedOnBranch}, "0", "1"},
		{discoveryengine.Behaviour{Listing: discoveryengine.ListedOnBranch, Unlisted: codes.InvalidArgument}, "InvalidArgument", "1"},
		{discoveryengine.Behaviour{Listing: discoveryengine.ListedOnDataStore, Unlisted: codes.Unimplemented}, "1", "Unimplemented"},
	} {
		t.Run(fmt.Sprintf("%+v", tt.behaviour), func(t *testing.T) {
			w := newWorld(t)
			w.write(t, "m.jsonl", lines("a"))
			w.finished(t, fromStorage(pb.ImportDocumentsRequest_FULL, "m.jsonl"))
			w.Behave(tt.behaviour)
			operations, _, _ := w.raw(t)
			for name, want := range map[string]string{store: tt.onStore, parent: tt.branch} {
				listed, err := operations.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: name})
				got := fmt.Sprint(len(listed.GetOperations()))
				if err != nil {
					got = status.Code(err).String()
				}
				if got != want {
					t.Errorf("%s lists %s, want %s", name, got, want)
				}
			}
		})
	}
}

func TestSecondImport(t *testing.T) {
	for _, code := range []codes.Code{codes.OK, codes.Aborted, codes.FailedPrecondition, codes.ResourceExhausted} {
		t.Run(code.String(), func(t *testing.T) {
			w := newWorld(t)
			w.write(t, "m.jsonl", lines("a"))
			w.Behave(discoveryengine.Behaviour{SecondImport: code})
			w.Hold()
			request := fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "m.jsonl")
			for i, want := range []codes.Code{codes.OK, code} {
				if _, err := w.stub.ImportDocuments(t.Context(), request); status.Code(err) != want {
					t.Errorf("import %d: %v, want %s", i+1, err, want)
				}
			}
			w.Release()
			if err := w.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := w.stub.ImportDocuments(t.Context(), request); err != nil {
				t.Errorf("after the first: %v", err)
			}
		})
	}
}

func TestImportQuotaByTheClock(t *testing.T) {
	w := newWorld(t)
	w.write(t, "m.jsonl", lines("a"))
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	w.SetClock(func() time.Time { return now })
	w.Behave(discoveryengine.Behaviour{ImportsPerMinute: 5})
	for i, want := range []codes.Code{0, 0, 0, 0, 0, codes.ResourceExhausted} {
		if _, err := w.stub.ImportDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "m.jsonl")); status.Code(err) != want {
			t.Errorf("import %d: %v", i+1, err)
		}
	}
	w.SetClock(func() time.Time { return now.Add(time.Minute) })
	if _, err := w.stub.ImportDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "m.jsonl")); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestErrorReports(t *testing.T) {
	const anonymous, named = `"message":"Invalid document: failed by a fault switch."`, `"message":"Invalid document \"x\": failed by a fault switch."`
	for _, tt := range []struct {
		name      string
		behaviour discoveryengine.Behaviour
		want      string // error lines, without blanks
		samples   int
	}{
		{"named, from 1", discoveryengine.Behaviour{}, named + `,"details":[{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"line_number":1}}]`, 1},
		{"from 0", discoveryengine.Behaviour{ErrorLines: discoveryengine.LinesFromZero, AnonymousErrors: true}, anonymous + `,"details":[{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"line_number":0}}]`, 1},
		{"nothing", discoveryengine.Behaviour{ErrorLines: discoveryengine.NoLines, AnonymousErrors: true, NoSamples: true}, anonymous, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.write(t, "m.jsonl", lines("x", "a"))
			w.FailDocuments(func(id string) bool { return id == "x" })
			w.Behave(tt.behaviour)
			request := fromStorage(pb.ImportDocumentsRequest_FULL, "m.jsonl")
			request.ErrorConfig = &pb.ImportErrorConfig{Destination: &pb.ImportErrorConfig_GcsPrefix{GcsPrefix: "gs://" + bucket + "/errors/"}}
			response := &pb.ImportDocumentsResponse{}
			if err := w.finished(t, request).GetResponse().UnmarshalTo(response); err != nil {
				t.Fatal(err)
			}
			text, err := w.storage.Read(bucket, "errors/errors-00000-of-00001.json")
			if err != nil {
				t.Fatal(err)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, text); err != nil { // protojson's blanks are random
				t.Fatal(err)
			}
			if diff := cmp.Diff(`{"code":3,`+tt.want+`}`, compact.String()); diff != "" {
				t.Error(diff)
			}
			if n := len(response.GetErrorSamples()); n != tt.samples {
				t.Errorf("%d samples, want %d", n, tt.samples)
			}
		})
	}
}

func TestErrorFolders(t *testing.T) {
	for folder, want := range map[discoveryengine.ErrorFolder]codes.Code{
		discoveryengine.AnyFolder: codes.OK, discoveryengine.ExistingFolder: codes.InvalidArgument, discoveryengine.NoFolder: codes.InvalidArgument,
	} {
		w := newWorld(t)
		w.write(t, "m.jsonl", lines("a"))
		w.Behave(discoveryengine.Behaviour{ErrorFolder: folder})
		request := fromStorage(pb.ImportDocumentsRequest_FULL, "m.jsonl")
		request.ErrorConfig = &pb.ImportErrorConfig{Destination: &pb.ImportErrorConfig_GcsPrefix{GcsPrefix: "gs://" + bucket + "/errors/"}}
		if _, err := w.stub.ImportDocuments(t.Context(), request); status.Code(err) != want {
			t.Errorf("folder %d: %v, want %s", folder, err, want)
		}
	}
}

func TestFullAndFailedDocuments(t *testing.T) {
	for drop, want := range map[bool][]string{false: {"a", "x"}, true: {"a"}} {
		w := newWorld(t)
		w.write(t, "m.jsonl", lines("a", "x"))
		w.store.Put("x", line("x"))
		w.store.Put("gone", line("gone"))
		w.FailDocuments(func(id string) bool { return id == "x" })
		w.Behave(discoveryengine.Behaviour{DropFailed: drop})
		w.finished(t, fromStorage(pb.ImportDocumentsRequest_FULL, "m.jsonl"))
		var ids []string
		w.store.Each(func(id string, _ []byte) { ids = append(ids, id) })
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("drop %v: %s", drop, diff)
		}
	}
}

// A field keeps the kind that it had first, or that the schema gives it.
func TestFixedTypes(t *testing.T) {
	w := newWorld(t)
	document := func(id, price string) string {
		return fmt.Sprintf(`{"id":%q,"structData":{"price":%s},"content":{"mimeType":"image/png","uri":"gs://i/1"}}`+"\n", id, price)
	}
	w.Behave(discoveryengine.Behaviour{FixedTypes: true})
	w.write(t, "1.jsonl", document("a", "1"))
	w.finished(t, fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "1.jsonl"))
	w.write(t, "2.jsonl", document("b", `"1"`)+document("c", "1.5")+document("d", "null"))
	op := w.finished(t, fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "2.jsonl"))
	if got := counts(op); got != "2+1 of 3" {
		t.Errorf("counts %s", got)
	}
	_, schemas, _ := w.raw(t)
	name := strings.TrimSuffix(parent, "branches/default_branch") + "schemas/default_schema"
	schema, err := schemas.GetSchema(t.Context(), &pb.GetSchemaRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	properties := schema.GetStructSchema().GetFields()["properties"].GetStructValue().AsMap()
	if diff := cmp.Diff(map[string]any{"price": map[string]any{"type": "number"}}, properties); diff != "" {
		t.Error(diff)
	}
}

func TestConnectorAndACL(t *testing.T) {
	w := newWorld(t)
	w.write(t, "m.jsonl", lines("a"))
	w.CreateDataStore(discoveryengine.StoreConfig{Project: "demo", ID: "posts", Connector: true, ACL: true})
	if _, err := w.stub.ImportDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_FULL, "m.jsonl")); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("import: %v", err)
	}
	if _, err := w.stub.ListDocuments(t.Context(), &pb.ListDocumentsRequest{Parent: parent}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("list: %v", err)
	}
	if _, err := w.stub.GetDocument(t.Context(), &pb.GetDocumentRequest{Name: parent + "/documents/a"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("get: %v", err)
	}
	_, _, stores := w.raw(t)
	store, err := stores.GetDataStore(t.Context(), &pb.GetDataStoreRequest{Name: strings.TrimSuffix(parent, "/branches/default_branch")})
	if err != nil || !store.GetAclEnabled() {
		t.Errorf("%v, error %v", store, err)
	}
}

func TestWorldsHaveNames(t *testing.T) {
	names := map[string]bool{}
	behaviours := map[discoveryengine.Behaviour]bool{}
	for _, w := range discoveryengine.Worlds() {
		if w.Name == "" || names[w.Name] || behaviours[w.Behaviour] {
			t.Errorf("%+v is not the only one", w)
		}
		names[w.Name], behaviours[w.Behaviour] = true, true
	}
}
