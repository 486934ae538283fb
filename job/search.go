package main

import (
	"context"

	"vertexmetadata/job/internal/config"
)

// searchCommand is `job search`.
type searchCommand struct {
	Text  string `arg:"" help:"What to search for."`
	Limit int    `default:"5" help:"How many results to show."`
}

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
		out.printf("%d. %s  %s\n   %s\n", i+1, hit.ID, hit.URI, hit.StructData)
	}
	if len(hits) == 0 {
		out.printf("No document of data store %s answers %q.\n", cfg.DataStore, c.Text)
	}
	return out.flush()
}
