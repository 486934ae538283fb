package datastore

import "testing"

// An operation of another data store, of another place or project is never polled.
func TestOwnsOperation(t *testing.T) {
	store := Config{Project: "project", Location: "global", DataStore: "mine"}
	for name, want := range map[string]bool{
		"projects/123/locations/global/collections/default_collection/dataStores/mine/branches/0/operations/import-documents-1":   true,
		"projects/project/locations/global/collections/default_collection/dataStores/mine/operations/import-documents-1":          true,
		"projects/123/locations/global/operations/import-documents-1":                                                             true,
		"projects/other/locations/global/collections/default_collection/dataStores/mine/branches/0/operations/import-documents-1": false,
		"projects/123/locations/eu/collections/default_collection/dataStores/mine/branches/0/operations/import-documents-1":       false,
		"projects/123/locations/global/collections/default_collection/dataStores/theirs/branches/0/operations/import-documents-1": false,
		"projects/123/locations/global/collections/c/dataStores/theirs/branches/dataStores/mine/operations/import-documents-1":    false,
		"projects/123/locations/global/collections/default_collection/dataStores/mine/branches/0/operations/../../x":              false,
		"projects/123/locations/global/operations/":                                                                               false,
		"": false,
	} {
		if got := store.owns(name); got != want {
			t.Errorf("%.200s: %v, want %v", name, got, want)
		}
	}
}
