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
	cfg, err := config.Load(env.getenv)
	if err != nil {
		return err
	}
	chosen, err := choose(cfg, r.Only)
	if err != nil {
		return err
	}
	out := newPrinter(env)
	var failed []error
	for i, one := range chosen {
		if !r.JSON {
			heading(out, one, i == 0)
		}
		err := panics.Guard(func() error { return do(one, out) })()
		for _, err := range []error{err, out.flush()} {
			failed = append(failed, env.report(ctx, command, one.Sync.Name, err))
		}
	}
	return errors.Join(failed...)
}

// heading tells the syncs apart. The only sync of a job has none.
func heading(out *printer, cfg config.Config, isFirst bool) {
	if cfg.Sync.Name == "" {
		return
	}
	if !isFirst {
		out.printf("\n")
	}
	out.printf("%s\n", out.paint(bold, fmt.Sprintf("== %s (data store %s in %s)", cfg.Sync.Name, cfg.DataStore, cfg.Location)))
}

// choose returns a configuration for each sync, or for the one with that name.
func choose(cfg config.Config, only string) (chosen []config.Config, err error) {
	for _, s := range cfg.Syncs {
		if only == "" || s.Name == only {
			chosen = append(chosen, cfg.With(s))
		}
	}
	if len(chosen) == 0 {
		return nil, misused(fmt.Errorf("--only %s: SYNCS has no sync of that name", only))
	}
	return chosen, nil
}

// ofTask returns the syncs of one of several tasks: every task has its own, so that they need not agree on anything.
func ofTask(syncs []config.Config, task, tasks int) (mine []config.Config) {
	for i := task; i < len(syncs); i += max(tasks, 1) {
		mine = append(mine, syncs[i])
	}
	return mine
}

// inTurn returns the syncs of a task in another order in every execution and at every attempt: one that takes up all of the
// task's time, such as a first sync that is too large for it, must not keep the others from their turn for ever.
func inTurn(syncs []config.Config, execution string, attempt int) []config.Config {
	if execution == "" || len(syncs) == 0 {
		return syncs
	}
	first := (xxh3.HashString(execution) + uint64(attempt)) % uint64(len(syncs))
	return slices.Concat(syncs[first:], syncs[:first])
}
