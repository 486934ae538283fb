package document

import (
	"bytes"
	"slices"
	"strings"
)

// Append appends the row as one line of JSON, newline included, to dst and returns the extended slice. When the verdict
// is Skipped or Refused, dst is returned as it was. The row has one text-form value per column, nil for NULL.
func (e *Encoder) Append(dst []byte, row [][]byte) ([]byte, Verdict) {
	v := Verdict{Outcome: Document}
	start := len(dst)
	if len(row) != e.width {
		return dst, v.refuse("row has another number of columns than the query")
	}
	v.ID = row[e.id]
	if e.mime >= 0 {
		v.MIMEType = row[e.mime]
	}
	if outcome, reason := e.judge(row); outcome != Document {
		v.Outcome, v.Reason = outcome, reason
		return dst, v
	}

	out := append(dst, `{"id": "`...)
	out = append(out, v.ID...) // judged: nothing in it needs escaping
	out = append(out, `", "structData": {`...)
	for i := range e.fields {
		f := &e.fields[i]
		value := row[f.index]
		if len(value) > e.MaxBytes { // megabytes are not converted only to be thrown away
			return dst, v.refuse(e.tooLong)
		}
		out = append(out, f.prefix...)
		var fault string
		if out, fault = appendValue(out, f.kind, f.shape, value); fault != "" {
			return dst, v.refuse(f.subject + " " + fault)
		}
		if len(out)-start > e.MaxBytes {
			return dst, v.refuse(e.tooLong)
		}
	}
	out = append(out, '}')
	if e.uri >= 0 && row[e.uri] != nil {
		out = append(out, `, "content": {"mimeType": `...)
		out, _ = appendString(out, row[e.mime]) // judged: equal to an accepted type but for case
		out = append(out, `, "uri": `...)
		var fault string
		if out, fault = appendString(out, row[e.uri]); fault != "" {
			return dst, v.refuse(`column "content_uri" ` + fault)
		}
		out = append(out, '}')
	}
	out = append(out, '}')
	if len(out)-start > e.MaxBytes {
		return dst, v.refuse(e.tooLong)
	}
	return append(out, '\n'), v
}

func (v Verdict) refuse(reason string) Verdict {
	v.Outcome, v.Reason = Refused, reason
	return v
}

// maxID is how many characters an id may have.
const maxID = 128

// judge applies the rules about the row's id and content. The MIME type comes first: a row that is filtered out is
// nobody's concern, whatever else is wrong with it.
func (e *Encoder) judge(row [][]byte) (Outcome, string) {
	if e.uri >= 0 {
		uri, mime := row[e.uri], row[e.mime]
		switch {
		case uri == nil && mime == nil:
			if e.NeedsContent {
				return Refused, "content_uri and content_mime_type are NULL, and the data store takes only documents with content"
			}
		case mime == nil || !e.accepts(mime):
			return Skipped, "MIME type is not accepted"
		case uri == nil:
			return Refused, "content_uri is NULL though content_mime_type is not"
		default:
			if fault := e.uriFault(uri); fault != "" {
				return Refused, fault
			}
		}
	}
	switch id := row[e.id]; {
	case id == nil:
		return Refused, "id is NULL: SELECT * FROM (the query) AS q WHERE id IS NULL shows the row"
	case len(id) == 0:
		return Refused, "id is empty: SELECT * FROM (the query) AS q WHERE id::text = '' shows the row"
	case !lacks(id, notInID): // before the length: bytes are characters only if they are all ASCII
		return Refused, "id has a character outside A-Z, a-z, 0-9, _ and -"
	case len(id) > maxID:
		return Refused, "id is longer than 128 characters"
	}
	return Document, ""
}

// accepts compares without regard to ASCII case only: what Unicode folds to an ASCII letter, as it does K (the Kelvin sign)
// to k, has more bytes.
func (e *Encoder) accepts(mime []byte) bool {
	return slices.ContainsFunc(e.MIMETypes, func(accepted string) bool {
		return len(accepted) == len(mime) && strings.EqualFold(string(mime), accepted)
	})
}

// What a byte may not be part of.
const (
	notInID     = 1 << iota // of a document: A-Z, a-z, 0-9, _ and -
	notInBucket             // a bucket's name: a-z, 0-9, ., _ and -
)

// classes says for every byte what it may not be part of. A table without a branch for each byte takes a third of the
// time that comparisons take, and every document has an id and an address.
var classes = func() (t [256]uint8) {
	for i := range t {
		if c := byte(i); !isAlphanumeric(c) && c != '_' && c != '-' {
			t[i] = notInID | notInBucket
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = notInBucket
	}
	t['.'] = notInID
	return t
}()

// ValidID reports whether the service takes id as a document's.
func ValidID(id []byte) bool { return len(id) > 0 && len(id) <= maxID && lacks(id, notInID) }

// lacks reports that no byte of text is of the class.
func lacks(text []byte, class uint8) bool {
	var found uint8
	for _, c := range text {
		found |= classes[c]
	}
	return found&class == 0
}

func isAlphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// uriFault says why uri is no gs://bucket/object, or not in a bucket that may be named, or returns "". It goes by the
// rules that Cloud Storage documents for names.
// https://cloud.google.com/storage/docs/buckets#naming, https://cloud.google.com/storage/docs/objects#naming
func (e *Encoder) uriFault(uri []byte) string {
	rest, ok := bytes.CutPrefix(uri, []byte("gs://"))
	slash := bytes.IndexByte(rest, '/')
	if !ok || slash < 1 || slash == len(rest)-1 {
		return "content_uri is not a gs://bucket/object address"
	}
	bucket, object := rest[:slash], rest[slash+1:]
	if slash < 3 || slash > 222 || !isAlphanumeric(bucket[0]) || !isAlphanumeric(bucket[slash-1]) || !lacks(bucket, notInBucket) {
		return "content_uri has a bucket name that cannot be: 3 to 222 of a-z, 0-9, ., _ and -, first and last a letter or digit"
	}
	if len(object) > 1024 || bytes.IndexByte(object, '\n') >= 0 || bytes.IndexByte(object, '\r') >= 0 ||
		string(object) == "." || string(object) == ".." {
		return "content_uri has an object name that cannot be: 1 to 1024 bytes, no line break, neither . nor .."
	}
	if len(e.Buckets) > 0 && !slices.ContainsFunc(e.Buckets, func(name string) bool { return name == string(bucket) }) {
		return "content_uri is in a bucket that CONTENT_BUCKETS does not name"
	}
	return ""
}
