package datastore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	discoveryengine "cloud.google.com/go/discoveryengine/apiv1"
	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"

	"vertexmetadata/job/internal/refusal"
)

// Content says whether the documents of a data store have content beside their
// fields. The service refuses a document of the other kind.
type Content int

const (
	// ContentUnknown: the service does not say.
	ContentUnknown Content = iota
	// ContentNone: fields alone (NO_CONTENT).
	ContentNone
	// ContentRequired: every document has content (CONTENT_REQUIRED).
	ContentRequired
)

// Suits returns an error if the data store refuses every document of a query, by whether they have content.
func (c Content) Suits(hasContent bool) error {
	switch {
	case hasContent && c == ContentNone:
		return &refusal.Advice{
			Text:   "the query makes documents with content, and the data store takes only documents without (NO_CONTENT)",
			Remedy: "leave content_uri and content_mime_type out of the query, or set DATA_STORE_ID to a data store for unstructured documents with metadata (CONTENT_REQUIRED)",
			Config: true,
		}
	case !hasContent && c == ContentRequired:
		return &refusal.Advice{
			Text:   "the query makes documents without content, and the data store takes only documents with content (CONTENT_REQUIRED)",
			Remedy: "select content_uri and content_mime_type, or set DATA_STORE_ID to a data store for structured documents (NO_CONTENT)",
			Config: true,
		}
	}
	return nil
}

// Description is what a data store says of itself.
type Description struct {
	Content Content
	ACL     bool   // documents have access control: they can be neither listed nor read, and need acl_info to be found
	KMSKey  string // "": Google's own
	schema  string // name of the schema
}

// Describe asks what the data store is. One that takes no imported documents is an
// error.
func (s *Store) Describe(ctx context.Context) (Description, error) {
	client, err := discoveryengine.NewDataStoreClient(ctx, s.api.Options()...)
	if err != nil {
		return Description{}, s.api.Explain(ctx, "check", s.name, err)
	}
	defer client.Close()
	call, cancel, retry := s.api.Bounded(ctx)
	defer cancel()
	store, err := client.GetDataStore(call, &pb.GetDataStoreRequest{Name: s.name}, retry)
	if err != nil {
		return Description{}, s.api.Explain(ctx, "check", s.name, err)
	}
	d := Description{ACL: store.GetAclEnabled(), KMSKey: store.GetCmekConfig().GetKmsKey(), schema: store.GetDefaultSchemaId()}
	reason := ""
	switch c := store.GetContentConfig(); c {
	case pb.DataStore_NO_CONTENT:
		d.Content = ContentNone
	case pb.DataStore_CONTENT_REQUIRED:
		d.Content = ContentRequired
	case pb.DataStore_PUBLIC_WEBSITE, pb.DataStore_GOOGLE_WORKSPACE:
		reason = fmt.Sprintf("its content is %s", c)
	}
	switch {
	case store.GetWorkspaceConfig() != nil:
		reason = "it is filled from Google Workspace"
	case store.GetHealthcareFhirConfig() != nil:
		reason = "it is filled from a FHIR store"
	}
	if reason == "" {
		return d, nil
	}
	return d, &refusal.Advice{
		Text:   fmt.Sprintf("check %s: %s, and it takes no imported documents", s.name, reason),
		Remedy: "create one for unstructured documents with metadata (CONTENT_REQUIRED) and set DATA_STORE_ID", Config: true,
	}
}

// Schema reads the types of the data store's fields, which cannot be changed once they
// are set: string, number, integer, boolean, object, array, datetime, geolocation; "" where it is not said. A data store without documents may have none. It takes
// discoveryengine.schemas.get.
func (s *Store) Schema(ctx context.Context, d Description) (map[string]string, error) {
	name := s.name + "/schemas/" + cmp.Or(d.schema, "default_schema")
	client, err := discoveryengine.NewSchemaClient(ctx, s.api.Options()...)
	if err != nil {
		return nil, s.api.Explain(ctx, "read", name, err)
	}
	defer client.Close()
	call, cancel, retry := s.api.Bounded(ctx)
	defer cancel()
	schema, err := client.GetSchema(call, &pb.GetSchemaRequest{Name: name}, retry)
	if err != nil {
		return nil, s.api.Explain(ctx, "read", name, err)
	}
	fields, err := fieldsOf(schema)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return fields, nil
}

// fieldsOf reads a JSON schema, as far as types go.
func fieldsOf(schema *pb.Schema) (map[string]string, error) {
	text := []byte(schema.GetJsonSchema())
	if len(text) == 0 {
		var err error
		if text, err = schema.GetStructSchema().MarshalJSON(); err != nil {
			return nil, err
		}
	}
	var parsed struct{ Properties map[string]struct{ Type any } }
	if err := json.Unmarshal(text, &parsed); err != nil {
		return nil, err
	}
	fields := make(map[string]string, len(parsed.Properties))
	for name, p := range parsed.Properties {
		fields[name], _ = p.Type.(string) // a list of types is none that could conflict
	}
	return fields, nil
}
