package discoveryengine

import (
	"context"
	"maps"
	"slices"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// kindOf is the word of JSON schema for the kind of a value; empty for null, which fits every field.
func kindOf(v *structpb.Value) string {
	switch v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return "number"
	case *structpb.Value_StringValue:
		return "string"
	case *structpb.Value_BoolValue:
		return "boolean"
	case *structpb.Value_StructValue:
		return "object"
	case *structpb.Value_ListValue:
		return "array"
	}
	return ""
}

// kindsOf are the kinds of a document's fields, nil where types are not fixed.
func (c checker) kindsOf(d *discoveryenginepb.Document) map[string]string {
	if !c.fixed {
		return nil
	}
	kinds := map[string]string{}
	for name, value := range d.GetStructData().GetFields() {
		if kind := kindOf(value); kind != "" {
			kinds[name] = kind
		}
	}
	return kinds
}

// checkKinds compares the fields with what the data store has learned, or was given.
func (c checker) checkKinds(d *discoveryenginepb.Document) error {
	for _, name := range slices.Sorted(maps.Keys(d.GetStructData().GetFields())) {
		got, want := kindOf(d.GetStructData().GetFields()[name]), c.kinds[name]
		if got != "" && want != "" && got != want {
			return c.problem(d, "field %q has type %s in the schema, its type cannot be changed to %s", name, want, got)
		}
	}
	return nil
}

// learn remembers the kinds of fields that are new. The caller holds the mutex.
func (d *DataStore) learn(kinds map[string]string) {
	for name, kind := range kinds {
		if d.learned == nil {
			d.learned = map[string]string{}
		}
		if _, known := d.learned[name]; !known {
			d.learned[name] = kind
		}
	}
}

// kinds are those of the schema that the data store was given and of what it has learned.
func (d *DataStore) kinds() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	kinds := map[string]string{}
	maps.Copy(kinds, d.learned)
	maps.Copy(kinds, d.config.Schema)
	return kinds
}

type schemaService struct {
	discoveryenginepb.UnimplementedSchemaServiceServer
	s *Server
}

// GetSchema answers with a JSON schema, as a data store has one of its own making.
func (v *schemaService) GetSchema(_ context.Context, r *discoveryenginepb.GetSchemaRequest) (*discoveryenginepb.Schema, error) {
	store, rest, err := v.s.store(r.GetName())
	if err != nil {
		return nil, err
	}
	if len(rest) != 2 || rest[0] != "schemas" {
		return nil, invalid("Invalid resource name: %q", r.GetName())
	}
	if rest[1] != "default_schema" {
		return nil, status.Errorf(codes.NotFound, "Schema %s not found.", r.GetName())
	}
	properties := map[string]any{}
	for name, kind := range store.kinds() {
		properties[name] = map[string]any{"type": kind}
	}
	schema, err := structpb.NewStruct(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties,
	})
	if err != nil {
		return nil, err
	}
	return &discoveryenginepb.Schema{
		Name:   store.Name() + "/schemas/default_schema",
		Schema: &discoveryenginepb.Schema_StructSchema{StructSchema: schema},
	}, nil
}
