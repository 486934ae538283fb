package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
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
var syncName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`) })

const syncNameRemedy = "give it a name of a small letter and up to 30 of a-z, 0-9 and -"

// syncs reads SYNCS. What a sync leaves out is that of the environment.
func (l *loader) syncs(c *Config) {
	text := l.value("SYNCS")
	if text == "" {
		c.Syncs = []Sync{c.Sync}
		return
	}
	members, err := syncMembers(text)
	if err != nil {
		l.problem(fmt.Sprintf("SYNCS is not a JSON list: %v", err), `write it as [{"name": "posts"}, …]`)
		return
	}
	if len(members) == 0 {
		l.problem("SYNCS names no sync", `write it as [{"name": "posts"}, …], or unset SYNCS for one sync`)
	}
	for i, m := range members {
		c.Syncs = append(c.Syncs, l.sync(fmt.Sprintf("sync %d of SYNCS", i+1), m, c.Sync))
	}
	l.distinct(c.Syncs)
}

// syncMembers takes the list apart. Its errors say where, not what.
func syncMembers(text string) ([]map[string]json.RawMessage, error) {
	var members []map[string]json.RawMessage
	err := json.Unmarshal([]byte(text), &members)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("mistake at character %d", syntax.Offset)
	case errors.As(err, &kind):
		return nil, fmt.Errorf("%s at character %d", kind.Value, kind.Offset)
	case err != nil:
		return nil, err
	}
	var texts []json.RawMessage
	_ = json.Unmarshal([]byte(text), &texts) // it is a list
	for i, text := range texts {
		if fields(text) > len(members[i]) {
			return nil, fmt.Errorf("sync %d has a field twice, or two syncs have one pair of brackets", i+1)
		}
	}
	return members, nil
}

// fields counts the fields of an object, the same as often as it is there.
func fields(object []byte) (n int) {
	in := json.NewDecoder(bytes.NewReader(object))
	_, _ = in.Token()
	for ; in.More(); n++ {
		_, _ = in.Token()
		_ = in.Decode(&json.RawMessage{})
	}
	return n
}

// sync reads one member of the list.
func (l *loader) sync(where string, fields map[string]json.RawMessage, s Sync) Sync {
	known := map[string]*string{"name": &s.Name, "query": &s.Query, "data_store": &s.DataStore, "location": &s.Location, "mime_types": new(string)}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		target, ok := known[field]
		if !ok {
			l.problem(fmt.Sprintf("%s: unknown field %s", where, shown(field)), "use name, query, data_store, location and mime_types in SYNCS")
			continue
		}
		var value *string
		if err := json.Unmarshal(fields[field], &value); err != nil || value == nil {
			l.problem(fmt.Sprintf("%s: %s is not a text", where, field), "write it in quotes")
			continue
		}
		if *target = trim(*value); *target == "" {
			l.problem(fmt.Sprintf("%s: %s is empty", where, field), "leave it out for the value of the environment")
		}
	}
	if types := *known["mime_types"]; types != "" {
		s.MIMETypes = l.mimeTypes("mime_types of "+where, types)
	}
	switch {
	case s.Name == "":
		l.problem(where+" has no name", syncNameRemedy)
	case !syncName().MatchString(s.Name):
		l.problem(fmt.Sprintf("%s: name is %s", where, shown(s.Name)), syncNameRemedy)
	}
	switch {
	case s.DataStore == "":
		l.problem(where+": data_store is not set, nor is DATA_STORE_ID", "set data_store in every sync, or DATA_STORE_ID")
	case !resourceID.MatchString(s.DataStore):
		l.problem(where+": data_store is not a data store's id", "write the id alone, without the path before it")
	}
	if !slices.Contains(locations, s.Location) {
		l.invalid("location of "+where, s.Location, oneOf(locations))
	}
	if !isText(s.Query) {
		l.problem(where+": query is not UTF-8", "write it in UTF-8")
	}
	return s
}

// distinct checks that no two syncs have one name or one data store.
func (l *loader) distinct(syncs []Sync) {
	names, stores := map[string]bool{}, map[string]string{}
	for _, s := range syncs {
		if names[s.Name] && s.Name != "" {
			l.problem(fmt.Sprintf("SYNCS has two named %s", shown(s.Name)), "give each a name of its own")
		}
		names[s.Name] = true
		store := s.DataStore + " in " + s.Location
		if first, taken := stores[store]; taken && s.DataStore != "" {
			l.problem(fmt.Sprintf("SYNCS: %s and %s have the same data store %s, and each would delete what the other imports", shown(first), shown(s.Name), store), "give each a data store of its own")
		} else {
			stores[store] = s.Name
		}
	}
}
