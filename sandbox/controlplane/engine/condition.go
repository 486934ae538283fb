package engine

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vertexmetadata/sandbox/controlplane/fields"
)

// Conditions of grants are written in CEL. The sandbox knows the part that distinguishes resources: resource.name, resource.service
// and resource.type compared with == and !=, startsWith and endsWith, and which roles a change of a policy gives or takes, joined by
// &&, ||, ! and parentheses. A condition with anything else is refused when it is set, so that none is ever taken for another.
// See https://cloud.google.com/iam/docs/conditions-attribute-reference and https://cloud.google.com/iam/docs/setting-limits-on-granting-roles.

type condition func(attributes map[string]string) bool

type conditionParser struct {
	tokens []string
	at     int
}

// modifiedGrants is the attribute that has the roles which a change of a policy gives or takes, separated by spaces; there is none
// in any other call. modifiedOnly is the one way in which a condition looks at it.
const (
	modifiedGrants = "modifiedGrantsByRole"
	modifiedOnly   = `api\.getAttribute\('iam\.googleapis\.com/modifiedGrantsByRole', *\[\]\)\.hasOnly\(\['[^\]"]*'\]\)`
)

var quotedRole = regexp.MustCompile(`'([^',]*)'`)

// onlyModifies holds where a call gives and takes no role but the listed ones.
func onlyModifies(token string) condition {
	var allowed []string
	for _, m := range quotedRole.FindAllStringSubmatch(token[strings.Index(token, ".hasOnly("):], -1) {
		allowed = append(allowed, m[1])
	}
	return func(a map[string]string) bool {
		return !slices.ContainsFunc(strings.Fields(a[modifiedGrants]), func(role string) bool { return !slices.Contains(allowed, role) })
	}
}

var conditionToken = regexp.MustCompile(`^\s*(` + modifiedOnly + `|"[^"\\]*"|'[^'\\]*'|resource\.(?:name|service|type)\b|\.startsWith\b|\.endsWith\b|==|!=|&&|\|\||[!()])`)

func parseCondition(expression string) (condition, error) {
	p := &conditionParser{}
	for rest := expression; strings.TrimSpace(rest) != ""; {
		found := conditionToken.FindStringSubmatchIndex(rest)
		if found == nil {
			return nil, Invalid("The sandbox cannot evaluate the condition %q from %q on.", expression, strings.TrimSpace(rest))
		}
		p.tokens = append(p.tokens, rest[found[2]:found[3]])
		rest = rest[found[1]:]
	}
	parsed, err := p.any()
	if err == nil && p.at != len(p.tokens) || err != nil {
		return nil, Invalid("The sandbox cannot evaluate the condition %q.", expression)
	}
	return parsed, nil
}

func (p *conditionParser) take() string {
	p.at++
	if p.at <= len(p.tokens) {
		return p.tokens[p.at-1]
	}
	return ""
}

// next takes a token if it is the wanted one.
func (p *conditionParser) next(wanted string) bool {
	if p.at < len(p.tokens) && p.tokens[p.at] == wanted {
		p.at++
		return true
	}
	return false
}

func (p *conditionParser) any() (condition, error) {
	left, err := p.all()
	for err == nil && p.next("||") {
		var right condition
		first := left
		right, err = p.all()
		left = func(a map[string]string) bool { return first(a) || right(a) }
	}
	return left, err
}

func (p *conditionParser) all() (condition, error) {
	left, err := p.one()
	for err == nil && p.next("&&") {
		var right condition
		first := left
		right, err = p.one()
		left = func(a map[string]string) bool { return first(a) && right(a) }
	}
	return left, err
}

func (p *conditionParser) one() (condition, error) {
	switch {
	case p.next("!"):
		inner, err := p.one()
		return func(a map[string]string) bool { return !inner(a) }, err
	case p.next("("):
		inner, err := p.any()
		if err == nil && !p.next(")") {
			err = errCondition
		}
		return inner, err
	}
	if p.at < len(p.tokens) && strings.HasPrefix(p.tokens[p.at], "api.") {
		return onlyModifies(p.take()), nil
	}
	return p.comparison()
}

var errCondition = Invalid("The condition does not parse.")

func (p *conditionParser) comparison() (condition, error) {
	attribute, isAttribute := strings.CutPrefix(p.take(), "resource.")
	operator := p.take()
	called := strings.HasPrefix(operator, ".")
	if called && !p.next("(") {
		return nil, errCondition
	}
	quoted := p.take()
	if !isAttribute || !strings.HasPrefix(quoted, "'") && !strings.HasPrefix(quoted, `"`) || called && !p.next(")") {
		return nil, errCondition
	}
	value := quoted[1 : len(quoted)-1]
	switch operator {
	case "==":
		return func(a map[string]string) bool { return a[attribute] == value }, nil
	case "!=":
		return func(a map[string]string) bool { return a[attribute] != value }, nil
	case ".startsWith":
		return func(a map[string]string) bool { return strings.HasPrefix(a[attribute], value) }, nil
	case ".endsWith":
		return func(a map[string]string) bool { return strings.HasSuffix(a[attribute], value) }, nil
	}
	return nil, errCondition
}

// attributes are what conditions see of a resource.
func (s *Server) attributes(key string) map[string]string {
	service, name, _ := strings.Cut(key, "/")
	if written := s.apis.Written[service]; written != nil {
		name = written(name)
	}
	return map[string]string{"name": name, "service": service + ".googleapis.com", "type": service + ".googleapis.com/" + typeName(name)}
}

// typeName is the kind of a resource as conditions write it: the collection's name with a capital and without its s.
func typeName(name string) string {
	segments := strings.Split(name, "/")
	if len(segments) < 2 {
		return ""
	}
	collection := strings.TrimSuffix(segments[len(segments)-2], "s")
	if last := segments[len(segments)-2]; last == "versions" {
		return "SecretVersion"
	}
	if _, err := strconv.Atoi(collection); err == nil || collection == "" {
		return ""
	}
	return strings.ToUpper(collection[:1]) + collection[1:]
}

// applies reports whether a binding's condition, if it has one, holds for the attributes of a call.
func applies(binding object, attributes map[string]string) bool {
	expression := fields.Text(binding, "condition.expression")
	if expression == "" {
		return true
	}
	holds, err := parseCondition(expression)
	return err == nil && holds(attributes)
}
