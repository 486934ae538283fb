package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/metadatasync"
)

// syncCommand is `job sync`, and `job` alone.
type syncCommand struct {
	Full            bool `help:"Import every document again and remove what the source does not have."`
	DryRun          bool `help:"Show what would change, like job plan; nothing is written."`
	AllowMassDelete bool `help:"Go on even if more than MAX_DELETE_RATIO of the documents, or all, would be removed."`
}

// grace is how long a run may take to end after SIGTERM; Cloud Run kills it after ten seconds.
const grace = 4500 * time.Millisecond

// Run does one sync and logs its last line, however it ends.
func (c *syncCommand) Run(ctx context.Context, env environment) error {
	if c.DryRun {
		return (&planCommand{Full: c.Full, AllowMassDelete: c.AllowMassDelete}).Run(ctx, env)
	}
	begin := time.Now()
	log := env.logger()
	cfg, err := config.Load(env.getenv)
	finish := func(s metadatasync.Summary, err error) error { return finished(ctx, log, cfg, begin, s, err) }
	if err != nil {
		return finish(metadatasync.Summary{Outcome: metadatasync.Failed}, err)
	}
	type result struct {
		summary metadatasync.Summary
		err     error
	}
	done := make(chan result, 1)
	go func() {
		summary, err := c.sync(ctx, env, cfg, log)
		done <- result{summary, err}
	}()
	select {
	case r := <-done:
		return finish(r.summary, r.err)
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return finish(r.summary, r.err)
	case <-time.After(grace):
		return finish(metadatasync.Summary{Outcome: metadatasync.Failed}, errors.New("stopped by a signal; what was in flight is abandoned, the next run completes the work"))
	}
}

func (c *syncCommand) sync(ctx context.Context, env environment, cfg config.Config, log *slog.Logger) (metadatasync.Summary, error) {
	clients, err := open(ctx, cfg, "sync")
	if err != nil {
		return metadatasync.Summary{Outcome: metadatasync.Failed}, err
	}
	defer clients.Close()
	bar := newProgress(env)
	defer bar.stop()
	run := metadatasync.Run{
		Settings: settings(cfg, c.Full, c.AllowMassDelete),
		Clients:  clients.Clients,
		Log:      log,
		Progress: bar.update,
	}
	return run.Sync(ctx)
}

// settings are the run's part of the configuration.
func settings(cfg config.Config, full, allowMassDelete bool) metadatasync.Settings {
	return metadatasync.Settings{
		Task: cfg.Task, Tasks: cfg.Tasks, Execution: cfg.Execution,
		Query:     cfg.Query,
		Documents: document.Options{MIMETypes: cfg.MIMETypes, MaxBytes: cfg.MaxDocumentBytes},
		Full:      full, AllowMassDelete: allowMassDelete,
		ImportWait: cfg.ImportWait, FullSyncInterval: cfg.FullSyncInterval, RescanInterval: cfg.RescanInterval,
		MaxDeleteRatio: cfg.MaxDeleteRatio,
		DataStore:      cfg.Project + "/" + cfg.Location + "/" + cfg.DataStore,
	}
}

// finished logs why a run failed, if it did, and its last line.
func finished(ctx context.Context, log *slog.Logger, cfg config.Config, begin time.Time, s metadatasync.Summary, err error) error {
	ctx = context.WithoutCancel(ctx)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
		log.ErrorContext(ctx, "sync failed", "cause", err.Error())
	}
	log.LogAttrs(ctx, level, "sync finished", append(s.Attrs(),
		slog.Int64("duration_ms", time.Since(begin).Milliseconds()),
		slog.String("execution", cfg.Execution),
		slog.Int("task", cfg.Task))...)
	if err != nil {
		return &reportedError{err}
	}
	return nil
}

// planCommand is `job plan`.
type planCommand struct {
	Full            bool `help:"Plan a full sync."`
	AllowMassDelete bool `help:"Do not say that the sync would stop."`
}

// Run prints what a sync would change.
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
	run := metadatasync.Run{
		Settings: settings(cfg, c.Full, c.AllowMassDelete),
		Clients:  clients.Clients,
		Log:      env.logger(),
	}
	out := newPrinter(env.stdout)
	p, err := run.Plan(ctx, func(kind byte, id []byte) { out.printf("%c %s\n", kind, id) })
	if err != nil {
		return err
	}
	printPlan(out, p)
	return out.flush()
}

func printPlan(out *printer, p metadatasync.Plan) {
	if p.Pending != "" {
		out.printf("An import is pending, a sync waits for it first: %s\n", p.Pending)
	}
	kind := "incremental sync"
	if p.Full {
		kind = "full sync"
	}
	out.printf("Plan: %s: %d to add, %d to change, %d to remove, %d of %d documents sent (%d bytes).\n",
		kind, p.Add, p.Update, p.Remove, p.Send, p.Documents, p.Bytes)
	if p.Skipped > 0 {
		out.printf("%d rows are skipped for their MIME type.\n", p.Skipped)
	}
	if p.Refused > 0 {
		out.printf("%d rows cannot become documents; they are named in the log.\n", p.Refused)
	}
	if p.Guard != nil {
		out.printf("The sync would stop before it writes anything: %v\n", p.Guard)
	}
}

// logger returns the process's logger.
func (e environment) logger() *slog.Logger {
	level := slog.LevelInfo
	if e.getenv("LOG_LEVEL") == "debug" {
		level = slog.LevelDebug
	}
	return newLogger(e.stderr, isTerminal(e.stderr, e.getenv), level)
}
