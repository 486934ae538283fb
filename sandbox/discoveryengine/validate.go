package discoveryengine

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

// validID is what the service takes as a document's id.
var validID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// maxRawBytes is the documented limit of content that is part of the document.
const maxRawBytes = 1_000_000

// mimeTypes are those that the documentation lists, images included since the layout parser is taken to be
// on. image/webp is not listed; see Server.RejectWebP.
var mimeTypes = map[string]bool{
	"application/pdf":  true,
	"text/html":        true,
	"text/plain":       true,
	"application/xml":  true,
	"text/xml":         true,
	"application/json": true,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   true,
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": true,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         true,
	"application/vnd.ms-excel.sheet.macroenabled.12":                            true,
	"image/bmp":  true,
	"image/gif":  true,
	"image/jpeg": true,
	"image/png":  true,
	"image/tiff": true,
	"image/webp": true,
}

// checker decides which documents are taken. It is fixed for one operation.
type checker struct {
	content    discoveryenginepb.DataStore_ContentConfig
	rejectWebP bool
	fail       func(id string) bool
	anonymous  bool
	fixed      bool
	kinds      map[string]string // of fields, where they are fixed
}

func (s *Server) checker(store *DataStore) checker {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := checker{
		content: store.config.Content, rejectWebP: s.switches.rejectWebP, fail: s.switches.failDocument,
		anonymous: s.switches.AnonymousErrors, fixed: s.switches.FixedTypes || store.config.Schema != nil,
	}
	if c.fixed {
		c.kinds = store.kinds()
	}
	return c
}

// line checks one line of an import and returns the document's id, as far as it is known, the kinds of its fields, where
// they are fixed, and what is wrong.
func (c checker) line(line []byte) (id string, kinds map[string]string, err error) {
	var document discoveryenginepb.Document
	if err := protojson.Unmarshal(line, &document); err != nil {
		// protojson puts a no-break space at random into its messages, against tests that depend on them.
		return "", nil, errors.New(strings.ReplaceAll(err.Error(), "\u00a0", " "))
	}
	return document.GetId(), c.kindsOf(&document), c.document(&document)
}

// document checks what the service checks of one document.
func (c checker) document(d *discoveryenginepb.Document) error {
	if !validID.MatchString(d.GetId()) {
		return c.problem(d, "Document.id must be 1 to 128 characters of [A-Za-z0-9_-], got %q", d.GetId())
	}
	if d.GetData() == nil && d.GetContent() == nil {
		return c.problem(d, "one of struct_data or json_data should be provided")
	}
	if raw, ok := d.GetData().(*discoveryenginepb.Document_JsonData); ok {
		if err := new(structpb.Struct).UnmarshalJSON([]byte(raw.JsonData)); err != nil {
			return c.problem(d, "json_data is not a JSON object")
		}
	}
	if err := c.checkContent(d); err != nil {
		return err
	}
	if err := c.checkKinds(d); err != nil {
		return err
	}
	if c.fail != nil && c.fail(d.GetId()) {
		return c.problem(d, "failed by a fault switch")
	}
	return nil
}

func (c checker) checkContent(d *discoveryenginepb.Document) error {
	content := d.GetContent()
	switch {
	case content == nil && c.content == discoveryenginepb.DataStore_CONTENT_REQUIRED:
		return c.problem(d, "content must be set in a CONTENT_REQUIRED data store")
	case content == nil:
		return nil
	case c.content == discoveryenginepb.DataStore_NO_CONTENT:
		return c.problem(d, "content can only be set in a CONTENT_REQUIRED data store")
	}
	switch source := content.GetContent().(type) {
	case *discoveryenginepb.Document_Content_Uri:
		if !isObjectURI(source.Uri) {
			return c.problem(d, "content.uri must be a Cloud Storage URI, gs://bucket-name/path/to/file, got %q", source.Uri)
		}
	case *discoveryenginepb.Document_Content_RawBytes:
		if len(source.RawBytes) > maxRawBytes {
			return c.problem(d, "content.raw_bytes has %d bytes, at most %d are allowed", len(source.RawBytes), maxRawBytes)
		}
	default:
		return c.problem(d, "content must have uri or raw_bytes")
	}
	mime := content.GetMimeType()
	if !mimeTypes[strings.ToLower(mime)] || c.rejectWebP && strings.EqualFold(mime, "image/webp") {
		return c.problem(d, "unsupported content.mime_type %q", mime)
	}
	return nil
}

// problem names the document, unless the switch for it is on.
func (c checker) problem(d *discoveryenginepb.Document, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if c.anonymous || d.GetId() == "" {
		return serviceError("Invalid document: " + text + ".")
	}
	return serviceError(fmt.Sprintf("Invalid document %q: %s.", d.GetId(), text))
}

// serviceError is an error in the service's own form: a sentence.
type serviceError string

func (e serviceError) Error() string { return string(e) }

// encode is a document as the line it would have been in an import.
func encode(d *discoveryenginepb.Document) ([]byte, error) {
	line, err := protojson.Marshal(&discoveryenginepb.Document{
		Id: d.GetId(), Data: d.GetData(), Content: d.GetContent(), SchemaId: d.GetSchemaId(),
		ParentDocumentId: d.GetParentDocumentId(), AclInfo: d.GetAclInfo(),
	})
	return bytes.TrimSpace(line), err
}

// decode is the opposite of encode, with the name that the service adds.
func (d *DataStore) decode(id string, line []byte) (*discoveryenginepb.Document, error) {
	var document discoveryenginepb.Document
	if err := protojson.Unmarshal(line, &document); err != nil {
		return nil, fmt.Errorf("decode document %s: %w", id, err)
	}
	document.Name = d.documentName(id)
	document.SchemaId = "default_schema"
	return &document, nil
}

// isObjectURI reports whether uri is gs://bucket/object.
func isObjectURI(uri string) bool {
	bucket, object, found := strings.Cut(strings.TrimPrefix(uri, "gs://"), "/")
	return strings.HasPrefix(uri, "gs://") && found && bucket != "" && object != ""
}
