package datastore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	discoveryengine "cloud.google.com/go/discoveryengine/apiv1"
	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/googleapis/gax-go/v2/callctx"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

// pageSize is the most that one page of documents holds.
const pageSize = 1000

// Hit is one document found by Search.
type Hit struct {
	ID         string
	StructData json.RawMessage // the document's fields, an object
	URI        string          // of its content, "" if it has none
}

// IDs yields the ids of all documents, in no particular order. It ends after an
// error. It reads a page at a time and asks for nothing but names, which the
// service's field masks allow (the header of every Google API; a server that
// does not know it sends whole documents).
func (s *Store) IDs(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		client, err := s.documents()
		if err != nil {
			yield("", err)
			return
		}
		for token, more := "", true; more; more = token != "" {
			var ids []string
			if ids, token, err = s.page(ctx, client, token); err != nil {
				yield("", s.explain(ctx, "list documents of", s.name, err))
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

// page reads one page of ids.
func (s *Store) page(ctx context.Context, client *discoveryengine.DocumentClient, token string) (ids []string, next string, err error) {
	call, cancel, retry := s.bounded(ctx)
	defer cancel()
	masked := callctx.SetHeaders(call, "x-goog-fieldmask", "documents.id,documents.name,next_page_token")
	it := client.ListDocuments(masked, &pb.ListDocumentsRequest{Parent: s.branch}, retry)
	docs, next, err := it.InternalFetch(pageSize, token)
	if err != nil {
		return nil, "", err
	}
	for _, d := range docs {
		id := d.GetId()
		if id == "" {
			id = d.GetName()[strings.LastIndexByte(d.GetName(), '/')+1:]
		}
		ids = append(ids, id)
	}
	return ids, next, nil
}

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

// Search asks the data store for text and returns up to n documents.
func (s *Store) Search(ctx context.Context, text string, n int) ([]Hit, error) {
	client, err := discoveryengine.NewSearchClient(ctx, s.options()...)
	if err != nil {
		return nil, s.unconnected(err)
	}
	defer client.Close()
	call, cancel, retry := s.bounded(ctx)
	defer cancel()
	it := client.Search(call, &pb.SearchRequest{
		ServingConfig: s.name + "/servingConfigs/default_serving_config",
		Branch:        s.branch,
		Query:         text,
		PageSize:      int32(min(max(n, 1), 100)),
	}, retry)
	var hits []Hit
	for len(hits) < n {
		result, err := it.Next()
		if err == iterator.Done {
			break
		}
		if err != nil {
			return nil, s.explain(ctx, "search", s.name, err)
		}
		doc := result.GetDocument()
		hit := Hit{ID: cmp.Or(doc.GetId(), result.GetId()), URI: doc.GetContent().GetUri()}
		if data := doc.GetStructData(); data != nil {
			if hit.StructData, err = protojson.Marshal(data); err != nil {
				return nil, fmt.Errorf("search %s: document %s: %w", s.name, hit.ID, err)
			}
		}
		hits = append(hits, hit)
	}
	return hits, nil
}

// isMissingStore tells "no such data store" from "no such document" or "no such
// operation": all are NOT_FOUND, and only the text differs.
func isMissingStore(err error) bool {
	message := strings.ToLower(status.Convert(err).Message())
	return status.Code(err) == codes.NotFound &&
		(strings.Contains(message, "datastore") || strings.Contains(message, "data store")) &&
		!strings.Contains(message, "/documents/") && !strings.Contains(message, "/operations/")
}
