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

func TestDocumentsAreChecked(t *testing.T) {
	for _, test := range []struct {
		name, line, want string
	}{
		{"good", line("a"), ""},
		{"longest id", line(strings.Repeat("x", 128)), ""},
		{"no content", `{"id": "a", "structData": {}}`, ""},
		{"other mime type case", `{"id": "a", "structData": {}, "content": {"mimeType": "Image/WebP", "uri": "gs://b/o"}}`, ""},
		{"no id", `{"structData": {}}`, `Document.id must be 1 to 128 characters of [A-Za-z0-9_-], got ""`},
		{"too long id", line(strings.Repeat("x", 129)), "Document.id must be"},
		{"bad id", line("日本"), "Document.id must be"},
		{"not JSON", `{"id": "a"`, "unexpected EOF"},
		{"two on a line", line("a") + line("b"), "unexpected token {"},
		{"unknown field", `{"id": "a", "structData": {}, "extra": 1}`, `unknown field "extra"`},
		{"field twice", `{"id": "a", "id": "b", "structData": {}}`, `duplicate field "id"`},
		{"key twice in data", `{"id": "a", "structData": {"x": 1, "x": 2}}`, "duplicate map key"},
		{"NaN", `{"id": "a", "structData": {"x": NaN}}`, "invalid value NaN"},
		{"no data", `{"id": "a"}`, "one of struct_data or json_data should be provided"},
		{"data no object", `{"id": "a", "structData": [1]}`, "unexpected token ["},
		{"json data no object", `{"id": "a", "jsonData": "[1]"}`, "json_data is not a JSON object"},
		{"not a Cloud Storage URI", `{"id": "a", "structData": {}, "content": {"mimeType": "image/png", "uri": "https://b/o"}}`, "content.uri must be a Cloud Storage URI"},
		{"a bucket is no object", `{"id": "a", "structData": {}, "content": {"mimeType": "image/png", "uri": "gs://b/"}}`, "content.uri must be a Cloud Storage URI"},
		{"no mime type", `{"id": "a", "structData": {}, "content": {"uri": "gs://b/o"}}`, `unsupported content.mime_type ""`},
		{"unknown mime type", `{"id": "a", "structData": {}, "content": {"mimeType": "image/heic", "uri": "gs://b/o"}}`, `unsupported content.mime_type "image/heic"`},
		{"content of nothing", `{"id": "a", "structData": {}, "content": {"mimeType": "image/png"}}`, "content must have uri or raw_bytes"},
		{"bad UTF-8", "{\"id\": \"a\", \"structData\": {\"x\": \"\xff\"}}", "invalid UTF-8"},
		{"lone surrogate", `{"id": "a", "structData": {"x": "\ud800"}}`, "proto:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.write(t, "in.jsonl", test.line+"\n")
			response, metadata, err := w.importDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if w.store.Len() != 1 || metadata.GetFailureCount() != 0 {
					t.Errorf("refused: %v", response)
				}
				return
			}
			if w.store.Len() != 0 || metadata.GetFailureCount() != 1 || len(response.GetErrorSamples()) != 1 {
				t.Fatalf("taken: %v, %v", metadata, response)
			}
			if got := response.GetErrorSamples()[0].GetMessage(); !strings.Contains(got, test.want) {
				t.Errorf("message %q, want %q in it", got, test.want)
			}
		})
	}
}

