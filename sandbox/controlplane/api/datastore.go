package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

const (
	collectionPattern = "projects/{project}/locations/{location}/collections/{collection}"
	storePattern      = collectionPattern + "/dataStores/{store}"
	defaultSchema     = "default_schema"
	searchMessages    = "type.googleapis.com/google.cloud.discoveryengine.v1."
)

var (
	storeFormat     = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	searchLocations = []string{"global", "us", "eu"}
	searchVersions  = []string{"v1", "v1beta", "v1alpha"}
)

// datastoreKinds are the data stores of Vertex AI Search, their schemas, and the search engines over them. The service answers with
// the project's number.
func (s *Server) datastoreKinds() []*engine.Kind {
	numbered := func(resource object) object {
		resource["name"] = s.numbered(fields.Text(resource, "name"))
		return resource
	}
	return []*engine.Kind{
		{
			Service: "discoveryengine", Versions: searchVersions, Pattern: engine.NewPattern(storePattern), Title: "data store",
			List: "dataStores", Permission: "discoveryengine.dataStores", Format: storeFormat, Shown: numbered,
			Deferred: searchMessages + "DataStore", AtOnce: true,
			Stamps: []string{"createTime"}, Outputs: []string{"defaultSchemaId", "contentConfig", "industryVertical"},
			Taken:    func(c *engine.Call) string { return "DataStore " + s.numbered(c.On) + " already exists." },
			Absent:   func(c *engine.Call) string { return "DataStore " + s.numbered(c.On) + " not found." },
			NewID:    queryID("dataStoreId"),
			Prepare:  s.prepareStore,
			Written:  s.storeWritten,
			Removing: s.removingStore,
		},
		{
			Service: "discoveryengine", Versions: searchVersions, Pattern: engine.NewPattern(storePattern + "/schemas/{schema}"), Title: "schema",
			List: "schemas", Permission: "discoveryengine.schemas", Format: storeFormat, Shown: numbered,
			Deferred: searchMessages + "Schema",
			Absent:   func(c *engine.Call) string { return "Schema " + s.numbered(c.On) + " not found." },
			NewID:    queryID("schemaId"),
			Prepare:  s.prepareSchema,
			Removing: func(c *engine.Call, _ string, _ object) error { return s.removingSchema(c) },
		},
		{
			Service: "discoveryengine", Versions: searchVersions, Pattern: engine.NewPattern(collectionPattern + "/engines/{engine}"), Title: "engine",
			List: "engines", Permission: "discoveryengine.engines", Format: storeFormat, Shown: numbered,
			Deferred: searchMessages + "Engine", AtOnce: true, Stamps: []string{"createTime", "updateTime"},
			Outputs: []string{"solutionType", "industryVertical"},
			Taken:   func(c *engine.Call) string { return "Engine " + s.numbered(c.On) + " already exists." },
			Absent:  func(c *engine.Call) string { return "Engine " + s.numbered(c.On) + " not found." },
			NewID:   queryID("engineId"),
			Prepare: s.prepareEngine,
		},
	}
}

// queryID takes a new resource's id from a parameter of the request.
func queryID(parameter string) func(*engine.Call) (string, error) {
	return func(c *engine.Call) (string, error) { return c.HTTP.URL.Query().Get(parameter), nil }
}

func checkCollection(c *engine.Call) error {
	if !slices.Contains(searchLocations, c.Vars["location"]) {
		return engine.Invalid("Location %q is not supported: it must be global, us or eu.", c.Vars["location"])
	}
	if c.Vars["collection"] != "default_collection" {
		return engine.NotFound("Collection %s not found.", c.Vars["collection"])
	}
	return nil
}

func (s *Server) prepareStore(c *engine.Call, old, store object) error {
	if err := checkCollection(c); err != nil {
		return err
	}
	if fields.Text(store, "displayName") == "" {
		return engine.Invalid("Field \"data_store.display_name\" is a required field, but no value is found.")
	}
	fields.Put(store, "name", c.On)
	if old != nil {
		return nil
	}
	fields.OrElse(store, "industryVertical", fields.Field(c.Body, "industryVertical"))
	if fields.Text(store, "industryVertical") == "" {
		return engine.Invalid("Field \"data_store.industry_vertical\" is a required field, but no value is found.")
	}
	fields.OrElse(store, "contentConfig", fields.Field(c.Body, "contentConfig"))
	fields.OrElse(store, "contentConfig", "NO_CONTENT")
	if c.HTTP.URL.Query().Get("skipDefaultSchemaCreation") != "true" {
		fields.Put(store, "defaultSchemaId", defaultSchema)
	}
	return nil
}

