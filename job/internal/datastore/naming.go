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
	from := strings.IndexByte(text, '{')
	if from < 0 {
		return ""
	}
	var doc struct {
		ID   any `json:"id"`
		Name any `json:"name"`
	}
	if err := json.NewDecoder(strings.NewReader(text[from:])).Decode(&doc); err != nil {
		return ""
	}
	if id, ok := doc.ID.(string); ok && validID(id) {
		return id
	}
	name, _ := doc.Name.(string)
	if _, id, ok := strings.Cut(name, "/documents/"); ok && validID(id) {
		return id
	}
	return ""
}

// idsOfFields looks in the details of a status for a field that names the
// document, such as {"documentId": "…"} or the document itself.
func idsOfFields(v any) (ids []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			ids = append(ids, idsOfFields(e)...)
		}
	case map[string]any:
		for _, key := range []string{"documentId", "document_id", "id"} {
			if id, ok := v[key].(string); ok && validID(id) {
				return []string{id}
			}
		}
		for _, key := range []string{"document", "value", "metadata"} {
			if inner := idsOfFields(v[key]); len(inner) > 0 {
				return inner
			}
		}
	}
	return ids
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

// maxLine is more than the lines of any file.
const maxLine = 1e15

// placeIn finds the line of a failure: in the fields that the service's error
// log has for it (google.cloud.discoveryengine.logging.ImportErrorContext:
// gcs_path, line_number), or as file:line in the message. It is nil where the
// service says none.
func placeIn(message string, details any) *Place {
	if place, found := placeOfFields(details); found {
		return &place
	}
	if match := position().FindStringSubmatch(message); match != nil {
		if line, err := strconv.ParseInt(match[2], 10, 64); err == nil {
			return &Place{URI: match[1], Line: line}
		}
	}
	return nil
}

func placeOfFields(v any) (place Place, found bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if place, found = placeOfFields(e); found {
				return place, true
			}
		}
	case map[string]any:
		for _, key := range []string{"gcs_path", "gcsPath", "input_uri", "inputUri"} {
			if uri, ok := v[key].(string); ok {
				place.URI = uri
			}
		}
		for _, key := range []string{"line_number", "lineNumber"} {
			if line, ok := lineNumber(v[key]); ok {
				place.Line = line
				return place, true
			}
		}
		for _, key := range []string{"value", "metadata"} {
			if place, found = placeOfFields(v[key]); found {
				return place, true
			}
		}
	}
	return Place{}, false
}

func lineNumber(v any) (line int64, ok bool) {
	switch n := v.(type) {
	case float64:
		return int64(n), n >= 0 && n <= maxLine
	case string:
		line, err := strconv.ParseInt(n, 10, 64)
		return line, err == nil && line >= 0 && line <= maxLine
	}
	return 0, false
}
