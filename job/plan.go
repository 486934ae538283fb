package main

import (
	"context"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/reconcile"
)

// planCommand is `job plan`.
type planCommand struct {
	Full            bool   `help:"Plan a full sync."`
	AllowMassDelete bool   `help:"Do not say that the sync would stop because it removes too much."`
	Only            string `help:"The name of the only sync of SYNCS to plan." placeholder:"NAME"`
}

// Run prints what a sync would change: a line for each document, and a summary. It fails where the sync would stop.
func (c *planCommand) Run(ctx context.Context, env environment) error {
	cfg, err := config.Load(env.getenv)
	if err != nil {
		return err
	}
	clients, err := open(ctx, cfg, "plan")
	if err != nil {
		return err
	}
	defer clients.Close()
	run := reconcile.Run{
		Settings: settings(cfg, c.Full, c.AllowMassDelete),
		Clients:  clients.Clients,
		Log:      env.logger(),
	}
	out := newPrinter(env.stdout)
	p, err := run.Plan(ctx, func(c diff.Change) { out.printf("%c %s\n", c.Kind, c.ID) })
	if err != nil {
		return err
	}
	printPlan(out, p)
	if err := out.flush(); err != nil {
		return err
	}
	if p.Stop != nil {
		return &reportedError{p.Stop}
	}
	return nil
}

func printPlan(out *printer, p reconcile.Plan) {
	if p.Pending != "" {
		out.printf("An import is pending, a sync waits for it first: %s\n", p.Pending)
	}
	kind := "incremental sync"
	if p.Full {
		kind = "full sync"
	}
	if p.Send+p.Gone == 0 && p.Pending == "" && p.Stop == nil {
		out.printf("Nothing to do: %s, none of %d documents differs.\n", kind, p.Documents)
	} else {
		out.printf("Plan: %s: %d to add, %d to change, %d to remove, %d of %d documents sent (%d bytes).\n",
			kind, p.New, p.Changed, p.Gone, p.Send, p.Documents, p.Bytes)
	}
	if p.Skipped > 0 {
		out.printf("%d rows are skipped for their MIME type.\n", p.Skipped)
	}
	if p.Refused > 0 {
		out.printf("%d rows cannot become documents; they are named in the log.\n", p.Refused)
	}
	if p.Stop != nil {
		out.printf("The sync would stop before it writes anything, with exit 1: %v\n", p.Stop)
	}
}