// storeWritten gives a new data store its schema, and the data plane the data store.
func (s *Server) storeWritten(c *engine.Call, name string, store object) *engine.Error {
	schemas := s.KindOf("discoveryengine", storePattern+"/schemas/{schema}")
	if id := fields.Text(store, "defaultSchemaId"); id == defaultSchema && s.Find(schemas.Key(name+"/schemas/"+id)) == nil {
		s.Keep(schemas, name+"/schemas/"+id, object{"name": name + "/schemas/" + id, "jsonSchema": `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}`})
	}
	if s.data != nil {
		s.data.CreateDataStore(s.dataStore(c, store))
	}
	return nil
}

func (s *Server) dataStore(c *engine.Call, store object) DataStore {
	return DataStore{
		Project: c.Vars["project"], Number: c.Project(c.Vars["project"]).Number, Location: c.Vars["location"], ID: c.Vars["store"],
		Content: fields.Text(store, "contentConfig"),
	}
}

func (s *Server) removingStore(c *engine.Call, name string, store object) error {
	for _, e := range s.InOrder() {
		if e.Kind.Title != "engine" || !strings.HasPrefix(fields.Text(e.Resource, "name"), strings.TrimSuffix(name, "dataStores/"+c.Vars["store"])) {
			continue
		}
		if slices.Contains(fields.Texts(e.Resource, "dataStoreIds"), c.Vars["store"]) {
			return engine.Precondition("Cannot delete DataStore %s: it is used by Engine %s.", s.numbered(name), s.numbered(fields.Text(e.Resource, "name")))
		}
	}
	if s.data != nil {
		s.data.DeleteDataStore(s.dataStore(c, store))
	}
	return nil
}

// prepareSchema checks a schema. A data store has one: its default one, or the first that was made without it.
func (s *Server) prepareSchema(c *engine.Call, old, schema object) error {
	store := strings.TrimSuffix(c.On, "/schemas/"+c.Vars["schema"])
	found := s.Find("discoveryengine/" + store)
	if found == nil {
		return engine.NotFound("DataStore %s not found.", s.numbered(store))
	}
	if other := fields.Text(found.Resource, "defaultSchemaId"); other != "" && old == nil {
		return engine.Precondition("DataStore %s has schema %s already; a data store has one schema.", s.numbered(store), other)
	}
	if fields.Text(schema, "jsonSchema") == "" && fields.Child(schema, "structSchema") == nil {
		return engine.Invalid("Schema must be provided as struct_schema or json_schema.")
	}
	if err := checkSchema(fields.Text(old, "jsonSchema"), fields.Text(schema, "jsonSchema")); err != nil {
		return err
	}
	fields.Put(schema, "name", c.On)
	fields.Put(found.Resource, "defaultSchemaId", c.Vars["schema"])
	return nil
}

func (s *Server) removingSchema(c *engine.Call) error {
	if store := s.Find("discoveryengine/" + strings.TrimSuffix(c.On, "/schemas/"+c.Vars["schema"])); store != nil {
		fields.Drop(store.Resource, "defaultSchemaId")
	}
	return nil
}

func (s *Server) prepareEngine(c *engine.Call, old, search object) error {
	if err := checkCollection(c); err != nil {
		return err
	}
	fields.Put(search, "name", c.On)
	if old == nil {
		fields.OrElse(search, "solutionType", fields.Field(c.Body, "solutionType"))
		fields.OrElse(search, "industryVertical", fields.Field(c.Body, "industryVertical"))
		fields.OrElse(search, "industryVertical", "GENERIC")
	}
	if fields.Text(search, "solutionType") == "" {
		return engine.Invalid("Field \"engine.solution_type\" is a required field, but no value is found.")
	}
	stores := fields.Texts(search, "dataStoreIds")
	if len(stores) == 0 {
		return engine.Invalid("Field \"engine.data_store_ids\" must have at least one data store.")
	}
	for _, id := range stores {
		name := strings.TrimSuffix(c.On, "engines/"+c.Vars["engine"]) + "dataStores/" + id
		if s.Find("discoveryengine/"+name) == nil {
			return engine.NotFound("DataStore %s not found.", s.numbered(name))
		}
	}
	return nil
}

// NewDataStore makes a data store.
func (s *Server) NewDataStore(project, location, id, content string) error {
	path := "/discoveryengine/v1/projects/" + project + "/locations/" + location + "/collections/default_collection/dataStores?dataStoreId=" + id
	_, err := s.Request(http.MethodPost, path, object{
		"displayName": id, "industryVertical": "GENERIC", "solutionTypes": []any{"SOLUTION_TYPE_SEARCH"}, "contentConfig": content,
	})
	return err
}
