package discoveryengine_test

import (
	"strings"
	"testing"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
)

func purgeInline(force bool, names ...string) *pb.PurgeDocumentsRequest {
	return &pb.PurgeDocumentsRequest{Parent: parent, Filter: "*", Force: force, Source: &pb.PurgeDocumentsRequest_InlineSource_{
		InlineSource: &pb.PurgeDocumentsRequest_InlineSource{Documents: names},
	}}
}

func purgeFile(name string) *pb.PurgeDocumentsRequest {
	return &pb.PurgeDocumentsRequest{Parent: parent, Filter: "*", Force: true, Source: &pb.PurgeDocumentsRequest_GcsSource{
		GcsSource: &pb.GcsSource{InputUris: []string{"gs://shelf/" + name}, DataSchema: "document_id"},
	}}
}

func TestPurge(t *testing.T) {
	byNumber := strings.Replace(parent, "demo", "123456", 1)
	for _, test := range []struct {
		name             string
		r                *pb.PurgeDocumentsRequest
		code             codes.Code
		text             string
		left             []string
		purged           int64
		failure, ignored int64
	}{
		{"all", &pb.PurgeDocumentsRequest{Parent: parent, Filter: "*", Force: true}, codes.OK, "", nil, 3, 0, 0},
		{"all, only counted", &pb.PurgeDocumentsRequest{Parent: parent, Filter: "*"}, codes.OK, "", []string{"a", "b", "c"}, 3, 0, 0},
		{"no filter", &pb.PurgeDocumentsRequest{Parent: parent, Force: true}, codes.InvalidArgument, `only "*" is supported`, []string{"a", "b", "c"}, 0, 0, 0},
		{"other filter", &pb.PurgeDocumentsRequest{Parent: parent, Filter: "a", Force: true}, codes.InvalidArgument, `only "*" is supported`, []string{"a", "b", "c"}, 0, 0, 0},
		{"by name", purgeInline(true, parent+"/documents/a", byNumber+"/documents/b", parent+"/documents/x"), codes.OK, "", []string{"c"}, 2, 0, 1},
		{"by name, only counted", purgeInline(false, parent+"/documents/a", parent+"/documents/x"), codes.OK, "", []string{"a", "b", "c"}, 1, 0, 0},
		{"by id instead of name", purgeInline(true, "a"), codes.InvalidArgument, `invalid document name "a"`, []string{"a", "b", "c"}, 0, 0, 0},
		{"no name", purgeInline(true), codes.InvalidArgument, "1 to 100 items, got 0", []string{"a", "b", "c"}, 0, 0, 0},
		{"too many names", purgeInline(true, make([]string, 101)...), codes.InvalidArgument, "1 to 100 items, got 101", []string{"a", "b", "c"}, 0, 0, 0},
		{"by file", purgeFile("ids.txt"), codes.OK, "", []string{"c"}, 2, 1, 1},
		{"by absent file", purgeFile("none.txt"), codes.NotFound, "No files found", []string{"a", "b", "c"}, 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.write(t, "ids.txt", "a\nb\nunknown\nnot ok\n")
			for _, id := range []string{"a", "b", "c"} {
				w.store.Put(id, line(id))
			}
			op, err := w.client.PurgeDocuments(t.Context(), test.r)
			var response *pb.PurgeDocumentsResponse
			if err == nil {
				if err := w.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				response, err = op.Wait(t.Context())
			}
			wantError(t, err, test.code, test.text)
			w.wantIDs(t, test.left...)
			if err != nil {
				return
			}
			metadata, err := op.Metadata()
			if err != nil {
				t.Fatal(err)
			}
			if response.GetPurgeCount() != test.purged || metadata.GetFailureCount() != test.failure || metadata.GetIgnoredCount() != test.ignored {
				t.Errorf("response %v, metadata %v", response, metadata)
			}
			if !test.r.GetForce() && len(response.GetPurgeSample()) != int(test.purged) {
				t.Errorf("samples %v", response.GetPurgeSample())
			}
		})
	}
}

func TestPurgeOfAnotherDataStoreIsRefused(t *testing.T) {
	w := newWorld(t)
	other := w.CreateDataStore(discoveryengine.StoreConfig{Project: "demo", ID: "other"})
	other.Put("a", line("a"))
	_, err := w.client.PurgeDocuments(t.Context(), purgeInline(true, other.Name()+"/branches/0/documents/a"))
	wantError(t, err, codes.InvalidArgument, "is not under the parent")
}
