package main

import (
	"context"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/reconcile"
)

// planCommand is `job plan`.
type planCommand struct {
	Full            bool `help:"Plan a full sync."`
	AllowMassDelete bool `help:"Do not say that the sync would stop because it deletes or changes too much."`
	Diff            bool `help:"Show what changes in the documents: each field, before and after."`
	All             bool `help:"List all ids, and with --diff all documents, instead of some."`
	report
}

// Run prints what a sync would change. It fails where the sync would stop or fail.
func (c *planCommand) Run(ctx context.Context, env environment) error {
	return c.each(ctx, env, "plan", func(cfg config.Config, out *printer) error {
		env.screen.reopen()
		defer env.screen.close()
		clients, err := open(ctx, cfg, "plan")
		if err != nil {
			return err
		}
		defer clients.Close()
		run := reconcile.Run{
			Settings: settings(cfg, c.Full, c.AllowMassDelete),
			Clients:  clients.Clients,
			Log:      env.logger(cfg.Sync.Name, cfg.LogLevel),
			Progress: env.screen.progress,
		}
		found := newListing(c.Diff, c.All)
		p, err := run.Plan(ctx, func() func(diff.Change) {
			found = newListing(c.Diff, c.All)
			return found.add
		})
		if err == nil {
			err = found.compare(ctx, clients.Store)
		}
		if err != nil {
			return err
		}
		env.screen.close()
		if c.JSON {
			out.json(planJSON(cfg.Sync.Name, p, found))
		} else {
			printPlan(out, p, found)
		}
		if p.Stop != nil {
			return &reportedError{p.Stop}
		}
		return nil
	})
}
