package api

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
)

// A filter in Cloud Logging's query language: comparisons of dotted fields joined by AND, OR, NOT and parentheses. Side by side
// means AND, as there. A comparison with OR inside parentheses (field=(a OR b)) and functions are not known and are refused.
// See https://cloud.google.com/logging/docs/view/logging-query-language.

type matcher func(entry object) bool

type filterParser struct {
	tokens []string
	at     int
}

var filterToken = regexp.MustCompile(`\s*(--[^\n]*|"(?:[^"\\]|\\.)*"|[()]|=~|!~|!=|>=|<=|[=:<>]|[^\s()=:<>!"]+)`)

// filterSpace is what \s means in a regular expression.
const filterSpace = " \t\n\f\r"

func parseFilter(filter string) (matcher, error) {
	p := &filterParser{}
	rest := filter
	for strings.Trim(rest, filterSpace) != "" {
		found := filterToken.FindStringSubmatchIndex(rest)
		if found == nil || found[0] != 0 {
			return nil, engine.Invalid("Unparseable filter: syntax error at %q.", strings.TrimSpace(rest))
		}
		token := rest[found[2]:found[3]]
		rest = rest[found[1]:]
		if strings.HasPrefix(token, "--") {
			continue
		}
		// A quoted name inside a dotted field belongs to it: labels."run.googleapis.com/execution_name".
		if n := len(p.tokens); n > 0 && strings.HasPrefix(token, `"`) && strings.HasSuffix(p.tokens[n-1], ".") && found[2] == 0 {
			p.tokens[n-1] += token
			continue
		}
		p.tokens = append(p.tokens, token)
	}
	if len(p.tokens) == 0 {
		return func(object) bool { return true }, nil
	}
	m, err := p.and()
	if err == nil && p.at < len(p.tokens) {
		err = engine.Invalid("Unparseable filter: unexpected %q.", p.tokens[p.at])
	}
	return m, err
}

func (p *filterParser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *filterParser) take() string {
	token := p.peek()
	p.at++
	return token
}

// and joins what or joins: in this language NOT binds tightest, then OR, then AND.
func (p *filterParser) and() (matcher, error) {
	left, err := p.or()
	for err == nil && p.at < len(p.tokens) && p.peek() != ")" {
		if p.peek() == "AND" {
			p.take()
		}
		var right matcher
		if right, err = p.or(); err == nil {
			first := left
			left = func(e object) bool { return first(e) && right(e) }
		}
	}
	return left, err
}

func (p *filterParser) or() (matcher, error) {
	left, err := p.not()
	for err == nil && p.peek() == "OR" {
		p.take()
		var right matcher
		if right, err = p.not(); err == nil {
			first := left
			left = func(e object) bool { return first(e) || right(e) }
		}
	}
	return left, err
}

func (p *filterParser) not() (matcher, error) {
	if token := p.peek(); token == "NOT" || strings.HasPrefix(token, "-") && len(token) > 1 {
		if token == "NOT" {
			p.take()
		} else {
			p.tokens[p.at] = token[1:]
		}
		inner, err := p.not()
		if err != nil {
			return nil, err
		}
		return func(e object) bool { return !inner(e) }, nil
	}
	if p.peek() == "(" {
		p.take()
		inner, err := p.and()
		if err != nil {
			return nil, err
		}
		if p.take() != ")" {
			return nil, engine.Invalid("Unparseable filter: a closing parenthesis is missing.")
		}
		return inner, nil
	}
	return p.comparison()
}

var comparisons = []string{"=", "!=", ":", ">", ">=", "<", "<=", "=~", "!~"}

func (p *filterParser) comparison() (matcher, error) {
	name := p.take()
	if !slices.Contains(comparisons, p.peek()) {
		return p.anywhere(name)
	}
	operator, value := p.take(), p.take()
	if value == "" || value == "(" {
		return nil, engine.Invalid("Unparseable filter: %s %s needs a value.", name, operator)
	}
	path := splitField(name)
	wanted := unquote(value)
	var expression *regexp.Regexp
	if operator == "=~" || operator == "!~" {
		var err error
		if expression, err = regexp.Compile(wanted); err != nil {
			return nil, engine.Invalid("Unparseable filter: %v", err)
		}
	}
	return func(e object) bool {
		found, ok := lookup(e, path)
		switch operator {
		case "!=":
			return !ok || !compare(found, "=", wanted, path)
		case "!~":
			return !ok || !expression.MatchString(found)
		case "=~":
			return ok && expression.MatchString(found)
		case ":":
			return ok && (wanted == "*" || strings.Contains(strings.ToLower(found), strings.ToLower(wanted)))
		}
		return ok && compare(found, operator, wanted, path)
	}, nil
}

// anywhere matches a bare word or phrase in any payload.
func (p *filterParser) anywhere(word string) (matcher, error) {
	if word == "" || word == ")" || word == "OR" || word == "AND" || slices.Contains(comparisons, word) {
		return nil, engine.Invalid("Unparseable filter: a comparison is missing.")
	}
	wanted := strings.ToLower(unquote(word))
	return func(e object) bool {
		for _, payload := range []string{"textPayload", "jsonPayload", "protoPayload"} {
			if value, ok := e[payload]; ok && strings.Contains(strings.ToLower(asText(value)), wanted) {
				return true
			}
		}
		return false
	}, nil
}

// splitField splits a dotted field whose parts may be quoted.
func splitField(name string) []string {
	var parts []string
	for name != "" {
		part, rest := "", ""
		if strings.HasPrefix(name, `"`) {
			end := strings.Index(name[1:], `"`) + 2
			part, rest = name[1:end-1], strings.TrimPrefix(name[end:], ".")
		} else {
			part, rest, _ = strings.Cut(name, ".")
		}
		parts = append(parts, part)
		name = rest
	}
	return parts
}

func unquote(token string) string {
	if !strings.HasPrefix(token, `"`) {
		return token
	}
	if plain, err := strconv.Unquote(token); err == nil {
		return plain
	}
	// Escapes that Go does not have, such as \. in a regular expression, are kept.
	return strings.ReplaceAll(token[1:len(token)-1], `\"`, `"`)
}
