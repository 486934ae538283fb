package datastore

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path"
	"strings"
	"time"

	discoveryengine "cloud.google.com/go/discoveryengine/apiv1"
	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/googleapis/gax-go/v2/callctx"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pageSize is the most that one page of documents holds.
const pageSize = 1000

// IDs yields the ids of all documents, in no particular order. It ends after an
// error. It reads a page at a time and asks for nothing but names, which the
// service's field masks allow (the header of every Google API; a server that
// does not know it sends whole documents).
func (s *Store) IDs(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		masked := true
		tokens, last := map[string]bool{}, time.Now()
		for token, more := "", true; more; more = token != "" {
			ids, next, err := s.page(ctx, token, masked)
			if masked && status.Code(err) == codes.InvalidArgument {
				masked = false
				ids, next, err = s.page(ctx, token, masked)
			}
			if err == nil && next != "" && (tokens[next] || len(ids) == 0 && time.Since(last) > s.api.Budget) {
				err = status.Error(codes.Unavailable, "the list has no end: a page came twice, or one after the other without a document")
			}
			tokens[next] = true
			if token = next; err != nil {
				yield("", s.api.Explain(ctx, "list documents of", s.name, err))
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
				last = time.Now()
			}
		}
	}
}

// idMask asks for what IDs needs of a list alone. Whether the service takes such a mask is not documented for it.
const idMask = "documents.id,documents.name,next_page_token"

// page reads one page of ids.
func (s *Store) page(ctx context.Context, token string, masked bool) (ids []string, next string, err error) {
	call, cancel, retry := s.api.Bounded(ctx)
	defer cancel()
	if masked {
		call = callctx.SetHeaders(call, "x-goog-fieldmask", idMask)
	}
	it := s.documents.ListDocuments(call, &pb.ListDocumentsRequest{Parent: s.branch}, retry)
	docs, next, err := it.InternalFetch(pageSize, token)
	if err != nil {
		return nil, "", err
	}
	for _, d := range docs {
		ids = append(ids, cmp.Or(d.GetId(), path.Base(d.GetName())))
	}
	return ids, next, nil
}

// searchBudget is how long Search may take, its retries included: somebody waits.
const searchBudget = 8 * time.Second

// Search asks the data store for text and returns up to n documents. It answers
// within ten seconds, whatever the service does.
func (s *Store) Search(ctx context.Context, text string, n int) ([]Document, error) {
	api := s.api.Within(searchBudget)
	client, err := discoveryengine.NewSearchClient(ctx, api.Options()...)
	if err != nil {
		return nil, api.Explain(ctx, "search", s.name, err)
	}
	defer client.Close()
	call, cancel, retry := api.Bounded(ctx)
	defer cancel()
	it := client.Search(call, &pb.SearchRequest{
		ServingConfig: s.name + "/servingConfigs/default_serving_config",
		Branch:        s.branch,
		Query:         text,
		PageSize:      int32(min(max(n, 1), 100)),
	}, retry)
	var hits []Document
	for len(hits) < n {
		result, err := it.Next()
		if err == iterator.Done {
			break
		}
		if err != nil {
			return nil, api.Explain(ctx, "search", s.name, err)
		}
		hit, err := documentOf(result.GetDocument(), result.GetId())
		if err != nil {
			return nil, fmt.Errorf("search %s: document %q: %w", s.name, result.GetId(), err)
		}
		hits = append(hits, hit)
	}
	return hits, nil
}

// isMissingStore distinguishes "no such data store" from "no such document" or "no such
// operation": all are NOT_FOUND, and only the text differs.
func isMissingStore(err error) bool {
	message := strings.ToLower(status.Convert(err).Message())
	return status.Code(err) == codes.NotFound &&
		(strings.Contains(message, "datastore") || strings.Contains(message, "data store")) &&
		!strings.Contains(message, "/documents/") && !strings.Contains(message, "/operations/")
}
