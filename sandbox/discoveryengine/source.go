package discoveryengine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The documented limits of a Cloud Storage source.
const (
	maxURIs      = 100
	maxURILength = 2000
	maxFiles     = 100
)

// file is one object of a source.
type file struct{ bucket, object string }

func (f file) String() string { return "gs://" + f.bucket + "/" + f.object }

// checkSource checks a Cloud Storage source before an operation starts.
func (s *Server) checkSource(source *discoveryenginepb.GcsSource, schema string) error {
	if s.options.Storage == nil {
		return status.Error(codes.Unimplemented, "the sandbox was started without storage")
	}
	if got := source.GetDataSchema(); got != schema && (got != "" || schema != "document") {
		return status.Errorf(codes.Unimplemented, "the sandbox takes data_schema %q only, got %q", schema, got)
	}
	uris := source.GetInputUris()
	if len(uris) == 0 || len(uris) > maxURIs {
		return invalid("gcs_source.input_uris must have 1 to %d items, got %d.", maxURIs, len(uris))
	}
	for _, uri := range uris {
		if len(uri) > maxURILength || !isObjectURI(uri) {
			return invalid("Invalid Cloud Storage URI %q: gs://bucket/object of at most %d characters expected.", uri, maxURILength)
		}
		if bucket := bucketOf(uri); !s.options.Storage.BucketExists(bucket) {
			return invalid("Cloud Storage bucket %q does not exist.", bucket)
		}
	}
	return nil
}

// files resolves the URIs and patterns of a source while its operation runs.
func (s *Server) files(source *discoveryenginepb.GcsSource) ([]file, error) {
	var files []file
	seen := map[file]bool{}
	for _, uri := range source.GetInputUris() {
		bucket, pattern := bucketOf(uri), strings.SplitN(uri, "/", 4)[3]
		prefix := pattern
		if i := strings.IndexAny(pattern, "*?["); i >= 0 {
			prefix = pattern[:i]
		}
		match, err := globToRegexp(pattern)
		if err != nil {
			return nil, invalid("Invalid pattern %q: %v", uri, err)
		}
		found := false
		for _, object := range s.options.Storage.List(bucket, prefix) {
			if !match.MatchString(object.Name) {
				continue
			}
			found = true
			if object.Size > s.options.MaxFileBytes {
				return nil, invalid("File gs://%s/%s has %d bytes, at most %d are allowed.", bucket, object.Name, object.Size, s.options.MaxFileBytes)
			}
			if f := (file{bucket, object.Name}); !seen[f] {
				seen[f] = true
				files = append(files, f)
			}
		}
		if !found {
			return nil, status.Errorf(codes.NotFound, "No files found matching %s.", uri)
		}
	}
	if len(files) > maxFiles {
		return nil, invalid("The input has %d files, at most %d are allowed.", len(files), maxFiles)
	}
	return files, nil
}

// globToRegexp understands the wildcards of Cloud Storage: * within a folder, ** across folders, ? and [abc].
func globToRegexp(pattern string) (*regexp.Regexp, error) {
	var out strings.Builder
	out.WriteString("^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], "**"):
			out.WriteString(".*")
			i++
		case c == '*':
			out.WriteString("[^/]*")
		case c == '?':
			out.WriteString("[^/]")
		case c == '[':
			end := strings.IndexByte(pattern[i:], ']')
			if end < 0 {
				return nil, errors.New("[ without ]")
			}
			out.WriteString(pattern[i : i+end+1])
			i += end
		default:
			out.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	return regexp.Compile("(?s)" + out.String() + "$")
}

func bucketOf(uri string) string {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(uri, "gs://"), "/")
	return bucket
}

// lines calls take with batches of a file's lines, without their ends. The slices stay valid. number is the
// first line's, from 1; empty lines are left out but counted.
func (s *Server) lines(f file, take func(batch []numbered) error) error {
	content, object, err := s.options.Storage.Open(f.bucket, f.object)
	if err != nil {
		return status.Error(codes.NotFound, err.Error())
	}
	defer content.Close()
	const batchLines = 512
	reader := bufio.NewReaderSize(content, 1<<20)
	var batch []numbered
	var block []byte // many lines share one allocation
	for number := 1; ; number++ {
		line, err := readLine(reader, &block, object.Size)
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
			batch = append(batch, numbered{number, trimmed})
		}
		if len(batch) == batchLines || err != nil && len(batch) > 0 {
			if err := take(batch); err != nil {
				return err
			}
			batch = nil
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", f, err)
		}
	}
}

// numbered is a line and its number in its file.
type numbered struct {
	number int
	line   []byte
}

// readLine copies the next line into block and returns it from there.
func readLine(reader *bufio.Reader, block *[]byte, size int64) ([]byte, error) {
	start := len(*block)
	for {
		part, err := reader.ReadSlice('\n')
		if cap(*block)-len(*block) < len(part) {
			grown := make([]byte, 0, max(int(min(size, 1<<20)), 2*(len(*block)-start+len(part))))
			*block = append(grown, (*block)[start:]...)
			start = 0
		}
		*block = append(*block, part...)
		if err != bufio.ErrBufferFull {
			return (*block)[start:len(*block):len(*block)], err
		}
	}
}
