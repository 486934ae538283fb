package datastore

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// forms are the ways in which a text names a document, the surest first. They
// are compiled when the first failure is read: at the start of every run they
// would cost two milliseconds.
var forms = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?:^|[/\s"'` + "`" + `(\[=:])documents/([A-Za-z0-9_-]{1,128})(?:$|[^A-Za-z0-9_-])`),
		regexp.MustCompile(`\\*"(?:_id|id|documentId|document_id)\\*"\s*:\s*\\*"([A-Za-z0-9_-]{1,128})\\*"`),
		regexp.MustCompile(`(?i)\b(?:document[ _]?)?id\b\s*[:=]?\s*(?:is\s+)?["'` + "`" + `(\[]?([A-Za-z0-9_-]{1,128})["'` + "`" + `)\]]`),
		regexp.MustCompile(`(?i)\b(?:document[ _]?)?id\s*[:=]\s*["'` + "`" + `]?([A-Za-z0-9_-]{1,128})(?:$|[^A-Za-z0-9_-])`),
		regexp.MustCompile(`(?i)\bdocument\s+["'` + "`" + `]([A-Za-z0-9_-]{1,128})["'` + "`" + `]`),
		// The default's ids are UUIDs, which nothing else in a message looks like.
		regexp.MustCompile(`(?i)\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b`),
	}
})

// idsIn finds the ids in texts: first in a document quoted as JSON, then by the
// first form that matches anything.
func idsIn(texts []string) []string {
	for _, text := range texts {
		if id := idOfQuoted(text); id != "" {
			return []string{id}
		}
	}
	for _, form := range forms() {
		var ids []string
		for _, text := range texts {
			for _, match := range form.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(ids, match[1]) {
					ids = append(ids, match[1])
				}
			}
		}
		if len(ids) > 0 {
			return ids
		}
	}
	return nil
}

// idOfQuoted is the id of the document that text quotes as JSON, from its first
// brace on. Only the outermost id counts: inner ones are data.
func idOfQuoted(text string) string {
	var doc struct {
		ID string `json:"id"`
	}
	from := max(strings.IndexByte(text, '{'), 0)
	if err := json.NewDecoder(strings.NewReader(text[from:])).Decode(&doc); err != nil || !validID(doc.ID) {
		return ""
	}
	return doc.ID
}

// find looks in the details of a status for the first of the fields that has a value which fits, in all that name
// a document, such as {"documentId": "…"}, or in the documents themselves.
func find(v any, fits func(any) (string, bool), fields ...string) (found []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			found = append(found, find(e, fits, fields...)...)
		}
	case map[string]any:
		for _, field := range fields {
			if text, ok := fits(v[field]); ok {
				return []string{text}
			}
		}
		for _, field := range []string{"document", "value", "metadata"} {
			if found = find(v[field], fits, fields...); found != nil {
				return found
			}
		}
	}
	return found
}

func isID(v any) (string, bool) {
	id, _ := v.(string)
	return id, validID(id)
}

func isText(v any) (string, bool) {
	text, ok := v.(string)
	return text, ok
}

func isLine(v any) (string, bool) {
	text, _ := v.(string)
	if n, ok := v.(float64); ok {
		text = strconv.FormatFloat(n, 'f', -1, 64)
	}
	line, err := strconv.ParseInt(text, 10, 64)
	return text, err == nil && line >= 0
}

// stringsIn adds every string in v to texts.
func stringsIn(v any, texts []string) []string {
	switch v := v.(type) {
	case string:
		return append(texts, v)
	case []any:
		for _, e := range v {
			texts = stringsIn(e, texts)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			texts = stringsIn(v[key], texts)
		}
	}
	return texts
}

// position is a file and a line in a message, as compilers write them.
var position = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(gs://[^\s:]+):(\d{1,15})\b`) })

// placeIn finds the line of a failure: in the fields that the service's error
// log has for it (google.cloud.discoveryengine.logging.ImportErrorContext:
// gcs_path, line_number), or as file:line in the message. It is below 0 where the
// service says none.
func placeIn(message string, details any) (uri string, line int64) {
	text := ""
	lines, uris := find(details, isLine, "line_number", "lineNumber"), find(details, isText, "gcs_path", "gcsPath", "input_uri", "inputUri")
	match := position().FindStringSubmatch(message)
	switch {
	case lines != nil && uris != nil:
		uri, text = uris[0], lines[0]
	case lines != nil:
		text = lines[0]
	case match != nil:
		uri, text = match[1], match[2]
	default:
		return "", -1
	}
	line, _ = strconv.ParseInt(text, 10, 64) // of at most 15 digits, or found to be one
	return uri, line
}
