package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
)

// searchCommand is `job search`.
type searchCommand struct {
	Text  string `arg:"" help:"What to search for."`
	Limit int    `default:"5" help:"How many results to show."`
	All   bool   `help:"Show all fields of each result, and all of each field."`
	report
}

// shownFields is how many fields of a result are shown.
const shownFields = 6

// columnsTime is how long a search waits for the database, which it needs for the order of the fields alone.
const columnsTime = 2 * time.Second

// Validate refuses a limit that would show nothing, as if nothing were found.
func (c *searchCommand) Validate() error {
	if c.Limit < 1 {
		return errors.New("--limit must be at least 1")
	}
	return nil
}

// Run asks the data store and prints what it answers.
func (c *searchCommand) Run(ctx context.Context, env environment) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errNoAnswer) // all syncs together
	defer cancel()
	return c.each(ctx, env, "search", func(cfg config.Config, out *printer) error {
		store, err := openStore(ctx, cfg)
		if err != nil {
			return err
		}
		defer store.Close()
		hits, err := store.Search(ctx, c.Text, c.Limit)
		if err != nil {
			return err
		}
		if len(hits) == 0 {
			if !c.JSON {
				out.printf("No document of data store %s answers %q.\n", cfg.DataStore, c.Text)
			}
			return nil
		}
		columns, _ := columnsOf(ctx, cfg, columnsTime) // without it: by the alphabet
		order := columnNames(columns)
		for i, hit := range hits {
			fields := ordered(members(hit.StructData), order)
			if c.JSON {
				hit.StructData = object(fields)
				out.json(searchResult{Sync: cfg.Sync.Name, ID: hit.ID, Document: hit})
				continue
			}
			out.printf("%d. %s  %s\n", i+1, out.paint(bold, visible(hit.ID)), visible(hit.URI))
			c.printFields(out, fields)
		}
		return nil
	})
}

// searchResult is a result for programs.
type searchResult struct {
	Sync string `json:"sync,omitempty"`
	ID   string `json:"id"`
	datastore.Document
}

// ordered sorts the fields of a document that have a value: those of the query in its order, then others by the alphabet. The
// service does not keep their order.
func ordered(fields []field, order []string) []field {
	fields = slices.DeleteFunc(fields, func(f field) bool { return string(f.Value) == "null" })
	place := func(f field) int {
		if i := slices.Index(order, f.Name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(fields, func(a, b field) int { return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(a.Name, b.Name)) })
	return fields
}

// printFields shows some of a document's fields, unless all were asked for.
func (c *searchCommand) printFields(out *printer, fields []field) {
	if c.All {
		out.fields("   ", fields, 0)
		return
	}
	shown := fields[:min(len(fields), shownFields)]
	out.fields("   ", shown, shownCharacters)
	if left := len(fields) - len(shown); left > 0 {
		out.printf("   and %d more (--all)\n", left)
	}
}
