package main

import (
	"context"
	"errors"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/reconcile"
)

// syncCommand is `job sync`, and `job` alone where nobody watches.
type syncCommand struct {
	Full            bool `help:"Import every document again and remove what the source does not have."`
	DryRun          bool `help:"Show what would change, like job plan; nothing is written."`
	AllowMassDelete bool `help:"Go on even if more is deleted or changed than MAX_DELETE_RATIO and MAX_CHANGE_RATIO allow."`
	selection
}

// Run does the syncs of this task, one after the other. One that fails does not stop the others.
func (c *syncCommand) Run(ctx context.Context, env environment) error {
	if c.DryRun {
		return (&planCommand{Full: c.Full, AllowMassDelete: c.AllowMassDelete, report: report{selection: c.selection}}).Run(ctx, env)
	}
	defer env.screen.seal()
	cfg, chosen, err := c.load(env)
	if err != nil {
		return newSyncRun(env, cfg).finish(ctx, failedSummary, err)
	}
	var mine []config.Config // every task has its own, so that they need not agree on anything
	for i := cfg.Task; i < len(chosen); i += cfg.Tasks {
		mine = append(mine, chosen[i])
	}
	if len(mine) == 0 {
		r := newSyncRun(env, cfg)
		r.log.InfoContext(ctx, "this task has no sync", "syncs", len(chosen), "tasks", cfg.Tasks, "hint", "set the number of tasks to 1, or name more syncs in SYNCS")
		return r.finish(ctx, reconcile.Summary{Outcome: reconcile.Skipped}, nil)
	}
	var failed []error
	for _, one := range inTurn(mine, cfg.Execution, cfg.Attempt) {
		r := newSyncRun(env, one)
		failed = append(failed, r.await(ctx, func() (reconcile.Summary, error) { return r.sync(ctx, c) }))
	}
	return errors.Join(failed...)
}

// storeName names a data store in locks and ledgers.
func storeName(cfg config.Config) string {
	return cfg.Project + "/" + cfg.Location + "/" + cfg.DataStore
}

func documentRules(cfg config.Config) document.Options {
	return document.Options{MIMETypes: cfg.MIMETypes, MaxBytes: cfg.MaxDocumentBytes, Buckets: cfg.ContentBuckets}
}

// settings are the run's part of the configuration.
func settings(cfg config.Config, full, allowMassDelete bool) reconcile.Settings {
	return reconcile.Settings{
		Name:      cfg.Sync.Name,
		DataStore: storeName(cfg),
		Execution: cfg.Execution, Version: version,
		Query:     cfg.Query,
		Documents: documentRules(cfg),
		Full:      full, AllowMassDelete: allowMassDelete,
		ImportWait: cfg.ImportWait, FullSyncInterval: cfg.FullSyncInterval, RescanInterval: cfg.RescanInterval,
		MaxDeleteRatio: cfg.MaxDeleteRatio, MaxChangeRatio: cfg.MaxChangeRatio, MaxFailed: cfg.MaxFailed,
	}
}
