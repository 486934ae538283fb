package discoveryengine

import (
	"bytes"
	"fmt"
	"strings"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	// maxSamples is how many errors a response shows; the documentation only says "a sample".
	maxSamples = 5
	// errorsPerShard keeps error files small, so that even a test's few errors come in several.
	errorsPerShard = 100
)

// checkErrorPrefix checks that errors can be written: an existing bucket and an empty folder.
func (s *Server) checkErrorPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	bucket, folder, ok := splitPrefix(prefix)
	if !ok {
		return invalid("error_config.gcs_prefix must be gs://bucket/directory, got %q.", prefix)
	}
	if s.options.Storage == nil || !s.options.Storage.BucketExists(bucket) {
		return invalid("error_config.gcs_prefix: Cloud Storage bucket %q does not exist.", bucket)
	}
	s.mu.Lock()
	required := s.switches.ErrorFolder == ExistingFolder
	s.mu.Unlock()
	exists := false
	for _, object := range s.options.Storage.List(bucket, folder) {
		if object.Name != folder {
			return invalid("error_config.gcs_prefix: directory %q is not empty.", prefix)
		}
		exists = true
	}
	if required && !exists {
		return invalid("error_config.gcs_prefix: directory %q does not exist.", prefix)
	}
	return nil
}

// splitPrefix returns the folder with a slash at its end.
func splitPrefix(prefix string) (bucket, folder string, ok bool) {
	bucket, folder, ok = strings.Cut(strings.TrimPrefix(prefix, "gs://"), "/")
	folder = strings.TrimSuffix(folder, "/")
	return bucket, folder + "/", ok && strings.HasPrefix(prefix, "gs://") && bucket != "" && folder != ""
}

// report writes the error files, if asked to, and makes the response.
func (s *Server) report(config *discoveryenginepb.ImportErrorConfig, failures []parsed) (*discoveryenginepb.ImportDocumentsResponse, error) {
	behaviour := s.behaviour()
	statuses, err := statusesOf(failures, behaviour.ErrorLines)
	if err != nil {
		return nil, err
	}
	if err := s.writeErrors(config.GetGcsPrefix(), statuses); err != nil {
		return nil, err
	}
	samples := statuses[:min(len(statuses), maxSamples)]
	if behaviour.NoSamples {
		samples = nil
	}
	return &discoveryenginepb.ImportDocumentsResponse{ErrorSamples: samples, ErrorConfig: config}, nil
}

// statusesOf describes failures as the service does: the line number is all it adds to the message.
func statusesOf(failures []parsed, lines ErrorLines) ([]*statuspb.Status, error) {
	statuses := make([]*statuspb.Status, 0, len(failures))
	for _, failure := range failures {
		st := &statuspb.Status{Code: int32(codes.InvalidArgument), Message: failure.err.Error()}
		statuses = append(statuses, st)
		if lines == NoLines {
			continue
		}
		place, err := structpb.NewStruct(map[string]any{"line_number": failure.n - pick(lines == LinesFromZero, 1, 0)})
		if err != nil {
			return nil, err
		}
		detail, err := anypb.New(place)
		if err != nil {
			return nil, err
		}
		st.Details = []*anypb.Any{detail}
	}
	return statuses, nil
}

// writeErrors writes all errors as sharded files, one google.rpc.Status in JSON per line.
func (s *Server) writeErrors(prefix string, statuses []*statuspb.Status) error {
	if prefix == "" || len(statuses) == 0 {
		return nil
	}
	bucket, folder, _ := splitPrefix(prefix) // was checked before the start
	shards := (len(statuses) + errorsPerShard - 1) / errorsPerShard
	for shard := range shards {
		var content bytes.Buffer
		for i := shard; i < len(statuses); i += shards {
			line, err := protojson.Marshal(statuses[i])
			if err != nil {
				return fmt.Errorf("encode import error: %w", err)
			}
			content.Write(line)
			content.WriteByte('\n')
		}
		name := fmt.Sprintf("%serrors-%05d-of-%05d.json", folder, shard, shards)
		if _, err := s.options.Storage.Write(bucket, name, content.Bytes()); err != nil {
			return fmt.Errorf("write import errors: %w", err)
		}
	}
	return nil
}
