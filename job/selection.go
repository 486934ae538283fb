package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/panics"
)

// selection says which syncs a command is for.
type selection struct {
	Only string `help:"The name of the only sync of SYNCS to take." placeholder:"NAME"`
}

// report is what commands take that print something for every sync.
type report struct {
	JSON bool `name:"json" help:"Print JSON, one object on each line."`
	selection
}

// each calls do for every chosen sync, one after the other: one that fails does not stop the others. What do prints is under
// a heading with the sync's name, unless it is JSON.
func (r report) each(ctx context.Context, env environment, command string, do func(cfg config.Config, out *printer) error) error {
	_, chosen, err := r.load(env)
	if err != nil {
		return err
	}
	out := newPrinter(env)
	var failed []error
	for i, one := range chosen {
		if i > 0 && !r.JSON {
			out.printf("\n")
		}
		if one.Sync.Name != "" && !r.JSON { // the only sync of a job needs no heading
			out.printf("%s\n", out.paint(bold, fmt.Sprintf("== %s (data store %s in %s)", one.Sync.Name, one.DataStore, one.Location)))
		}
		err := panics.Guard(func() error { return do(one, out) })()
		for _, err := range []error{err, out.flush()} {
			failed = append(failed, env.report(ctx, command, one.Sync.Name, err))
		}
	}
	return errors.Join(failed...)
}

// load returns the configuration, and that of each chosen sync.
func (s selection) load(env environment) (cfg config.Config, chosen []config.Config, err error) {
	if cfg, err = config.Load(env.getenv); err != nil {
		return cfg, nil, err
	}
	for _, one := range cfg.Syncs {
		if s.Only == "" || s.Only == one.Name {
			chosen = append(chosen, cfg.With(one))
		}
	}
	if len(chosen) == 0 {
		err = misused(fmt.Errorf("--only %s: SYNCS has no sync of that name", s.Only))
	}
	return cfg, chosen, err
}

// inTurn returns the syncs of a task in another order in every execution and at every attempt: one that takes up all of the
// task's time, such as a first sync that is too large for it, must not keep the others from their turn for ever.
func inTurn(syncs []config.Config, execution string, attempt int) []config.Config {
	if execution == "" {
		return syncs
	}
	first := (xxh3.HashString(execution) + uint64(attempt)) % uint64(len(syncs))
	return slices.Concat(syncs[first:], syncs[:first])
}
