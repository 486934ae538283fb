package discoveryengine_test

import (
	"fmt"
	"strings"
	"testing"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"
)

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