func TestImportRequestsAreChecked(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	w.write(t, "big.jsonl", strings.Repeat(" ", 1<<20)+"\n")
	w.write(t, "errors/old.json", "{}")
	inline := func(n int, mode pb.ImportDocumentsRequest_ReconciliationMode) *pb.ImportDocumentsRequest {
		return &pb.ImportDocumentsRequest{Parent: parent, ReconciliationMode: mode, Source: &pb.ImportDocumentsRequest_InlineSource_{
			InlineSource: &pb.ImportDocumentsRequest_InlineSource{Documents: make([]*pb.Document, n)},
		}}
	}
	good := func(change func(*pb.ImportDocumentsRequest)) *pb.ImportDocumentsRequest {
		r := fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl")
		change(r)
		return r
	}
	uris := func(uris ...string) *pb.ImportDocumentsRequest {
		return good(func(r *pb.ImportDocumentsRequest) { r.GetGcsSource().InputUris = uris })
	}
	errorsTo := func(prefix string) *pb.ImportDocumentsRequest {
		return good(func(r *pb.ImportDocumentsRequest) {
			r.ErrorConfig = &pb.ImportErrorConfig{Destination: &pb.ImportErrorConfig_GcsPrefix{GcsPrefix: prefix}}
		})
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = "gs://shelf/in.jsonl"
	}
	for _, test := range []struct {
		name string
		r    *pb.ImportDocumentsRequest
		code codes.Code
		text string
	}{
		{"good", good(func(*pb.ImportDocumentsRequest) {}), codes.OK, ""},
		{"default schema", good(func(r *pb.ImportDocumentsRequest) { r.GetGcsSource().DataSchema = "" }), codes.OK, ""},
		{"no source", &pb.ImportDocumentsRequest{Parent: parent}, codes.InvalidArgument, "One of the sources must be set."},
		{"absent data store", good(func(r *pb.ImportDocumentsRequest) { r.Parent = strings.Replace(parent, "posts", "x", 1) }), codes.NotFound, "DataStore"},
		{"absent branch", good(func(r *pb.ImportDocumentsRequest) { r.Parent = strings.Replace(parent, "default_branch", "7", 1) }), codes.NotFound, "Branch"},
		{"no branch", good(func(r *pb.ImportDocumentsRequest) { r.Parent = strings.TrimSuffix(parent, "/branches/default_branch") }), codes.InvalidArgument, "Invalid resource name"},
		{"generated ids", good(func(r *pb.ImportDocumentsRequest) { r.AutoGenerateIds = true }), codes.InvalidArgument, "auto_generate_ids"},
		{"other schema", good(func(r *pb.ImportDocumentsRequest) { r.GetGcsSource().DataSchema = "csv" }), codes.Unimplemented, "data_schema"},
		{"no inline document", inline(0, 0), codes.InvalidArgument, "1 to 100 items, got 0"},
		{"too many inline documents", inline(101, 0), codes.InvalidArgument, "1 to 100 items, got 101"},
		{"FULL inline", inline(1, pb.ImportDocumentsRequest_FULL), codes.InvalidArgument, "FULL is not supported for inline"},
		{"no URI", uris(), codes.InvalidArgument, "1 to 100 items, got 0"},
		{"too many URIs", uris(many...), codes.InvalidArgument, "1 to 100 items, got 101"},
		{"as many as allowed", uris(many[:100]...), codes.OK, ""},
		{"not gs", uris("https://shelf/in.jsonl"), codes.InvalidArgument, "Invalid Cloud Storage URI"},
		{"too long", uris("gs://shelf/" + strings.Repeat("x", 2000)), codes.InvalidArgument, "at most 2000 characters"},
		{"absent bucket", uris("gs://nowhere/in.jsonl"), codes.InvalidArgument, `bucket "nowhere" does not exist`},
		{"absent object", uris("gs://shelf/x.jsonl"), codes.NotFound, "No files found matching gs://shelf/x.jsonl."},
		{"pattern without a match", uris("gs://shelf/*.txt"), codes.NotFound, "No files found matching gs://shelf/*.txt."},
		{"too large a file", uris("gs://shelf/big.jsonl"), codes.InvalidArgument, "has 1048577 bytes, at most 1048576 are allowed"},
		{"errors to a new folder", errorsTo("gs://shelf/new/"), codes.OK, ""},
		{"errors to no folder", errorsTo("gs://shelf"), codes.InvalidArgument, "must be gs://bucket/directory"},
		{"errors to an absent bucket", errorsTo("gs://nowhere/new"), codes.InvalidArgument, `bucket "nowhere" does not exist`},
		{"errors to a used folder", errorsTo("gs://shelf/errors"), codes.InvalidArgument, "is not empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := w.importDocuments(t.Context(), test.r)
			wantError(t, err, test.code, test.text)
		})
	}
}

func TestErrorFolderMayBeRequired(t *testing.T) {
	w := newWorld(t)
	w.RequireErrorFolder(true)
	w.write(t, "in.jsonl", lines("a"))
	r := fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl")
	r.ErrorConfig = &pb.ImportErrorConfig{Destination: &pb.ImportErrorConfig_GcsPrefix{GcsPrefix: "gs://shelf/errors/1"}}
	_, _, err := w.importDocuments(t.Context(), r)
	wantError(t, err, codes.InvalidArgument, "does not exist")
	w.write(t, "errors/1/", "")
	if _, _, err := w.importDocuments(t.Context(), r); err != nil {
		t.Error(err)
	}
}

func TestErrorFiles(t *testing.T) {
	w := newWorld(t)
	var text strings.Builder
	for i := range 300 {
		text.WriteString(line(fmt.Sprintf("doc-%03d", i)) + "\n")
	}
	w.write(t, "in.jsonl", text.String())
	w.FailDocuments(func(id string) bool { return id >= "doc-100" })
	r := fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl")
	r.ErrorConfig = &pb.ImportErrorConfig{Destination: &pb.ImportErrorConfig_GcsPrefix{GcsPrefix: "gs://shelf/errors/1"}}
	response, metadata, err := w.importDocuments(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if metadata.GetSuccessCount() != 100 || metadata.GetFailureCount() != 200 || metadata.GetTotalCount() != 300 {
		t.Errorf("metadata %v", metadata)
	}
	if len(response.GetErrorSamples()) != 5 || response.GetErrorConfig().GetGcsPrefix() != "gs://shelf/errors/1" {
		t.Errorf("response %v", response)
	}
	shards := w.storage.List(bucket, "errors/1/")
	if len(shards) != 2 {
		t.Fatalf("error files %v, want 2", shards)
	}
	count := 0
	for _, shard := range shards {
		data, err := w.storage.Read(bucket, shard.Name)
		if err != nil {
			t.Fatal(err)
		}
		count += strings.Count(string(data), "\n")
		if !strings.Contains(string(data), `failed by a fault switch`) || !strings.Contains(string(data), `line_number`) {
			t.Errorf("%s: %.200s", shard.Name, data)
		}
	}
	if count != 200 {
		t.Errorf("%d errors in files, want 200", count)
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
