package cloudrun

import (
	"context"
	"testing"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"vertexmetadata/sandbox/discoveryengine"
)

// TestRefusalsArrive calls often, because losses are rare.
func TestRefusalsArrive(t *testing.T) {
	s, err := discoveryengine.Start(discoveryengine.Options{Authorize: func(_, _, _ string) error { return context.DeadlineExceeded }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := openFront(Endpoints{DiscoveryEngine: s.Addr()}, "token", metadata{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	conn, err := grpc.NewClient(f.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := discoveryenginepb.NewDocumentServiceClient(conn)
	bad := map[string]int{}
	for range 3000 {
		_, err := c.ImportDocuments(t.Context(), &discoveryenginepb.ImportDocumentsRequest{Parent: "projects/p/locations/global/collections/default_collection/dataStores/d/branches/0"})
		if status.Code(err) != codes.PermissionDenied {
			bad[err.Error()]++
		}
	}
	if len(bad) > 0 {
		t.Error(bad)
	}
}
