package main

import (
	"context"
	"slices"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/diff"
)

const (
	// listedIDs is how many ids of each kind a plan shows, listedDocuments how many changed documents with their fields.
	listedIDs       = 5
	listedDocuments = 20
	// mostIDs and mostBytes bound what --all keeps until the whole plan is known: a plan that a later row makes fail must not
	// be half printed.
	mostIDs   = 100_000
	mostBytes = 64 << 20
)

// kindsOfChange are the kinds in the order in which a plan shows them, and what they are called.
var kindsOfChange = []struct {
	kind         diff.Kind
	title, color string
	key          string // in JSON
}{
	{diff.Add, "Add", green, "add"},
	{diff.Update, "Change", yellow, "change"},
	{diff.Remove, "Delete", red, "delete"},
	{diff.Refuse, "Refuse", red, "refuse"},
}

// listing keeps some of the changes of a plan, and counts all.
type listing struct {
	most      int // ids of a kind
	documents int // changed documents that are kept whole
	ids       map[diff.Kind][]listedChange
	total     map[diff.Kind]int64
	changed   []changedDocument
	bytes     int
}

// listedChange is a change of which a plan shows the id, and why the document is refused.
type listedChange struct{ id, reason string }

// changedDocument is a document whose content differs from what the data store holds.
type changedDocument struct {
	ID     string       `json:"id"`
	Fields []difference `json:"fields"`
	line   []byte
}

func newListing(withDiff, all bool) *listing {
	l := &listing{most: listedIDs, ids: map[diff.Kind][]listedChange{}, total: map[diff.Kind]int64{}}
	if withDiff {
		l.documents = listedDocuments
	}
	if all {
		l.most = mostIDs
		l.documents *= mostIDs
	}
	return l
}

func (l *listing) add(c diff.Change) {
	l.total[c.Kind]++
	if len(l.ids[c.Kind]) < l.most {
		l.ids[c.Kind] = append(l.ids[c.Kind], listedChange{shorten(string(c.ID), maxShownID), c.Reason})
	}
	if c.Kind == diff.Update && len(l.changed) < l.documents && l.bytes < mostBytes {
		l.changed = append(l.changed, changedDocument{ID: string(c.ID), line: slices.Clone(c.Line)})
		l.bytes += len(c.Line)
	}
}

// maxShownID is how many characters of an id are shown: any longer one is refused for its length.
const maxShownID = 128

// readAtOnce bounds how many documents are held while they are compared.
const readAtOnce = 200

// compare reads the documents as the data store has them and finds the fields that differ.
func (l *listing) compare(ctx context.Context, store *datastore.Store) ([]changedDocument, error) {
	for some := range slices.Chunk(l.changed, readAtOnce) {
		ids := make([]string, len(some))
		for i, c := range some {
			ids[i] = c.ID
		}
		stored, err := store.Get(ctx, ids...)
		if err != nil {
			return nil, err
		}
		for i := range some {
			some[i].Fields, some[i].line = differences(fieldsOf(stored[some[i].ID]), fieldsOf(sent(some[i].line))), nil
		}
	}
	return l.changed, nil
}
