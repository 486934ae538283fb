package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/reconcile"
)

// syncCommand is `job sync`, and `job` alone where nobody watches.
type syncCommand struct {
	Full            bool   `help:"Import every document again and remove what the source does not have."`
	DryRun          bool   `help:"Show what would change, like job plan; nothing is written."`
	AllowMassDelete bool   `help:"Go on even if more is deleted or changed than MAX_DELETE_RATIO and MAX_CHANGE_RATIO allow."`
	Only            string `help:"The name of the only sync of SYNCS to run." placeholder:"NAME"`
}

// Run does the syncs of this task, one after the other. One that fails does not stop the others.
func (c *syncCommand) Run(ctx context.Context, env environment) error {
	if c.DryRun {
		return (&planCommand{Full: c.Full, AllowMassDelete: c.AllowMassDelete, Only: c.Only}).Run(ctx, env)
	}
	defer env.screen.seal()
	cfg, err := config.Load(env.getenv)
	if err != nil {
		return newSyncRun(env, config.Identity(env.getenv)).finish(ctx, failedSummary, err)
	}
	chosen, err := choose(cfg, c.Only)
	if err != nil {
		return newSyncRun(env, cfg).finish(ctx, failedSummary, err)
	}
	mine := inTurn(ofTask(chosen, cfg.Task, cfg.Tasks), cfg.Execution, cfg.Attempt)
	if len(mine) == 0 {
		r := newSyncRun(env, cfg)
		r.log.InfoContext(ctx, "this task has no sync", "syncs", len(chosen), "tasks", cfg.Tasks, "hint", "set the number of tasks to 1, or name more syncs in SYNCS")
		return r.finish(ctx, reconcile.Summary{Outcome: reconcile.Skipped}, nil)
	}
	var failed []error
	for _, one := range mine {
		r := newSyncRun(env, one)
		failed = append(failed, r.await(ctx, func() (reconcile.Summary, error) { return r.sync(ctx, c) }))
	}
	return worst(failed)
}

// choose returns a configuration for each sync, or for the one with that name.
func choose(cfg config.Config, only string) (chosen []config.Config, err error) {
	for _, s := range cfg.Syncs {
		if only == "" || s.Name == only {
			chosen = append(chosen, cfg.With(s))
		}
	}
	if len(chosen) == 0 {
		return nil, &usageError{fmt.Errorf("--only %s: SYNCS has no sync of that name", only)}
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

// worst returns the error that decides the exit code: what needs another configuration comes last, since trying again may
// help the others.
func worst(failed []error) error {
	for _, code := range []int{exitFailure, exitConfiguration} {
		for _, err := range failed {
			if err != nil && exitCode(err) == code {
				return err
			}
		}
	}
	return errors.Join(failed...)
}

// settings are the run's part of the configuration.
func settings(cfg config.Config, full, allowMassDelete bool) reconcile.Settings {
	return reconcile.Settings{
		Name:      cfg.Sync,
		DataStore: cfg.Project + "/" + cfg.Location + "/" + cfg.DataStore,
		Execution: cfg.Execution, Version: version,
		Query:     cfg.Query,
		Documents: document.Options{MIMETypes: cfg.MIMETypes, MaxBytes: cfg.MaxDocumentBytes, Buckets: cfg.ContentBuckets},
		Full:      full, AllowMassDelete: allowMassDelete,
		ImportWait: cfg.ImportWait, FullSyncInterval: cfg.FullSyncInterval, RescanInterval: cfg.RescanInterval,
		MaxDeleteRatio: cfg.MaxDeleteRatio, MaxChangeRatio: cfg.MaxChangeRatio, MaxFailed: reconcile.Tolerance(cfg.MaxFailed),
	}
}
