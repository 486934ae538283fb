// Package document turns one row of the source query into one line of JSON in the form that Vertex AI Search imports
// (data schema "document"), or says why the row cannot become a document. It does no I/O, and an [Encoder] allocates
// nothing per row: the owner of the destination buffer decides about memory.
//
// The line is what Python's json.dumps(…, ensure_ascii=False) writes, separators included, because the export that this
// job replaces wrote it that way and a stable form keeps content hashes stable:
//
//	{"id": "…", "structData": {"column": value, …}, "content": {"mimeType": "…", "uri": "gs://…"}}
package document

import (
	"fmt"

	"vertexmetadata/job/internal/column"
)

// Names of the columns that do not become fields of structData.
const (
	columnID       = "id"
	ColumnURI      = "content_uri" // together with content_mime_type: the content
	columnMIMEType = "content_mime_type"
)

// DefaultMaxBytes is the line limit when Options.MaxBytes is 0: 1 MiB. The service's public pages state no figure for
// one structured document (only 2 GB per file), so this is a cautious choice rather than a documented limit: it leaves
// room for a post with a 300 KB answer, and keeps a 10 MB text from being sent in vain.
const DefaultMaxBytes = 1 << 20

// Options adjust what is accepted. The zero value is the default behaviour.
type Options struct {
	// MIMETypes are accepted in content_mime_type, compared without regard to ASCII case. Empty: those of JPEG, PNG and WebP.
	MIMETypes []string
	// Buckets are those that content_uri may name. Empty: any.
	Buckets []string
	// NeedsContent: the data store takes no document without content.
	NeedsContent bool
	// MaxBytes limits a line, the newline not counted. 0: DefaultMaxBytes.
	MaxBytes int
}

// Outcome says what became of a row.
type Outcome uint8

// The three things that can become of a row.
const (
	Document Outcome = iota // a line was appended
	Skipped                 // the row's MIME type is not accepted: normal, counted
	Refused                 // Vertex AI Search would refuse the document: counted as failed, logged with id and reason
)

// Verdict is what Append says about a row. ID and MIMEType alias the row: copy them to keep them.
type Verdict struct {
	Outcome  Outcome
	ID       []byte // as it came, nil when NULL
	MIMEType []byte // as it came, nil when NULL or when the query has no such column
	Reason   string // why a row was skipped or refused; a stable text without values of the row
}

// field is one column of structData with everything about its name worked out beforehand.
type field struct {
	index   int           // of the column in the row
	kind    column.Kind   // how to write the value
	shape   *column.Shape // of JSON
	prefix  string        // `, "name": `, ready to be appended
	subject string        // `column "name"`, for reasons
}

// Encoder writes the rows of one query. It holds no state between rows and may be used by several goroutines.
type Encoder struct {
	Options
	fields    []field
	width     int // columns in a row
	id        int
	uri, mime int    // -1 when the query has no content
	tooLong   string // why a longer document is refused
}

// NewEncoder prepares an encoder for rows of these columns, which the source has checked: there is an id, no name comes
// twice, and content_uri and content_mime_type come together.
func NewEncoder(columns []column.Column, opts Options) *Encoder {
	e := &Encoder{Options: opts, width: len(columns), uri: -1, mime: -1}
	if e.MaxBytes == 0 {
		e.MaxBytes = DefaultMaxBytes
	}
	if len(e.MIMETypes) == 0 {
		e.MIMETypes = []string{"image/jpeg", "image/png", "image/webp"}
	}
	e.tooLong = fmt.Sprintf("document is longer than the limit of %d bytes (MAX_DOCUMENT_BYTES)", e.MaxBytes)
	for i, c := range columns {
		switch c.Name {
		case columnID:
			e.id = i
		case ColumnURI:
			e.uri = i
		case columnMIMEType:
			e.mime = i
		default:
			e.fields = append(e.fields, newField(i, c, len(e.fields) > 0))
		}
	}
	return e
}

func newField(index int, c column.Column, comma bool) field {
	prefix, _ := appendString(nil, []byte(c.Name))
	if comma {
		prefix = append([]byte(", "), prefix...)
	}
	return field{index: index, kind: c.Kind, prefix: string(prefix) + ": ", subject: fmt.Sprintf("column %q", c.Name), shape: keyed(c.Shape)}
}
