package discoveryengine

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// maxListed is the documented size of the largest page of documents; smaller by default.
const (
	maxListed     = 1000
	defaultListed = 100
)

func (d *documentService) GetDocument(_ context.Context, r *discoveryenginepb.GetDocumentRequest) (*discoveryenginepb.Document, error) {
	store, id, err := d.s.document(r.GetName())
	if err != nil {
		return nil, err
	}
	if store.config.ACL {
		return nil, errACL
	}
	line, found := store.line(id)
	if !found {
		return nil, noDocument(r.GetName())
	}
	return store.decode(id, line)
}

func (d *documentService) ListDocuments(ctx context.Context, r *discoveryenginepb.ListDocumentsRequest) (*discoveryenginepb.ListDocumentsResponse, error) {
	store, err := d.s.branch(r.GetParent())
	if err != nil {
		return nil, err
	}
	namesAlone, err := d.s.namesAlone(ctx)
	if err != nil {
		return nil, err
	}
	if store.config.ACL {
		return nil, errACL
	}
	size := int(r.GetPageSize())
	if size == 0 {
		size = defaultListed
	}
	store.mu.Lock()
	ids := store.ids()
	from, to, next, err := page(r.GetParent(), r.GetPageToken(), size, maxListed, len(ids))
	lines := make([][]byte, 0, to-from)
	for _, id := range ids[from:to] {
		lines = append(lines, store.documents[id].line)
	}
	store.mu.Unlock()
	if err != nil {
		return nil, err
	}
	response := &discoveryenginepb.ListDocumentsResponse{NextPageToken: next}
	for i, line := range lines {
		id := ids[from+i]
		if namesAlone {
			response.Documents = append(response.Documents, &discoveryenginepb.Document{Name: store.documentName(id), Id: id})
			continue
		}
		document, err := store.decode(id, line)
		if err != nil {
			return nil, err
		}
		response.Documents = append(response.Documents, document)
	}
	return response, nil
}

// namesAlone reports whether a list's header asks for the names and ids of documents alone, and may. Other masks are not
// known here.
func (s *Server) namesAlone(ctx context.Context) (bool, error) {
	behaviour := s.behaviour()
	md, _ := metadata.FromIncomingContext(ctx)
	mask := strings.Join(md.Get("x-goog-fieldmask"), ",")
	switch {
	case mask == "" || behaviour.FieldMask == MaskIgnored:
		return false, nil
	case behaviour.FieldMask == MaskRefused:
		return false, invalid("Error expanding 'fields' parameter. Cannot find matching fields for path %q.", mask)
	}
	for field := range strings.SplitSeq(mask, ",") {
		if !slices.Contains([]string{"documents.name", "documents.id", "next_page_token"}, field) {
			return false, invalid("The field mask %q is not known.", field)
		}
	}
	return true, nil
}

func (d *documentService) CreateDocument(_ context.Context, r *discoveryenginepb.CreateDocumentRequest) (*discoveryenginepb.Document, error) {
	store, err := d.s.branch(r.GetParent())
	if err != nil {
		return nil, err
	}
	if r.GetDocument() == nil {
		return nil, invalid("document is required.")
	}
	r.Document.Id = r.GetDocumentId()
	return d.write(store, r.GetDocument(), func(exists bool) error {
		if exists {
			return status.Errorf(codes.AlreadyExists, "Document with name %q already exists.", store.documentName(r.GetDocumentId()))
		}
		return nil
	})
}

func (d *documentService) UpdateDocument(_ context.Context, r *discoveryenginepb.UpdateDocumentRequest) (*discoveryenginepb.Document, error) {
	store, id, err := d.s.document(r.GetDocument().GetName())
	if err != nil {
		return nil, err
	}
	if r.GetUpdateMask() != nil {
		return nil, status.Error(codes.Unimplemented, "the sandbox does not implement update_mask")
	}
	r.Document.Id = id
	return d.write(store, r.GetDocument(), func(exists bool) error {
		if !exists && !r.GetAllowMissing() {
			return noDocument(r.GetDocument().GetName())
		}
		return nil
	})
}

// write checks and stores one document, if allowed, which is called with whether there is one.
func (d *documentService) write(store *DataStore, document *discoveryenginepb.Document, allowed func(exists bool) error) (*discoveryenginepb.Document, error) {
	if err := d.s.checker(store).document(document); err != nil {
		return nil, invalid("%v", err)
	}
	line, err := encode(document)
	if err != nil {
		return nil, invalid("%v", err)
	}
	store.mu.Lock()
	defer store.mu.Unlock()
	_, exists := store.documents[document.GetId()]
	if err := allowed(exists); err != nil {
		return nil, err
	}
	store.put(document.GetId(), line)
	store.stats.Written++
	return store.decode(document.GetId(), line)
}

func (d *documentService) DeleteDocument(_ context.Context, r *discoveryenginepb.DeleteDocumentRequest) (*emptypb.Empty, error) {
	store, id, err := d.s.document(r.GetName())
	if err != nil {
		return nil, err
	}
	store.mu.Lock()
	defer store.mu.Unlock()
	if !store.remove(id) {
		return nil, noDocument(r.GetName())
	}
	store.stats.Deleted++
	return &emptypb.Empty{}, nil
}

func noDocument(name string) error {
	return status.Errorf(codes.NotFound, "Document with name %q does not exist.", name)
}
