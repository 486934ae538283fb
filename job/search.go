package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

// How much of a result is shown.
const (
	shownFields     = 6
	shownCharacters = 60 // of each field; Japanese ones are twice as wide as others
)

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
		order := make(chan []string, 1)
		go func() {
			columns, _ := columnsOf(ctx, cfg, columnsTime) // without it: by the alphabet
			order <- columnNames(columns)
		}()
		store, err := openStore(ctx, cfg)
		if err != nil {
			return err
		}
		defer store.Close()
		hits, err := store.Search(ctx, c.Text, c.Limit)
		if err != nil {
			return err
		}
		names := <-order
		for i, hit := range hits {
			if err := c.print(out, cfg, i+1, hit, names); err != nil {
				return err
			}
		}
		if len(hits) == 0 && !c.JSON {
			out.printf("No document of data store %s answers %q.\n", cfg.DataStore, c.Text)
		}
		return nil
	})
}

// ordered returns the fields of a document that have a value: those of the query in its order, then others by the alphabet.
// The service does not keep their order.
func ordered(hit datastore.Document, order []string) []field {
	all := slices.DeleteFunc(members(hit.StructData), func(f field) bool { return string(f.Value) == "null" })
	place := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(all, func(a, b field) int {
		return cmp.Or(cmp.Compare(place(a.Name), place(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return all
}

// print shows a document: its id and address, and some of its fields.
func (c *searchCommand) print(out *printer, cfg config.Config, rank int, hit datastore.Document, order []string) error {
	fields := ordered(hit, order)
	if c.JSON {
		return out.json(struct {
			Sync     string `json:"sync,omitempty"`
			ID       string `json:"id"`
			URI      string `json:"uri,omitempty"`
			MIMEType string `json:"mimeType,omitempty"`
			Data     object `json:"structData"`
		}{cfg.Sync.Name, hit.ID, hit.URI, hit.MIMEType, fields})
	}
	out.printf("%d. %s  %s\n", rank, out.paint(bold, visible(hit.ID)), visible(hit.URI))
	shown, most, width := fields, 0, 0
	if !c.All {
		shown, most = fields[:min(len(fields), shownFields)], shownCharacters
	}
	for _, f := range shown {
		width = max(width, utf8.RuneCountInString(visible(f.Name)))
	}
	for _, f := range shown {
		out.printf("   %s  %s\n", out.paint(faint, fmt.Sprintf("%-*s", min(width, shownCharacters), shorten(visible(f.Name), shownCharacters))), brief(f.Value, most))
	}
	if left := len(fields) - len(shown); left > 0 {
		out.printf("   and %d more (--all)\n", left)
	}
	return nil
}

// object is written as a JSON object that keeps the order of its members.
type object []field

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), f.Value...)
	}
	return append(out, '}'), nil
}
