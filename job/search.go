package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
)

// searchCommand is `job search`.
type searchCommand struct {
	Text  string `arg:"" help:"What to search for."`
	Limit int    `default:"5" help:"How many results to show."`
}

// How much of a result is shown.
const (
	shownFields     = 6
	shownCharacters = 60 // of each field; Japanese ones are twice as wide as others
)

// Run asks the data store and prints what it answers.
func (c *searchCommand) Run(ctx context.Context, env environment) error {
	cfg, err := config.Load(env.getenv)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer store.Close()
	hits, err := store.Search(ctx, c.Text, c.Limit)
	if err != nil {
		return err
	}
	out := newPrinter(env.stdout)
	for i, hit := range hits {
		if err := printHit(out, i+1, hit); err != nil {
			return err
		}
	}
	if len(hits) == 0 {
		out.printf("No document of data store %s answers %q.\n", cfg.DataStore, c.Text)
	}
	return out.flush()
}

// printHit shows a document: its id and address, and some of its fields by name. The service does not keep their order.
func printHit(out *printer, number int, hit datastore.Hit) error {
	out.printf("%d. %s  %s\n", number, hit.ID, hit.URI)
	var fields map[string]json.RawMessage
	if len(hit.StructData) > 0 {
		if err := json.Unmarshal(hit.StructData, &fields); err != nil {
			return fmt.Errorf("read document %s of the answer: %w", hit.ID, err)
		}
	}
	names := slices.Sorted(maps.Keys(fields))
	for i, name := range names {
		if i == shownFields {
			out.printf("   and %d more\n", len(names)-shownFields)
			break
		}
		out.printf("   %-14s %s\n", name, brief(fields[name]))
	}
	return nil
}

// brief is a field's value on one line, shortened.
func brief(value json.RawMessage) string {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		text = string(value) // not a string: shown as JSON
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(text); len(runes) > shownCharacters {
		return string(runes[:shownCharacters]) + "…"
	}
	return text
}
