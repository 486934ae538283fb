package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/refusal"
)

// contentMatch is what two checks find out that must agree.
type contentMatch struct {
	columns []column.Column   // nil: not known
	store   datastore.Content // what the data store takes
	schema  map[string]string
}

func (m *contentMatch) checkStore(ctx context.Context, cfg config.Config) []finding {
	store, err := openStore(ctx, cfg)
	var described datastore.Description
	if err == nil {
		defer store.Close()
		described, err = store.Describe(ctx)
		m.store = described.Content
	}
	if err != nil {
		return []finding{failed("data store", err), untried("permissions", "needs the data store")}
	}
	found := []finding{fine("data store", cfg.DataStore+" in "+cfg.Location)}
	if described.KMSKey != "" {
		found[0].Text += ", encrypted with " + described.KMSKey
	}
	if described.ACL {
		return append(found, failed("permissions", &refusal.Advice{
			Text:   cfg.DataStore + ": its documents have access control, and the job's have none, so nobody would find them",
			Remedy: "create a data store without access control and set DATA_STORE_ID",
		}))
	}
	m.schema, _ = store.Schema(ctx, described) // a permission that the job need not have
	for _, err = range store.IDs(ctx) {
		break // the first page proves the permission to read documents
	}
	if err == nil {
		_, err = store.FindImport(ctx, time.Now())
	}
	return append(found, tried("permissions", "documents and operations can be listed", err))
}

// hasContent reports whether the query makes documents with content.
func (m *contentMatch) hasContent() bool {
	return slices.Contains(columnNames(m.columns), document.ColumnURI)
}

// findings compares the query's documents with those that the data store takes: any other would be refused one by one, at
// the end of an import.
func (m *contentMatch) findings() (found []finding) {
	if m.columns != nil && m.store != datastore.ContentUnknown {
		found = append(found, tried("content", "the query's documents are of the kind that the data store takes", m.store.Suits(m.hasContent())))
	}
	return append(append(found, schemaFindings(m.columns, m.schema)...), nameFindings(m.columns)...)
}

// contentBuckets says where content may come from. The service's agent reads it with rights of its own, so that whoever may
// write a row may have any object that the agent can read made searchable.
func (m *contentMatch) contentBuckets(cfg config.Config) []finding {
	switch {
	case !m.hasContent(): // or the columns are not known
		return nil
	case len(cfg.ContentBuckets) > 0:
		return []finding{fine("sources", "content may come from gs://"+strings.Join(cfg.ContentBuckets, ", gs://"))}
	}
	return []finding{warning("sources", "content may come from any bucket that the service's agent can read, as content_uri says",
		"set CONTENT_BUCKETS to the buckets that are meant")}
}

// schemaTypes are the types of a schema that take the values of a kind of column. JSON may be anything.
var schemaTypes = map[column.Kind][]string{
	column.Text:      {"string", "datetime", "geolocation"},
	column.Timestamp: {"string", "datetime"},
	column.Number:    {"number", "integer"},
	column.Bool:      {"boolean"},
	column.Numbers:   {"array"},
}

// schemaFindings compares the query's columns with the types that the data store's fields have: they cannot be changed, and
// documents with others are refused.
func schemaFindings(columns []column.Column, schema map[string]string) (found []finding) {
	for _, c := range columns {
		kind, wanted := schema[c.Name], schemaTypes[c.Kind]
		if kind != "" && wanted != nil && !slices.Contains(wanted, kind) {
			found = append(found, failed("schema", &refusal.Advice{
				Text:   fmt.Sprintf("field %q is of type %s in the data store, and the query makes it a %s", c.Name, kind, wanted[0]),
				Remedy: "cast the column in the query, rename it, or set DATA_STORE_ID to a new data store",
			}))
		}
	}
	return found
}

// plainName are the names of fields that Google's own examples have. A dot separates the steps of a path in filters.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// nameFindings warns of fields whose names nobody has seen to work.
func nameFindings(columns []column.Column) []finding {
	odd := slices.DeleteFunc(columnNames(columns), plainName.MatchString)
	if len(odd) == 0 {
		return nil
	}
	return []finding{warning("names", fmt.Sprintf(`whether Vertex AI Search filters, sorts and returns fields of such names is not documented: "%s"`, strings.Join(odd, `", "`)),
		"use letters, digits, _ and - alone: rename the column with AS")}
}

// columnNames are the names of the columns in the query's order.
func columnNames(columns []column.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}
