package stack

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// fileReader reads the files that settings name; a path is taken from the project's folder.
type fileReader struct {
	root  string
	found *problems
}

// Cloud Run accepts 32 KiB in one variable; a longer query belongs in a view of the database.
const maxVariable = 32 << 10

// query returns the text of a query file.
func (r fileReader) query(key, file string) string {
	if file == "" {
		return ""
	}
	content, ok := r.read(key, file)
	if !ok {
		return ""
	}
	query := strings.TrimSpace(string(content))
	switch {
	case query == "":
		r.found.add(key, "%s is empty", file)
	case len(query) > maxVariable:
		r.found.add(key, "%s has %d bytes, Cloud Run takes %d; make it a view and select from that", file, len(query), maxVariable)
	default:
		if problem := notASelect(query); problem != "" {
			r.found.add(key, "%s %s; the job only reads", file, problem)
		}
	}
	return query
}

// schema returns the text of a schema file in the form in which Google keeps it.
func (r fileReader) schema(file string) string {
	const key = "dataStoreSchemaFile"
	if file == "" {
		return ""
	}
	content, ok := r.read(key, file)
	if !ok {
		return ""
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(content))
	err := decoder.Decode(&object)
	if _, more := decoder.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("there is more after its end")
	}
	if err != nil {
		r.found.add(key, "%s is not a JSON object: %v", file, err)
		return ""
	}
	compact, err := json.Marshal(object)
	if err != nil {
		r.found.add(key, "%s cannot be written as JSON: %v", file, err)
	}
	return string(compact)
}

// read returns a file's text. What is not UTF-8 would reach the job as something else.
func (r fileReader) read(key, file string) (content []byte, ok bool) {
	path := file
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.root, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		r.found.add(key, "%s cannot be read: %v", file, err)
		return nil, false
	}
	if !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
		r.found.add(key, "%s is not UTF-8 text; save it as UTF-8", file)
		return nil, false
	}
	return bytes.TrimPrefix(content, []byte("\ufeff")), true
}

// sqlToken matches one token of PostgreSQL's SQL: what is skipped (space, comments, strings, quoted names), or a word or sign.
var (
	sqlSkipped = regexp.MustCompile(`^(\s+|--[^\n]*|[eE]'([^'\\]|\\(?s:.)|'')*'|'([^']|'')*'|"([^"]|"")*"|[0-9][0-9A-Za-z_.]*)`)
	sqlWord    = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_$]*`)
	sqlDollar  = regexp.MustCompile(`^\$([\p{L}_][\p{L}\p{N}_]*)?\$`)
)

// sqlTokens returns the words, in capitals, and the signs of a query: no comment, no string, no quoted name.
func sqlTokens(query string) (tokens []string) {
	for query != "" {
		if skipped := sqlSkipped.FindString(query); skipped != "" {
			query = query[len(skipped):]
			continue
		}
		if strings.HasPrefix(query, "/*") {
			query = afterComment(query)
			continue
		}
		if quote := sqlDollar.FindString(query); quote != "" {
			_, query, _ = strings.Cut(query[len(quote):], quote)
			continue
		}
		token := sqlWord.FindString(query)
		if token == "" {
			_, size := utf8.DecodeRuneInString(query)
			token = query[:size]
		}
		tokens, query = append(tokens, strings.ToUpper(token)), query[len(token):]
	}
	return tokens
}

// afterComment cuts a comment off the front; they nest in PostgreSQL.
func afterComment(query string) string {
	depth := 0
	for i := 0; i+1 < len(query); i++ {
		switch query[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return query[i+1:]
		}
	}
	return ""
}

// notASelect says why a query cannot be one that only reads; empty: it may be. The rest is the database's to judge.
func notASelect(query string) string {
	tokens := sqlTokens(query)
	for len(tokens) > 0 && tokens[len(tokens)-1] == ";" {
		tokens = tokens[:len(tokens)-1]
	}
	first := slices.IndexFunc(tokens, func(token string) bool { return token != "(" })
	if first < 0 || !slices.Contains([]string{"SELECT", "WITH", "VALUES", "TABLE"}, tokens[first]) {
		return "is not a SELECT, WITH, VALUES or TABLE"
	}
	next := func(i int) string {
		if i+1 < len(tokens) {
			return tokens[i+1]
		}
		return ""
	}
	for i, token := range tokens {
		switch {
		case token == ";":
			return "holds more than one statement"
		case token == "INTO":
			return "writes: INTO"
		case token == "(" && slices.Contains([]string{"INSERT", "UPDATE", "DELETE", "MERGE"}, next(i)) && sqlWord.MatchString(next(i+1)):
			return "writes: " + next(i)
		case token == "FOR" && slices.Contains([]string{"UPDATE", "SHARE", "NO", "KEY"}, next(i)):
			return "locks rows: FOR " + next(i)
		}
	}
	return ""
}
