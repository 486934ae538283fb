package discoveryengine

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"time"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// maxInline is how many items an inline source may have; the documentation recommends not to exceed it.
const maxInline = 100

type documentService struct {
	discoveryenginepb.UnimplementedDocumentServiceServer
	s *Server
}

// ImportDocuments checks the request and starts the operation that does the rest.
func (d *documentService) ImportDocuments(_ context.Context, r *discoveryenginepb.ImportDocumentsRequest) (*longrunningpb.Operation, error) {
	store, err := d.s.branch(r.GetParent())
	if err != nil {
		return nil, err
	}
	full := r.GetReconciliationMode() == discoveryenginepb.ImportDocumentsRequest_FULL
	if store.config.Connector {
		return nil, errConnector
	}
	if err := d.s.checkImport(r, full); err != nil {
		return nil, err
	}
	if err := d.s.admitImport(store, full, r.GetGcsSource() != nil); err != nil {
		return nil, err
	}
	store.count(func(stats *Stats) {
		*pick(full, &stats.ImportsFull, &stats.ImportsIncremental)++
		*pick(r.GetGcsSource() != nil, &stats.ImportsStorage, &stats.ImportsInline)++
	})
	op := &operation{store: store, full: full, behaviour: d.s.behaviour()}
	return d.s.start(op, func(ctx context.Context, op *operation) (proto.Message, error) {
		return d.s.doImport(ctx, op, r)
	})
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// checkImport refuses what the service refuses before it starts an operation.
func (s *Server) checkImport(r *discoveryenginepb.ImportDocumentsRequest, full bool) error {
	switch {
	case r.GetAutoGenerateIds() || r.GetIdField() != "":
		return invalid("auto_generate_ids and id_field need data_schema custom or csv.")
	case r.GetUpdateMask() != nil:
		return status.Error(codes.Unimplemented, "the sandbox does not implement update_mask")
	}
	if r.GetErrorConfig() != nil && s.behaviour().ErrorFolder == NoFolder {
		return invalid("error_config.gcs_prefix: %q is not a valid directory.", r.GetErrorConfig().GetGcsPrefix())
	}
	if err := s.checkErrorPrefix(r.GetErrorConfig().GetGcsPrefix()); err != nil {
		return err
	}
	switch source := r.GetSource().(type) {
	case nil:
		return invalid("One of the sources must be set.")
	case *discoveryenginepb.ImportDocumentsRequest_InlineSource_:
		// FULL deletes what is not "in the source location", and an inline source has none. The documentation
		// does not say that it is refused; a stand-in had better not empty a data store on a guess.
		if full {
			return invalid("Reconciliation mode FULL is not supported for inline sources.")
		}
		if n := len(source.InlineSource.GetDocuments()); n == 0 || n > maxInline {
			return invalid("inline_source.documents must have 1 to %d items, got %d.", maxInline, n)
		}
		return nil
	case *discoveryenginepb.ImportDocumentsRequest_GcsSource:
		return s.checkSource(source.GcsSource, "document")
	default:
		return status.Errorf(codes.Unimplemented, "the sandbox does not implement source %T", source)
	}
}

// secondImport is what is said with each of the codes that a second import may be refused with.
var secondImport = map[codes.Code]string{
	codes.Aborted:            "Another import is running on this branch. Try again once it is done.",
	codes.FailedPrecondition: "There is already an import operation in progress for this branch.",
	codes.ResourceExhausted:  "Too many concurrent import operations on this branch.",
}

// admitImport applies the quotas.
func (s *Server) admitImport(store *DataStore, full, fromStorage bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := 0
	for _, op := range s.order {
		if op.finished() {
			continue
		}
		pending++
		if code := s.switches.SecondImport; code != codes.OK && op.store == store {
			return status.Error(code, secondImport[code])
		}
		if s.switches.serialImports && op.store == store && (full || op.full) {
			return status.Errorf(codes.Aborted, "Another import is running on this branch: %s. Try again once it is done.", op.name)
		}
	}
	if pending >= maxPending {
		return status.Errorf(codes.ResourceExhausted, "Quota exceeded: %d pending import operations.", pending)
	}
	if limit := s.switches.ImportsPerMinute; limit > 0 && fromStorage {
		now := s.switches.now()
		recent := s.switches.imports[:0]
		for _, start := range s.switches.imports {
			if now.Sub(start) < time.Minute {
				recent = append(recent, start)
			}
		}
		if s.switches.imports = recent; len(recent) >= limit {
			return status.Errorf(codes.ResourceExhausted, "Quota exceeded for quota metric 'Cloud Storage import requests' and limit '%d per minute'.", limit)
		}
		s.switches.imports = append(s.switches.imports, now)
	}
	return nil
}

// parsed is the outcome of one line or inline document.
type parsed struct {
	id   string
	line []byte
	err  error
	n    int // its line number, for error files
	// kinds of its fields, where types are fixed
	kinds map[string]string
}

// doImport reads, checks and applies.
func (s *Server) doImport(ctx context.Context, op *operation, r *discoveryenginepb.ImportDocumentsRequest) (proto.Message, error) {
	var documents []parsed
	var err error
	if source := r.GetGcsSource(); source != nil {
		documents, err = s.readDocuments(ctx, op.store, source)
	} else {
		documents, err = s.inlineDocuments(op.store, r.GetInlineSource().GetDocuments())
	}
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if fault := s.takeFault(); fault != nil {
		documents = documents[:int(float64(len(documents))*fault.Applied)]
		op.store.apply(op, documents, false)
		return nil, status.Error(fault.Code, fault.Message)
	}
	failures := op.store.apply(op, documents, op.full)
	return s.report(r.GetErrorConfig(), failures)
}

// apply writes the good documents, removes for a FULL import the ones it did not mention, and returns the bad.
func (d *DataStore) apply(op *operation, documents []parsed, full bool) (failures []parsed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	mentioned := make(map[string]struct{}, len(documents))
	changed := 0
	for _, p := range documents {
		if p.err != nil {
			failures = append(failures, p)
			if op.behaviour.DropFailed {
				continue
			}
		}
		mentioned[p.id] = struct{}{}
		if p.err == nil {
			if before, known := d.documents[p.id]; !known || !bytes.Equal(before.line, p.line) {
				changed++
			}
			d.put(p.id, p.line)
			d.learn(p.kinds)
		}
	}
	good := len(documents) - len(failures)
	d.stats.Written += good
	d.stats.Failed += len(failures)
	switch op.behaviour.Counts {
	case CountChanged:
		op.progress(changed, len(failures))
	case CountNothing:
	default:
		op.progress(good, len(failures))
	}
	if !full {
		return failures
	}
	for _, id := range d.ids() {
		if _, keep := mentioned[id]; !keep {
			d.remove(id)
			d.stats.Removed++
		}
	}
	return failures
}

func (s *Server) inlineDocuments(store *DataStore, documents []*discoveryenginepb.Document) ([]parsed, error) {
	check := s.checker(store)
	results := make([]parsed, len(documents))
	for i, document := range documents {
		line, err := encode(document)
		if err != nil {
			return nil, invalid("document %d: %v", i, err)
		}
		results[i] = parsed{id: document.GetId(), line: line, err: check.document(document), n: i + 1, kinds: check.kindsOf(document)}
	}
	return results, nil
}

// readDocuments reads all files, in parallel where there are cores, and keeps the order of lines.
func (s *Server) readDocuments(ctx context.Context, store *DataStore, source *discoveryenginepb.GcsSource) ([]parsed, error) {
	files, err := s.files(source)
	if err != nil {
		return nil, err
	}
	check := s.checker(store)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var batches [][]parsed
	for _, f := range files {
		err := s.lines(f, func(lines []numbered) error {
			batch := make([]parsed, len(lines))
			batches = append(batches, batch)
			group.Go(func() error {
				for i, l := range lines {
					id, kinds, err := check.line(l.line)
					batch[i] = parsed{id: id, line: l.line, err: err, n: l.number, kinds: kinds}
				}
				return nil
			})
			return ctx.Err()
		})
		if err != nil {
			_ = group.Wait() // its goroutines return no errors
			return nil, fmt.Errorf("import: %w", err)
		}
	}
	_ = group.Wait()
	total := 0
	for _, batch := range batches {
		total += len(batch)
	}
	documents := make([]parsed, 0, total)
	for _, batch := range batches {
		documents = append(documents, batch...)
	}
	return documents, nil
}
