package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Sync is one query whose documents go to one data store.
type Sync struct {
	Name        string // empty: the only one
	Query       string
	DataStoreID string
	Location    string
	MIMETypes   []string
}

// syncName is what names may look like: they become parts of objects' names.
var syncName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`) })

// syncs reads SYNCS. What a sync leaves out is that of the environment.
func (l *loader) syncs(c *Config) {
	whole := Sync{Query: c.Query, DataStoreID: c.DataStore, Location: c.Location, MIMETypes: c.MIMETypes}
	text := l.value("SYNCS")
	if text == "" {
		c.Syncs = []Sync{whole}
		return
	}
	members, err := syncMembers(text)
	if err != nil {
		l.problem(`SYNCS is not a JSON list such as [{"name": "posts"}]: %v`, err)
		return
	}
	if len(members) == 0 {
		l.problem("SYNCS names no sync")
	}
	for i, m := range members {
		c.Syncs = append(c.Syncs, l.sync(fmt.Sprintf("SYNCS, number %d", i+1), m, whole))
	}
	l.distinct(c.Syncs)
}

// syncMembers takes the list apart. Its errors say where, not what.
func syncMembers(text string) ([]map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	var members []map[string]json.RawMessage
	err := decoder.Decode(&members)
	if err == nil && decoder.InputOffset() < int64(len(text)) {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = fmt.Errorf("there is more after its end, at character %d", decoder.InputOffset())
		}
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("mistake at character %d", syntax.Offset)
	case errors.As(err, &kind):
		return nil, fmt.Errorf("%s at character %d", kind.Value, kind.Offset)
	}
	return members, err
}

// sync reads one member of the list.
func (l *loader) sync(where string, fields map[string]json.RawMessage, s Sync) Sync {
	known := map[string]*string{"name": &s.Name, "query": &s.Query, "data_store": &s.DataStoreID, "location": &s.Location, "mime_types": new(string)}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		target, ok := known[field]
		if !ok {
			l.problem("%s: unknown field %q, want name, query, data_store, location or mime_types", where, field)
			continue
		}
		var value *string
		if err := json.Unmarshal(fields[field], &value); err != nil || value == nil {
			l.problem("%s: %s is not a text", where, field)
			continue
		}
		if *target = trim(*value); *target == "" {
			l.problem("%s: %s is empty; leave it out for what the environment says", where, field)
		}
	}
	if types := *known["mime_types"]; types != "" {
		s.MIMETypes = l.mimeTypes(where+": mime_types", types)
	}
	switch {
	case s.Name == "":
		l.problem("%s has no name", where)
	case !syncName().MatchString(s.Name):
		l.problem("%s: name is %q, want a small letter and up to 30 of a-z, 0-9 and -", where, s.Name)
	}
	switch {
	case s.DataStoreID == "":
		l.problem("%s: data_store is not set, nor is DATA_STORE_ID", where)
	case !resourceID.MatchString(s.DataStoreID):
		l.problem("%s: data_store is not a data store's id: the id alone, without the path before it", where)
	}
	if !slices.Contains(locations, s.Location) {
		l.problem("%s: location is %q, want one of %s", where, s.Location, strings.Join(locations, ", "))
	}
	if !isText(s.Query) {
		l.problem("%s: query is not UTF-8", where)
	}
	return s
}

// distinct checks that no two syncs have one name or one data store.
func (l *loader) distinct(syncs []Sync) {
	names, stores := map[string]bool{}, map[string]string{}
	for _, s := range syncs {
		if names[s.Name] && s.Name != "" {
			l.problem("SYNCS has two named %q", s.Name)
		}
		names[s.Name] = true
		store := s.DataStoreID + " in " + s.Location
		if first, taken := stores[store]; taken && s.DataStoreID != "" {
			l.problem("SYNCS: %q and %q have the same data store %s, and each would remove what the other imports", first, s.Name, store)
		} else {
			stores[store] = s.Name
		}
	}
}
