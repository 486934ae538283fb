package datastore

import (
	"fmt"
	"math"
	"path"
	"strings"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"vertexmetadata/job/internal/refusal"
)

// Progress is how far an import has come.
//
// An import is done when its operation ended without an error. Which of its
// documents the service rejected is said by Failed, by Samples, or by the error
// files; what else the counts say proves nothing, see Mismatch.
type Progress struct {
	Done      bool
	Counted   bool      // the service counts, in a form that is known
	Succeeded int64     // documents
	Failed    int64     // documents
	Samples   []Failure // some of the failures, of a done import
	Err       error     // why the operation as a whole failed; nil also when single documents did
}

// Mismatch compares the counts of a done import with the number of documents that it
// was given. A service may count only what changed, or nothing, or late: that is
// worth a warning with both numbers, and no failure. A service without counts
// mismatches nothing.
func (p Progress) Mismatch(sent int64) (counted int64, differs bool) {
	counted = p.Succeeded + p.Failed
	return counted, p.Counted && counted != sent
}

// isImport reports whether op changes documents, by its metadata or else by its name. Purges count as imports
// here: this program starts none, and one that runs may undo an import all the same.
func isImport(op *longrunningpb.Operation) bool {
	kind, id := string(op.GetMetadata().MessageName()), path.Base(op.GetName())
	return strings.HasSuffix(kind, importMetadata) || strings.HasSuffix(kind, ".PurgeDocumentsMetadata") ||
		strings.HasPrefix(id, "import-documents") || strings.HasPrefix(id, "purge-documents")
}

// Operations that were started in the console, or by a client of another version,
// have metadata of v1beta or v1alpha, which differ from those of v1 by the package
// alone; so types are recognised by the end of their names.
const importMetadata = ".ImportDocumentsMetadata"

// decode reads the message in any as one of v1, which those of other versions are
// compatible with. It reports false for what is of another type, or damaged. end may be empty.
func decode(any *anypb.Any, end string, m proto.Message) bool {
	return strings.HasSuffix(string(any.MessageName()), end) && proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(any.GetValue(), m) == nil
}

// count is what a service counted, kept to what can be and can be added up.
func count(n int64) int64 { return min(max(n, 0), math.MaxInt64/2) }

// progress reads an operation. Counts are in the metadata, which may be missing, or
// of a type that is not known.
func (s *Store) progress(op *longrunningpb.Operation) Progress {
	p := Progress{Done: op.GetDone()}
	var imported pb.ImportDocumentsMetadata
	if decode(op.GetMetadata(), importMetadata, &imported) {
		p.Counted = true
		p.Succeeded, p.Failed = count(imported.GetSuccessCount()), count(imported.GetFailureCount())
	}
	if st := op.GetError(); st.GetCode() != int32(codes.OK) || st.GetMessage() != "" {
		failed := &refusal.Advice{Text: fmt.Sprintf("%s: %s", codes.Code(st.GetCode()), refusal.Line(st.GetMessage()))}
		if refused := status.ErrorProto(st); refused != nil && refusal.Known(refused, s.api.Target) {
			failed.Remedy, failed.Causes = refusal.Explain("import into", s.name, refused, s.api.Target).Remedy, []error{refused}
		}
		p.Err = failed
	}
	var response pb.ImportDocumentsResponse
	if decode(op.GetResponse(), ".ImportDocumentsResponse", &response) {
		for _, st := range response.GetErrorSamples() {
			p.Samples = append(p.Samples, failuresOf(st)...)
		}
	}
	return p
}
