package discoveryengine_test

import (
	"fmt"
	"strings"
	"testing"

	de "cloud.google.com/go/discoveryengine/apiv1"
	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

func BenchmarkImport164000(b *testing.B) {
	objects, err := storage.Start(storage.Options{Buckets: []string{bucket}})
	if err != nil {
		b.Fatal(err)
	}
	defer objects.Close()
	server, err := discoveryengine.Start(discoveryengine.Options{Storage: objects})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	server.CreateDataStore(discoveryengine.StoreConfig{Project: "demo", ID: "posts"})
	client, err := de.NewDocumentClient(b.Context(), option.WithEndpoint(server.Addr()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var text strings.Builder
	filler := strings.Repeat("自然の観察", 16)
	for i := range 164_000 {
		fmt.Fprintf(&text, `{"id":"doc-%d","structData":{"user_question":%q,"object_label":"花","ai_answer":%q,"ai_question":%q,"location":"東京"},"content":{"mimeType":"image/jpeg","uri":"gs://images/%d.jpg"}}`+"\n", i, filler, filler, filler, i)
	}
	if _, err := objects.Write(bucket, "big.jsonl", []byte(text.String())); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := client.ImportDocuments(b.Context(), fromStorage(pb.ImportDocumentsRequest_FULL, "big.jsonl")); err != nil {
			b.Fatal(err)
		}
		if err := server.Wait(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
