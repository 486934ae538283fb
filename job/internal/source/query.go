package source

import (
	"regexp"
	"strings"
)

// trimQuery returns the query without the semicolon at its end and all that follows, so that it can stand in brackets.
// A second statement after the semicolon is an error.
func trimQuery(query string) (string, error) {
	end, empty := len(query), true
	for _, t := range pieces(query) {
		switch {
		case query[t.at] == ';':
			end = min(end, t.at)
		case t.at > end:
			return "", badQuery("it holds more than one statement"+position(query, len([]rune(query[:t.at]))+1), "leave a single SELECT in SYNC_QUERY or SYNC_QUERY_FILE")
		default:
			empty = false
		}
	}
	if empty {
		return "", badQuery("it is empty", "set SYNC_QUERY or SYNC_QUERY_FILE to a SELECT")
	}
	return query[:end], nil
}

// names returns the names in the text. Keywords are among them, which does no harm.
func names(text string) (names []string) {
	for _, t := range pieces(text) {
		if t.name != "" {
			names = append(names, t.name)
		}
	}
	return names
}

// piece is a token of a statement, or a part of one.
type piece struct {
	at   int    // its first byte
	name string // as PostgreSQL reads it, if it is one: with a small a to z unless it is quoted
}

// pieceForms are the forms of PostgreSQL's tokens, as far as one must know them to find where a statement ends and what it
// names; any other is taken byte by byte. Of comments that nest and of texts in dollars it knows only how they begin.
// https://www.postgresql.org/docs/current/sql-syntax-lexical.html
var pieceForms = regexp.MustCompile(`(?s)^(?:` + strings.Join([]string{
	`([\s\v]+|--[^\r\n]*)`, // 1: a blank, or a comment to the end of the line
	`(/\*)`,                // 2
	`(\$(?:[A-Za-z_[:^ascii:]][\w[:^ascii:]]*)?\$)`, // 3
	`[eE]'(?:[^'\\]|\\.|'')*'?`,                     // a literal with backslashes
	`(?:[bBnNxX]|[uU]&)?'(?:[^']|'')*'?`,            // any other literal
	`(?:[uU]&)?"((?:[^"]|"")*)"?`,                   // 4: a quoted name
	`([A-Za-z_[:^ascii:]][\w$[:^ascii:]]*)`,         // 5: a name
	`.`,
}, "|") + `)`)

func pieces(text string) (all []piece) {
	for at := 0; at < len(text); {
		rest := text[at:]
		form := pieceForms.FindStringSubmatch(rest)
		length, blank, comment, tag := len(form[0]), form[1], form[2], form[3]
		switch {
		case comment != "":
			length = blockComment(rest)
		case tag != "":
			if length = len(rest); strings.Contains(rest[len(tag):], tag) {
				length = 2*len(tag) + strings.Index(rest[len(tag):], tag)
			}
		}
		if blank == "" && comment == "" {
			all = append(all, piece{at, strings.ReplaceAll(form[4], `""`, `"`) + strings.Map(lower, form[5])})
		}
		at += length
	}
	return all
}

// lower is what PostgreSQL does to the letters of a name: those beyond ASCII stay.
func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

// blockComment returns the length of the comment at the start of text; comments nest.
func blockComment(text string) int {
	depth := 0
	for i := 0; i < len(text)-1; i++ {
		switch text[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			i++
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
