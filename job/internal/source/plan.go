package source

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// plan is what an EXPLAIN returns.
type plan struct {
	text      string          // the plan without what varies from one planning to the next
	relations map[string]bool // "schema"."name"
	functions map[string]bool // names that may be functions
	operators map[string]bool // those that PostgreSQL does not have, or that few queries use
	types     map[string]bool // names of types that values are cast to
	parts     bool            // something in it is made of what the plan does not show
	doubt     string
}

func (p *plan) read(explained []byte) error {
	var root any
	if err := json.Unmarshal(explained, &root); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	p.relations, p.functions, p.operators, p.types = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	p.visit(root)
	text, err := json.Marshal(root) // with sorted keys
	p.text = string(text)
	return err
}

// Node types whose rows come from somewhere that no counter watches.
var doubtfulNodes = map[string]string{
	"Foreign Scan": "the query reads a foreign table",
	"Custom Scan":  "the query is executed by an extension",
	"Sample Scan":  "the query takes a random sample",
	"ModifyTable":  "the query writes",
}

// Keys that say how, not what, and can change while the tables do not.
var volatileKeys = []string{"Workers Planned", "Parallel Aware", "Async Capable", "Query Identifier", "JIT"}

func (p *plan) visit(value any) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			p.visit(element)
		}
	case map[string]any:
		for _, key := range volatileKeys {
			delete(v, key)
		}
		if name, ok := v["Relation Name"].(string); ok {
			schema, _ := v["Schema"].(string)
			p.relations[quoteName(schema)+"."+quoteName(name)] = true
		}
		if node, _ := v["Node Type"].(string); doubtfulNodes[node] != "" {
			p.doubt = doubtfulNodes[node]
		}
		if name, ok := v["Function Name"].(string); ok {
			p.functions[name] = true
		}
		for _, element := range v {
			p.visit(element)
		}
	case string:
		p.expression(v)
	}
}

var (
	literal     = regexp.MustCompile(`'(?:[^']|'')*'`)
	castName    = regexp.MustCompile(`::(?:[\pL_][\pL\pN_$]*\.|"(?:[^"]|"")+"\.)?([\pL_][\pL\pN_$]*|"(?:[^"]|"")+")`)
	wholeRow    = regexp.MustCompile(`\.\*|\bROW\(`)
	calledName  = regexp.MustCompile(`([\pL_][\pL\pN_$]*|"(?:[^"]|"")+")\(`)
	operator    = regexp.MustCompile("[-+*/<>=~!@#%^&|`?]{1,63}")
	currentTime = regexp.MustCompile(`\b(?:CURRENT_DATE|CURRENT_TIME|CURRENT_TIMESTAMP|LOCALTIME|LOCALTIMESTAMP)\b`)
)

// expression looks for functions in one of a plan's expressions. Taking a name for a function that is none does no harm.
func (p *plan) expression(text string) {
	text = literal.ReplaceAllString(text, "''")
	for _, match := range calledName.FindAllStringSubmatch(text, -1) {
		p.functions[unquoteName(match[1])] = true
	}
	for _, name := range operator.FindAllString(text, -1) {
		if !strings.Contains(commonOperators, " "+name+" ") {
			p.operators[name] = true
		}
	}
	for _, match := range castName.FindAllStringSubmatch(text, -1) {
		name := unquoteName(match[1])
		p.types[name] = true
		if slices.Contains(objectTypes, name) {
			p.doubt = objectDoubt(name)
		}
		p.parts = p.parts || !builtinTypes[name]
	}
	p.parts = p.parts || wholeRow.MatchString(text)
	if keyword := currentTime.FindString(text); keyword != "" {
		p.doubt = "the query uses " + keyword
	}
}

func unquoteName(name string) string {
	if name[0] != '"' {
		return name
	}
	return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
}

// objectTypes name objects of the catalogue: their text changes when somebody renames one, or changes the search_path.
// Configurations of text search stand beside most documents for it, and are none of them.
var objectTypes = []string{"regclass", "regcollation", "regnamespace", "regoper", "regoperator", "regproc", "regprocedure", "regrole", "regtype"}

func objectDoubt(name string) string {
	return "the query makes text of " + name + ", which changes with an object's name"
}

// commonOperators are PostgreSQL's own. What somebody adds under such a name is for a type of their own, which is noticed by itself.
const commonOperators = " = <> < > <= >= + - * / || ~~ !~~ ~~* !~~* ~ ~* !~ -> ->> #> #>> "

// builtinTypes are the first words of PostgreSQL's own common types. One that is missing costs a look into the catalogue.
var builtinTypes = map[string]bool{
	"text": true, "character": true, "bpchar": true, "name": true, "smallint": true, "integer": true, "bigint": true, "real": true, "double": true,
	"numeric": true, "boolean": true, "date": true, "time": true, "timestamp": true, "interval": true, "uuid": true, "json": true, "jsonb": true,
	"bytea": true, "oid": true, "regclass": true, "inet": true, "cidr": true, "money": true, "xml": true, "tsvector": true, "tsquery": true,
}
