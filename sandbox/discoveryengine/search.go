package discoveryengine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The documented sizes of a page of results.
const (
	defaultResults = 10
	maxResults     = 100
)

type searchService struct {
	discoveryenginepb.UnimplementedSearchServiceServer
	s *Server
}

// Search ranks documents by the words, and for scripts without spaces the pairs of characters, that they share
// with the query. It is no match for the real ranking, but a document that answers the query comes first.
func (v *searchService) Search(_ context.Context, r *discoveryenginepb.SearchRequest) (*discoveryenginepb.SearchResponse, error) {
	store, rest, err := v.s.store(r.GetServingConfig())
	if err != nil {
		return nil, err
	}
	if len(rest) != 2 || rest[0] != "servingConfigs" {
		return nil, invalid("Invalid resource name: %q", r.GetServingConfig())
	}
	if r.GetFilter() != "" || r.GetOrderBy() != "" {
		return nil, status.Error(codes.Unimplemented, "the sandbox does not implement filter and order_by of a search")
	}
	size := int(r.GetPageSize())
	if size == 0 {
		size = defaultResults
	}
	hits := store.search(r.GetQuery())
	total := len(hits)
	if r.GetPageToken() == "" {
		hits = hits[min(int(max(r.GetOffset(), 0)), len(hits)):]
	}
	query := r.GetServingConfig() + "\x00" + r.GetQuery()
	from, to, next, err := page(query, r.GetPageToken(), size, maxResults, len(hits))
	if err != nil {
		return nil, err
	}
	response := &discoveryenginepb.SearchResponse{
		TotalSize: int32(total), NextPageToken: next,
		AttributionToken: fmt.Sprintf("sandbox-%08x", fingerprint(query)),
	}
	for _, hit := range hits[from:to] {
		document, err := store.decode(hit.id, hit.line)
		if err != nil {
			return nil, err
		}
		response.Results = append(response.Results, &discoveryenginepb.SearchResponse_SearchResult{Id: hit.id, Document: document})
	}
	return response, nil
}

// hit is a document that matches a query.
type hit struct {
	id    string
	line  []byte
	score float64
}

// search returns the matching documents, best first. An empty query matches all, in the order of ids.
func (d *DataStore) search(query string) []hit {
	terms := termsOf(query)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.Searches++
	hits := []hit{}
	ids := d.ids()
	if len(terms) == 0 {
		for _, id := range ids {
			hits = append(hits, hit{id: id, line: d.documents[id].line})
		}
		return hits
	}
	frequency := make([]int, len(terms)) // in how many documents a term is
	counts := make([][]int, 0, len(ids))
	for _, id := range ids {
		document := d.documents[id]
		if document.text == "" {
			document.text = searchText(document.line)
		}
		found := countTerms(document.text, terms)
		for i, n := range found {
			if n > 0 {
				frequency[i]++
			}
		}
		counts = append(counts, found)
	}
	for i, id := range ids {
		if score := rank(counts[i], frequency, len(ids), len(d.documents[id].text)); score > 0 {
			hits = append(hits, hit{id, d.documents[id].line, score})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.score, a.score) })
	return hits
}
