package discoveryengine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	de "cloud.google.com/go/discoveryengine/apiv1"
	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

const (
	bucket = "shelf"
	parent = "projects/demo/locations/global/collections/default_collection/dataStores/posts/branches/default_branch"
)

// world is a server with one data store, its storage, and a client of it.
type world struct {
	*discoveryengine.Server
	storage *storage.Server
	store   *discoveryengine.DataStore
	client  *de.DocumentClient
	stub    pb.DocumentServiceClient // without the retries and paging of the client
	options []option.ClientOption
}

func newWorld(t *testing.T) *world {
	t.Helper()
	objects, err := storage.Start(storage.Options{Buckets: []string{bucket}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = objects.Close() })
	server, err := discoveryengine.Start(discoveryengine.Options{Storage: objects, MaxFileBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := &world{
		Server: server, storage: objects,
		store: server.CreateDataStore(discoveryengine.StoreConfig{Project: "demo", ProjectNumber: "123456", ID: "posts"}),
		options: []option.ClientOption{
			option.WithEndpoint(server.Addr()), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		},
	}
	if w.client, err = de.NewDocumentClient(t.Context(), w.options...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.client.Close() })
	conn, err := grpc.NewClient(server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w.stub = pb.NewDocumentServiceClient(conn)
	return w
}

// line is a good document.
func line(id string) string {
	return fmt.Sprintf(`{"id": %q, "structData": {"user_question": "これは何ですか", "n": 1}, "content": {"mimeType": "image/jpeg", "uri": "gs://images/%s.jpg"}}`, id, id)
}

func lines(ids ...string) string {
	var text strings.Builder
	for _, id := range ids {
		text.WriteString(line(id) + "\n")
	}
	return text.String()
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if _, err := w.storage.Write(bucket, name, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// fromStorage is an import of objects in the bucket.
func fromStorage(mode pb.ImportDocumentsRequest_ReconciliationMode, names ...string) *pb.ImportDocumentsRequest {
	source := &pb.GcsSource{DataSchema: "document"}
	for _, name := range names {
		source.InputUris = append(source.InputUris, "gs://"+bucket+"/"+name)
	}
	return &pb.ImportDocumentsRequest{
		Parent: parent, ReconciliationMode: mode, Source: &pb.ImportDocumentsRequest_GcsSource{GcsSource: source},
	}
}

func (w *world) importDocuments(ctx context.Context, r *pb.ImportDocumentsRequest) (*pb.ImportDocumentsResponse, *pb.ImportDocumentsMetadata, error) {
	op, err := w.client.ImportDocuments(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if err := w.Wait(ctx); err != nil { // op.Wait alone sleeps between its polls
		return nil, nil, err
	}
	response, err := op.Wait(ctx)
	if err != nil {
		return nil, nil, err
	}
	metadata, err := op.Metadata()
	return response, metadata, err
}

func (w *world) ids() []string {
	var ids []string
	w.store.Each(func(id string, _ []byte) { ids = append(ids, id) })
	return ids
}

func (w *world) wantIDs(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.ids()); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

// wantError compares a gRPC error with its code and a part of its text.
func wantError(t *testing.T, err error, code codes.Code, text string) {
	t.Helper()
	if status.Code(err) != code || err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want %v with %q", err, code, text)
	}
}

func TestGetDataStore(t *testing.T) {
	w := newWorld(t)
	client, err := de.NewDataStoreClient(t.Context(), w.options...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, test := range []struct {
		name, resource string
		code           codes.Code
		text           string
	}{
		{"by id", "projects/demo/locations/global/collections/default_collection/dataStores/posts", codes.OK, ""},
		{"by number", "projects/123456/locations/global/collections/default_collection/dataStores/posts", codes.OK, ""},
		{"without collection", "projects/demo/locations/global/dataStores/posts", codes.OK, ""},
		{"absent", "projects/demo/locations/global/collections/default_collection/dataStores/x", codes.NotFound, "DataStore projects/demo/locations/global/collections/default_collection/dataStores/x not found."},
		{"other location", "projects/demo/locations/us/collections/default_collection/dataStores/posts", codes.NotFound, "not found"},
		{"malformed", "projects/demo/dataStores/posts", codes.InvalidArgument, `Invalid resource name: "projects/demo/dataStores/posts"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, err := client.GetDataStore(t.Context(), &pb.GetDataStoreRequest{Name: test.resource})
			wantError(t, err, test.code, test.text)
			if err == nil && store.GetName() != "projects/123456/locations/global/collections/default_collection/dataStores/posts" {
				t.Errorf("name = %s", store.GetName())
			}
		})
	}
}

func TestIncrementalAndFullImport(t *testing.T) {
	w := newWorld(t)
	w.write(t, "one.jsonl", lines("a", "b"))
	w.write(t, "two.jsonl", "\n"+lines("b", "c")+"\n")
	w.write(t, "full-1.jsonl", lines("c"))
	w.write(t, "full-2.jsonl", strings.TrimSuffix(lines("d"), "\n"))
	for _, step := range []struct {
		request *pb.ImportDocumentsRequest
		want    []string
		success int64
	}{
		{fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "one.jsonl"), []string{"a", "b"}, 2},
		{fromStorage(pb.ImportDocumentsRequest_RECONCILIATION_MODE_UNSPECIFIED, "two.jsonl"), []string{"a", "b", "c"}, 2},
		{fromStorage(pb.ImportDocumentsRequest_FULL, "full-*.jsonl"), []string{"c", "d"}, 2},
	} {
		response, metadata, err := w.importDocuments(t.Context(), step.request)
		if err != nil {
			t.Fatal(err)
		}
		w.wantIDs(t, step.want...)
		if metadata.GetSuccessCount() != step.success || metadata.GetTotalCount() != step.success || metadata.GetFailureCount() != 0 || len(response.GetErrorSamples()) != 0 {
			t.Errorf("metadata %v, response %v", metadata, response)
		}
	}
	if got := w.store.Documents()["d"]; got != line("d") {
		t.Errorf("stored %s", got)
	}
	want := discoveryengine.Stats{ImportsFull: 1, ImportsIncremental: 2, ImportsStorage: 3, Written: 6, Removed: 2}
	if diff := cmp.Diff(want, w.store.Stats()); diff != "" {
		t.Error(diff)
	}
}

func TestInlineImport(t *testing.T) {
	w := newWorld(t)
	document := &pb.Document{
		Id: "a", Data: &pb.Document_JsonData{JsonData: `{"title": "コスモス"}`},
		Content: &pb.Document_Content{MimeType: "image/png", Content: &pb.Document_Content_Uri{Uri: "gs://images/a.png"}},
	}
	r := &pb.ImportDocumentsRequest{Parent: parent, Source: &pb.ImportDocumentsRequest_InlineSource_{
		InlineSource: &pb.ImportDocumentsRequest_InlineSource{Documents: []*pb.Document{document, {Id: "not ok"}}},
	}}
	response, metadata, err := w.importDocuments(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	w.wantIDs(t, "a")
	if metadata.GetSuccessCount() != 1 || metadata.GetFailureCount() != 1 {
		t.Errorf("metadata %v", metadata)
	}
	if samples := response.GetErrorSamples(); len(samples) != 1 || samples[0].GetCode() != 3 ||
		samples[0].GetMessage() != `Invalid document "not ok": Document.id must be 1 to 128 characters of [A-Za-z0-9_-], got "not ok".` {
		t.Errorf("samples %v", samples)
	}
	got, err := w.client.GetDocument(t.Context(), &pb.GetDocumentRequest{Name: parent + "/documents/a"})
	if err != nil || got.GetJsonData() != `{"title": "コスモス"}` || got.GetContent().GetUri() != "gs://images/a.png" ||
		got.GetName() != "projects/123456/locations/global/collections/default_collection/dataStores/posts/branches/0/documents/a" {
		t.Errorf("GetDocument = %v, %v", got, err)
	}
}

func TestListDocumentsPages(t *testing.T) {
	w := newWorld(t)
	for i := range 2500 {
		id := fmt.Sprintf("d%04d", i)
		w.store.Put(id, line(id))
	}
	first, err := w.stub.ListDocuments(t.Context(), &pb.ListDocumentsRequest{Parent: parent, PageSize: 5000})
	if err != nil || len(first.GetDocuments()) != 1000 || first.GetNextPageToken() == "" {
		t.Fatalf("first page has %d documents (%v), want 1000", len(first.GetDocuments()), err)
	}
	all := w.client.ListDocuments(t.Context(), &pb.ListDocumentsRequest{Parent: parent, PageSize: 1000})
	n := 0
	for document := range all.All() {
		if want := fmt.Sprintf("d%04d", n); document.GetId() != want {
			t.Fatalf("document %d is %s", n, document.GetId())
		}
		n++
	}
	if n != 2500 {
		t.Errorf("listed %d, want 2500", n)
	}
	_, err = w.stub.ListDocuments(t.Context(), &pb.ListDocumentsRequest{Parent: parent, PageToken: "x"})
	wantError(t, err, codes.InvalidArgument, "Invalid page_token")
	_, err = w.stub.ListDocuments(t.Context(), &pb.ListDocumentsRequest{Parent: parent, PageSize: -1})
	wantError(t, err, codes.InvalidArgument, "must not be negative")
}

func TestSingleDocuments(t *testing.T) {
	w := newWorld(t)
	data := func(text string) *pb.Document {
		return &pb.Document{Data: &pb.Document_JsonData{JsonData: text}}
	}
	create := &pb.CreateDocumentRequest{Parent: parent, DocumentId: "a", Document: data(`{"n": 1}`)}
	if _, err := w.client.CreateDocument(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.CreateDocument(t.Context(), create)
	wantError(t, err, codes.AlreadyExists, "already exists")
	update := &pb.UpdateDocumentRequest{Document: data(`{"n": 2}`)}
	update.Document.Name = parent + "/documents/b"
	_, err = w.client.UpdateDocument(t.Context(), update)
	wantError(t, err, codes.NotFound, "does not exist")
	update.AllowMissing = true
	if _, err := w.client.UpdateDocument(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	w.wantIDs(t, "a", "b")
	if err := w.client.DeleteDocument(t.Context(), &pb.DeleteDocumentRequest{Name: parent + "/documents/a"}); err != nil {
		t.Fatal(err)
	}
	err = w.client.DeleteDocument(t.Context(), &pb.DeleteDocumentRequest{Name: parent + "/documents/a"})
	wantError(t, err, codes.NotFound, `Document with name "`+parent+`/documents/a" does not exist.`)
	if got := w.store.Stats(); got.Written != 2 || got.Deleted != 1 {
		t.Errorf("stats %+v", got)
	}
}
