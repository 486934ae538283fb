package api

import (
	"encoding/json"
	"maps"
	"slices"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// checkSchema refuses what the service refuses of a JSON schema, and of a change of one: its fields cannot be removed, nor change
// their type.
func checkSchema(old, next string) error {
	if next == "" {
		return nil
	}
	wanted := object{}
	if err := json.Unmarshal([]byte(next), &wanted); err != nil {
		return engine.Invalid("json_schema is not valid JSON: %v.", err)
	}
	had := object{}
	if old != "" {
		// It was checked when it was stored.
		_ = json.Unmarshal([]byte(old), &had)
	}
	before, after := fields.Child(had, "properties"), fields.Child(wanted, "properties")
	for _, name := range slices.Sorted(maps.Keys(before)) {
		was, _ := before[name].(object)
		is, kept := after[name].(object)
		switch {
		case !kept:
			return engine.Invalid("Field %q cannot be removed from the schema.", name)
		case fields.Text(is, "type") != fields.Text(was, "type"):
			return engine.Invalid("The type of field %q cannot change from %s to %s.", name, fields.Text(was, "type"), fields.Text(is, "type"))
		}
	}
	return nil
}
