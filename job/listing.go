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
	// maxShownID is how many characters of an id are shown: any longer one is refused for its length.
	maxShownID = 128
	// readAtOnce bounds how many documents are held while they are compared.
	readAtOnce = 200
)

// kindsOfChange are the kinds in the order in which a plan shows them.
var kindsOfChange = []struct {
	kind              diff.Kind
	title, color, key string // key is the one in JSON
	count             func(diff.Counts) int64
}{
	{diff.Add, "Add", green, "add", func(c diff.Counts) int64 { return c.New }},
	{diff.Update, "Change", yellow, "change", func(c diff.Counts) int64 { return c.Changed }},
	{diff.Remove, "Delete", red, "delete", func(c diff.Counts) int64 { return c.Gone }},
	{diff.Refuse, "Refuse", red, "refuse", func(c diff.Counts) int64 { return c.Refused }},
}

// listing keeps some of the changes of a plan.
type listing struct {
	withFields bool // of the changed documents, as --diff asks for
	all        bool
	changes    map[diff.Kind][]listedChange
	bytes      int // of the documents that are kept
}

// listedChange is a document that a plan names.
type listedChange struct {
	ID     string       `json:"id"`
	Fields []difference `json:"fields"`
	reason string       // why it is refused
	line   []byte       // the document as it would be sent, until it is compared
}

func newListing(withFields, all bool) *listing {
	return &listing{withFields: withFields, all: all, changes: map[diff.Kind][]listedChange{}}
}

func (l *listing) add(c diff.Change) {
	isCompared, most := l.withFields && c.Kind == diff.Update, listedIDs
	switch {
	case l.all:
		most = mostIDs
	case isCompared:
		most = listedDocuments
	}
	if len(l.changes[c.Kind]) >= most || isCompared && l.bytes >= mostBytes {
		return
	}
	listed := listedChange{ID: shorten(string(c.ID), maxShownID), reason: c.Reason}
	if isCompared {
		listed.line = slices.Clone(c.Line)
		l.bytes += len(c.Line)
	}
	l.changes[c.Kind] = append(l.changes[c.Kind], listed)
}

// compare reads the changed documents as the data store has them and finds the fields that differ.
func (l *listing) compare(ctx context.Context, store *datastore.Store) error {
	if !l.withFields {
		return nil
	}
	for some := range slices.Chunk(l.changes[diff.Update], readAtOnce) {
		ids := make([]string, len(some))
		for i, c := range some {
			ids[i] = c.ID
		}
		stored, err := store.Get(ctx, ids...)
		if err != nil {
			return err
		}
		for i := range some {
			some[i].Fields, some[i].line = differences(fieldsOf(stored[some[i].ID]), fieldsOf(sent(some[i].line))), nil
		}
	}
	return nil
}
