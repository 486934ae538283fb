package stack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var syncName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// records is the setting of several syncs. A misspelt field is a problem, not a default.
func records(key, doc string, into *[]Sync) Setting {
	return Setting{key, "array", "[]", doc, func(v string) error {
		decoder := json.NewDecoder(strings.NewReader(v))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			var mistyped *json.UnmarshalTypeError
			if errors.As(err, &mistyped) && mistyped.Field != "" {
				return fmt.Errorf("%s of a sync is not text; quote it", mistyped.Field)
			}
			if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
				return fmt.Errorf("%s is no field of a sync; write name, dataStore, dataStoreLocation, dataStoreContent, queryFile or mimeTypes", field)
			}
			return errors.New("is not a list of syncs, each with its name and what differs for it")
		}
		return nil
	}, into}
}

// checkSyncs holds the job's own rules for SYNCS, so that none of them is left to the first run.
func (a Args) checkSyncs(p *problems) {
	seen, stores := map[string]bool{}, map[string]string{}
	for _, s := range a.Syncs {
		if !syncName.MatchString(s.Name) {
			p.add("syncs", "%q is not a name of a sync: at most 31 lower-case letters, digits and dashes, a letter first", s.Name)
			continue
		}
		p.require(!seen[s.Name], "syncs", "%s is there twice; names must differ", s.Name)
		seen[s.Name] = true
		p.oneOf(a.locationOf(s), "syncs", "global", "us", "eu")
		p.require(s.DataStoreContent == "" || a.CreateDataStore, "syncs", "%s: dataStoreContent is for data stores that are created; set {createDataStore} or leave it out", s.Name)
		p.oneOf(a.contentOf(s), "syncs", "required", "none")
		p.match(dataStoreID, s.DataStore, "syncs", "a data store id: at most 63 lower-case letters, digits, dashes and underscores")
		if s.MIMETypes != "" {
			if problem := variables["SYNC_MIME_TYPES"].refuse(s.MIMETypes); problem != "" {
				p.add("syncs", "%s: mimeTypes is %q, want %s", s.Name, s.MIMETypes, problem)
			}
		}
		store := a.locationOf(s) + "/" + s.DataStore
		if s.DataStore == "" {
			store = a.locationOf(s) + "/(the one of all)"
			p.require(!a.CreateDataStore || given(a.DataStore), "syncs", "%s has no dataStore, and {dataStore} is not set; name the one to create", s.Name)
		}
		p.require(stores[store] == "", "syncs", "%s and %s have one data store; each needs its own", stores[store], s.Name)
		stores[store] = s.Name
	}
	if length := len(a.syncsVariable()); length > maxVariable {
		p.add("syncs", "their queries and names have %d bytes, Cloud Run takes %d; make the queries views and select from those", length, maxVariable)
	}
	_, set := a.Env["SYNCS"]
	p.require(!set || len(a.Syncs) == 0, "syncs", "is set and so is SYNCS under {env}; keep one")
}

func (a Args) locationOf(s Sync) string {
	if s.DataStoreLocation != "" {
		return s.DataStoreLocation
	}
	return a.DataStoreLocation
}

func (a Args) contentOf(s Sync) string {
	if s.DataStoreContent != "" {
		return s.DataStoreContent
	}
	return a.DataStoreContent
}

// syncsVariable is the job's SYNCS; empty: there is one sync without a name.
func (a Args) syncsVariable() string {
	if len(a.Syncs) == 0 {
		return ""
	}
	type variable struct {
		Name      string `json:"name"`
		Query     string `json:"query,omitempty"`
		DataStore string `json:"data_store,omitempty"`
		Location  string `json:"location,omitempty"`
		MIMETypes string `json:"mime_types,omitempty"`
	}
	var list []variable
	for _, s := range a.Syncs {
		list = append(list, variable{s.Name, s.Query, s.DataStore, s.DataStoreLocation, s.MIMETypes})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // a query has its <, > and & as they are
	if err := encoder.Encode(list); err != nil {
		panic(err) // nothing but text is in it
	}
	return strings.TrimSpace(text.String())
}
