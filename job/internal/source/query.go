package source

import "strings"

// trimQuery returns the query without the semicolon at its end and all that follows, so that it can stand in brackets.
// A second statement after the semicolon is an error.
func trimQuery(query string) (string, error) {
	lex := lexer{text: query}
	end := -1
	empty := true
	for {
		c, at := lex.next()
		switch {
		case at < 0:
			if empty {
				return "", badQuery("it is empty", "set SYNC_QUERY or SYNC_QUERY_FILE to a SELECT")
			}
			if end < 0 {
				end = len(query)
			}
			return query[:end], nil
		case c == ';':
			if end < 0 {
				end = at
			}
		case end >= 0:
			return "", badQuery("it holds more than one statement"+position(query, len([]rune(query[:at]))+1), "leave a single SELECT in SYNC_QUERY or SYNC_QUERY_FILE")
		default:
			empty = false
		}
	}
}

// lexer finds the parts of a statement that are neither blanks, comments nor the inside of literals.
// https://www.postgresql.org/docs/current/sql-syntax-lexical.html
type lexer struct {
	text string
	pos  int
}

// next returns the first byte of the next token, or of a piece of one, and where it is; -1 at the end.
func (l *lexer) next() (byte, int) {
	for l.pos < len(l.text) {
		at := l.pos
		c, rest := l.text[at], l.text[at:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
			l.pos++
			continue
		case strings.HasPrefix(rest, "--"):
			l.skipPast(rest, 2, "\n")
			continue
		case strings.HasPrefix(rest, "/*"):
			l.pos += blockComment(rest)
			continue
		case c == '\'':
			l.pos += quoted(rest, at > 0 && isEscapePrefix(l.text[:at]))
		case c == '"':
			l.pos += quoted(rest, false)
		case c == '$':
			if tag := dollarTag(l.text, at); tag != "" {
				l.skipPast(rest, len(tag), tag)
			} else {
				l.pos++
			}
		default:
			l.pos++
		}
		return c, at
	}
	return 0, -1
}

// names returns the names in the text, as PostgreSQL reads them: in lower case unless they are quoted. Keywords and the
// letters of U&"…" are among them, which does no harm.
func names(text string) (names []string) {
	lex := lexer{text: text}
	for {
		c, at := lex.next()
		switch {
		case at < 0:
			return names
		case c == '"':
			inner := strings.TrimSuffix(text[at+1:lex.pos], `"`)
			for lex.pos < len(text) && text[lex.pos] == '"' { // a doubled quote
				from := lex.pos
				lex.next()
				inner += strings.TrimSuffix(text[from:lex.pos], `"`)
			}
			names = append(names, inner)
		case isNameByte(c) && (c < '0' || c > '9'):
			end := at
			for end < len(text) && (isNameByte(text[end]) || text[end] == '$') {
				end++
			}
			if end < len(text) && text[end] == '\'' && end == at+1 && strings.IndexByte("EeBbXxNn", c) >= 0 {
				continue // the prefix of a literal
			}
			lex.pos = end
			names = append(names, strings.ToLower(text[at:end]))
		}
	}
}

// skipPast moves behind the next occurrence of end in rest, looked for from an offset, or to the end of the text.
func (l *lexer) skipPast(rest string, offset int, end string) {
	if i := strings.Index(rest[offset:], end); i >= 0 {
		l.pos += offset + i + len(end)
		return
	}
	l.pos = len(l.text)
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

// quoted returns the length of the literal or quoted name at the start of text. A doubled quote needs no care: it reads
// as the end of one literal and the start of the next.
func quoted(text string, backslashes bool) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && backslashes:
			i++
		case text[i] == text[0]:
			return i + 1
		}
	}
	return len(text)
}

// isEscapePrefix reports whether a quote after this text begins an E'…' literal.
func isEscapePrefix(before string) bool {
	n := len(before)
	return (before[n-1] == 'E' || before[n-1] == 'e') && (n == 1 || !isNameByte(before[n-2]))
}

// dollarTag returns the $tag$ that begins at the given place, or "".
func dollarTag(text string, at int) string {
	if at > 0 && isNameByte(text[at-1]) {
		return ""
	}
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '$':
			return text[at : i+1]
		case !isNameByte(c), i == at+1 && '0' <= c && c <= '9':
			return ""
		}
	}
	return ""
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
