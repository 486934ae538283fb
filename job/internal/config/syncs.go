package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Sync is one query whose documents go to one data store.
type Sync struct {
	Name      string // empty: the only one
	Query     string // SELECT
	DataStore string
	Location  string   // of the data store: global, us or eu
	MIMETypes []string // accepted, lower case
}

// syncName is what names may look like: they become parts of objects' names.
var syncName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

const syncNameForm = "a small letter and up to 30 of a-z, 0-9 and -"

// syncs reads SYNCS. What a sync leaves out is that of the environment. Errors say where the list is wrong, not what is there.
func (l *loader) syncs(c *Config) {
	text := l.value("SYNCS")
	if text == "" {
		c.Syncs = []Sync{c.Sync}
		return
	}
	const form = `write it as [{"name": "posts"}, …]`
	var members []map[string]json.RawMessage
	err := json.Unmarshal([]byte(text), &members)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		l.problem(fmt.Sprintf("SYNCS is not a JSON list: mistake at character %d", syntax.Offset), form)
	case errors.As(err, &kind):
		l.problem(fmt.Sprintf("SYNCS is not a JSON list: %s at character %d", kind.Value, kind.Offset), form)
	case len(members) == 0:
		l.problem("SYNCS names no sync", form+", or unset SYNCS for one sync")
	default:
		for i, m := range members {
			c.Syncs = append(c.Syncs, l.sync(fmt.Sprintf("sync %d of SYNCS", i+1), m, c.Sync))
		}
		l.distinct(c.Syncs)
	}
}

// sync reads one member of the list, whose fields take what the variables of the same meaning take.
func (l *loader) sync(where string, fields map[string]json.RawMessage, s Sync) Sync {
	isName := func(value string) (string, bool) { return value, syncName.MatchString(value) }
	setters := map[string]setter{
		"name":       parsed(&s.Name, isName, syncNameForm),
		"query":      query(&s.Query),
		"data_store": name(&s.DataStore, resourceID, "a data store's id", "the id alone, without the path before it"),
		"location":   choice(&s.Location, locations...),
		"mime_types": mimeTypes(&s.MIMETypes),
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		var value *string
		set, err := setters[field], json.Unmarshal(fields[field], &value)
		switch {
		case set == nil:
			l.problem(fmt.Sprintf("%s: unknown field %s", where, shown(field)), "use name, query, data_store, location and mime_types in SYNCS")
		case err != nil || value == nil:
			l.problem(fmt.Sprintf("%s: %s is not a text", where, field), "write it in quotes")
		case trim(*value) == "":
			l.problem(fmt.Sprintf("%s: %s is empty", where, field), "leave it out for the value of the environment")
		default:
			set(l, Variable{Name: field + " of " + where}, trim(*value))
		}
	}
	if s.Name == "" {
		l.problem(where+" has no name", "give it a name of "+syncNameForm)
	}
	if s.DataStore == "" {
		l.problem(where+": data_store is not set, nor is DATA_STORE_ID", "set data_store in every sync, or DATA_STORE_ID")
	}
	return s
}

// distinct checks that no two syncs have one name or one data store.
func (l *loader) distinct(syncs []Sync) {
	for i, s := range syncs {
		for _, other := range syncs[:i] {
			if s.Name == other.Name && s.Name != "" {
				l.problem(fmt.Sprintf("SYNCS has two named %s", shown(s.Name)), "give each a name of its own")
			}
			if s.DataStore == other.DataStore && s.Location == other.Location && s.DataStore != "" {
				l.problem(fmt.Sprintf("SYNCS: %s and %s have the same data store %s in %s, and each would delete what the other imports", shown(other.Name), shown(s.Name), s.DataStore, s.Location), "give each a data store of its own")
			}
		}
	}
}
