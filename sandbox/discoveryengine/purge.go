package discoveryengine

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// maxPurgeSample is the documented number of names in the answer to a purge that only counts.
const maxPurgeSample = 100

// PurgeDocuments checks the request and starts the operation that does the rest.
func (d *documentService) PurgeDocuments(_ context.Context, r *discoveryenginepb.PurgeDocumentsRequest) (*longrunningpb.Operation, error) {
	store, err := d.s.branch(r.GetParent())
	if err != nil {
		return nil, err
	}
	if err := d.s.checkPurge(store, r); err != nil {
		return nil, err
	}
	if r.GetForce() {
		store.count(func(stats *Stats) { stats.Purges++ })
	}
	return d.s.start(&operation{kind: Purge, store: store}, func(ctx context.Context, op *operation) (proto.Message, error) {
		return d.s.doPurge(ctx, op, r)
	})
}

func (s *Server) checkPurge(store *DataStore, r *discoveryenginepb.PurgeDocumentsRequest) error {
	if filter := r.GetFilter(); filter != "*" && (filter != "" || r.GetSource() == nil) {
		return invalid("Invalid filter %q: only \"*\" is supported.", filter)
	}
	if err := s.checkErrorPrefix(r.GetErrorConfig().GetGcsPrefix()); err != nil {
		return err
	}
	switch source := r.GetSource().(type) {
	case *discoveryenginepb.PurgeDocumentsRequest_InlineSource_:
		names := source.InlineSource.GetDocuments()
		if len(names) == 0 || len(names) > maxInline {
			return invalid("inline_source.documents must have 1 to %d items, got %d.", maxInline, len(names))
		}
		for _, name := range names {
			owner, _, err := s.document(name)
			if err != nil {
				return invalid("inline_source.documents: invalid document name %q.", name)
			}
			if owner != store {
				return invalid("inline_source.documents: %q is not under the parent %q.", name, r.GetParent())
			}
		}
	case *discoveryenginepb.PurgeDocumentsRequest_GcsSource:
		return s.checkSource(source.GcsSource, "document_id")
	}
	return nil
}

func (s *Server) doPurge(ctx context.Context, op *operation, r *discoveryenginepb.PurgeDocumentsRequest) (proto.Message, error) {
	ids, failures, err := s.purgeIDs(op.store, r)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !r.GetForce() {
		return op.store.countPurge(ids), nil
	}
	if fault := s.takeFault(Purge); fault != nil {
		op.store.purge(op, ids[:int(float64(len(ids))*fault.Applied)])
		return nil, status.Error(fault.Code, fault.Message)
	}
	op.progress(0, len(failures), 0)
	statuses, err := statusesOf(failures, s.behaviour().ErrorLines)
	if err != nil {
		return nil, err
	}
	if err := s.writeErrors(r.GetErrorConfig().GetGcsPrefix(), statuses); err != nil {
		return nil, err
	}
	return &discoveryenginepb.PurgeDocumentsResponse{PurgeCount: int64(op.store.purge(op, ids))}, nil
}

// purgeIDs lists what a purge is about, and what of its source makes no sense.
func (s *Server) purgeIDs(store *DataStore, r *discoveryenginepb.PurgeDocumentsRequest) (ids []string, failures []parsed, err error) {
	switch source := r.GetSource().(type) {
	case *discoveryenginepb.PurgeDocumentsRequest_InlineSource_:
		for _, name := range source.InlineSource.GetDocuments() {
			ids = append(ids, name[strings.LastIndexByte(name, '/')+1:])
		}
	case *discoveryenginepb.PurgeDocumentsRequest_GcsSource:
		files, err := s.files(source.GcsSource)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range files {
			err := s.lines(f, func(lines []numbered) error {
				for _, l := range lines {
					id := string(l.line)
					if !validID.MatchString(id) {
						failures = append(failures, parsed{err: serviceError(fmt.Sprintf("Invalid document id %q.", id)), n: l.number})
						continue
					}
					ids = append(ids, id)
				}
				return nil
			})
			if err != nil {
				return nil, nil, fmt.Errorf("purge: %w", err)
			}
		}
	default:
		store.mu.Lock()
		defer store.mu.Unlock()
		ids = append(ids, store.ids()...)
	}
	return ids, failures, nil
}

// purge removes documents and returns how many there were; ids that are not there are ignored.
func (d *DataStore) purge(op *operation, ids []string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	purged := 0
	for _, id := range ids {
		if d.remove(id) {
			purged++
		}
	}
	d.stats.Purged += purged
	op.progress(purged, 0, len(ids)-purged)
	return purged
}

// countPurge answers what a purge would remove.
func (d *DataStore) countPurge(ids []string) *discoveryenginepb.PurgeDocumentsResponse {
	d.mu.Lock()
	defer d.mu.Unlock()
	response := &discoveryenginepb.PurgeDocumentsResponse{}
	for _, id := range ids {
		if _, found := d.documents[id]; !found {
			continue
		}
		response.PurgeCount++
		if len(response.PurgeSample) < maxPurgeSample {
			response.PurgeSample = append(response.PurgeSample, d.documentName(id))
		}
	}
	return response
}
