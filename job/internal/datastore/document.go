package datastore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"vertexmetadata/job/internal/panics"
)

// Document is one document as the data store has it.
type Document struct {
	ID         string          `json:"-"`
	URI        string          `json:"uri,omitempty"`        // of its content, "" if it has none
	MIMEType   string          `json:"mimeType,omitempty"`   // of its content
	StructData json.RawMessage `json:"structData,omitempty"` // the document's fields, an object without white space between its parts; nil without any
}

// readers is how many documents are read at a time.
const readers = 8

// Document returns one document. One that is not there is ErrNoDocument.
func (s *Store) Document(ctx context.Context, id string) (Document, error) {
	object := s.branch + "/documents/" + id
	if !validID(id) {
		return Document{}, fmt.Errorf("get %s/documents/%q: not a document id: %w", s.branch, id, ErrNoDocument)
	}
	call, cancel, retry := s.api.Bounded(ctx)
	defer cancel()
	found, err := s.documents.GetDocument(call, &pb.GetDocumentRequest{Name: object}, retry)
	switch {
	case status.Code(err) == codes.NotFound && !isMissingStore(err):
		return Document{}, fmt.Errorf("get %s: %w", object, ErrNoDocument)
	case err != nil:
		return Document{}, s.api.Explain(ctx, "get", object, err)
	}
	document, err := documentOf(found, id)
	if err != nil {
		return Document{}, fmt.Errorf("get %s: %w", object, err)
	}
	return document, nil
}

// Get returns the documents with the ids given, as far as they are there, by id. What
// is not a document's id is not there.
func (s *Store) Get(ctx context.Context, ids ...string) (map[string]Document, error) {
	found := make(map[string]Document)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for _, id := range ids {
		group.Go(panics.Guard(func() error {
			document, err := s.Document(ctx, id)
			if errors.Is(err, ErrNoDocument) {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found[id] = document
			return nil
		}))
	}
	return found, group.Wait()
}

// documentOf is d as a Document. id stands in where d has none.
func documentOf(d *pb.Document, id string) (Document, error) {
	document := Document{ID: cmp.Or(d.GetId(), id), URI: d.GetContent().GetUri(), MIMEType: d.GetContent().GetMimeType()}
	data := []byte(d.GetJsonData())
	if fields := d.GetStructData(); fields != nil {
		var err error
		if data, err = protojson.Marshal(fields); err != nil {
			return Document{}, err
		}
	}
	if len(data) == 0 {
		return document, nil
	}
	var compact bytes.Buffer // protojson puts blanks in at random
	if err := json.Compact(&compact, data); err != nil {
		return Document{}, fmt.Errorf("fields: %w", err)
	}
	document.StructData = compact.Bytes()
	return document, nil
}
