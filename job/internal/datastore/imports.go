package datastore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/protobuf/encoding/protojson"
)

// MaxObjects is how many objects one import takes, 2 GB each.
const MaxObjects = 100

// Mode is what an import does to the documents that it does not name.
type Mode = pb.ImportDocumentsRequest_ReconciliationMode

const (
	// Incremental adds and replaces; other documents stay.
	Incremental = pb.ImportDocumentsRequest_INCREMENTAL
	// Full replaces the whole content of the data store.
	Full = pb.ImportDocumentsRequest_FULL
)

// ImportInline starts the incremental import of a few documents, one JSON line each, and
// returns the operation's name. It is never a full import: that would delete everything else.
//
// A service that is busy is asked again until wait is over, once at least;
// then the error is ErrBusy, and nothing was started. A call whose reply may have been lost
// is repeated only while the data store lists no import that runs; otherwise it is
// ErrUnavailable, and the caller finds out by FindImport when that import has ended.
func (s *Store) ImportInline(ctx context.Context, lines [][]byte, wait time.Duration) (operation string, err error) {
	docs := make([]*pb.Document, 0, len(lines))
	for i, line := range lines {
		doc := &pb.Document{}
		if err := protojson.Unmarshal(bytes.TrimSpace(line), doc); err != nil {
			return "", fmt.Errorf("import into %s: document %d (%q): %w", s.name, i+1, doc.GetId(), err)
		}
		docs = append(docs, doc)
	}
	return s.importDocuments(ctx, &pb.ImportDocumentsRequest{
		Source:             &pb.ImportDocumentsRequest_InlineSource_{InlineSource: &pb.ImportDocumentsRequest_InlineSource{Documents: docs}},
		ReconciliationMode: Incremental,
	}, wait)
}

// ImportObjects starts the import of JSONL objects, gs://bucket/name each, and
// returns the operation's name. The service writes an account of what fails
// under errorsPrefix, an existing, empty folder gs://bucket/folder/. A service that
// refuses the folder is asked to do without: then only samples say what failed.
//
// What ImportInline says of busy services and lost replies holds here too.
func (s *Store) ImportObjects(ctx context.Context, uris []string, mode Mode, errorsPrefix string, wait time.Duration) (operation string, err error) {
	req := &pb.ImportDocumentsRequest{
		Source:             &pb.ImportDocumentsRequest_GcsSource{GcsSource: &pb.GcsSource{InputUris: uris, DataSchema: "document"}},
		ReconciliationMode: mode,
	}
	if errorsPrefix != "" {
		req.ErrorConfig = &pb.ImportErrorConfig{Destination: &pb.ImportErrorConfig_GcsPrefix{GcsPrefix: errorsPrefix}}
	}
	return s.importDocuments(ctx, req, wait)
}
