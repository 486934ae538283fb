package datastore

import (
	"context"
	"fmt"

	discoveryengine "cloud.google.com/go/discoveryengine/apiv1"
	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
)

// Content says whether the documents of a data store have content beside their
// fields. The service refuses a document of the other kind.
type Content int

const (
	// ContentUnknown: the service does not say.
	ContentUnknown Content = iota
	// ContentNone: fields alone (NO_CONTENT).
	ContentNone
	// ContentRequired: every document has content (CONTENT_REQUIRED).
	ContentRequired
)

// Check asks whether the data store is there and takes imported documents, and
// of which kind.
func (s *Store) Check(ctx context.Context) (Content, error) {
	store, err := s.describe(ctx)
	if err != nil {
		return ContentUnknown, err
	}
	switch c := store.GetContentConfig(); c {
	case pb.DataStore_NO_CONTENT:
		return ContentNone, nil
	case pb.DataStore_CONTENT_REQUIRED:
		return ContentRequired, nil
	case pb.DataStore_PUBLIC_WEBSITE, pb.DataStore_GOOGLE_WORKSPACE:
		return ContentUnknown, fmt.Errorf("check %s: its content is %s, which takes no imported documents: create one for unstructured documents with metadata (CONTENT_REQUIRED) and set DATA_STORE_ID", s.name, c)
	}
	return ContentUnknown, nil
}

func (s *Store) describe(ctx context.Context) (*pb.DataStore, error) {
	client, err := discoveryengine.NewDataStoreClient(ctx, s.options()...)
	if err != nil {
		return nil, s.unconnected(err)
	}
	defer client.Close()
	call, cancel, retry := s.bounded(ctx)
	defer cancel()
	store, err := client.GetDataStore(call, &pb.GetDataStoreRequest{Name: s.name}, retry)
	if err != nil {
		return nil, s.explain(ctx, "check", s.name, err)
	}
	return store, nil
}
