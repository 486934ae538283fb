package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/reconcile"
)

// syncCommand is `job sync`, and `job` alone.
type syncCommand struct {
	Full            bool `help:"Import every document again and remove what the source does not have."`
	DryRun          bool `help:"Show what would change, like job plan; nothing is written."`
	AllowMassDelete bool `help:"Go on even if more than MAX_DELETE_RATIO of the documents, or all, would be removed."`
}

// grace is how long a run may take to end after SIGTERM. Whoever waits for it expects five seconds; Cloud Run kills it
// after ten.
const grace = 4 * time.Second

// failedSummary is that of a run that ended before it did anything, or of which nothing is known.
var failedSummary = reconcile.Summary{Outcome: reconcile.Failed}

// Run does one sync and logs its last line, however it ends.
func (c *syncCommand) Run(ctx context.Context, env environment) error {
	if c.DryRun {
		return (&planCommand{Full: c.Full, AllowMassDelete: c.AllowMassDelete}).Run(ctx, env)
	}
	r := newSyncRun(env)
	cfg, err := config.Load(env.getenv)
	if err != nil {
		return r.finish(ctx, failedSummary, err)
	}
	r.cfg = cfg
	return r.await(ctx, func() (reconcile.Summary, error) { return r.sync(ctx, c) })
}

// syncRun is one run of the sync command.
type syncRun struct {
	begin  time.Time
	screen *screen
	log    *slog.Logger
	cfg    config.Config
}

func newSyncRun(env environment) *syncRun {
	return &syncRun{begin: time.Now(), screen: env.screen, log: env.logger(), cfg: config.Identity(env.getenv)}
}

func (r *syncRun) sync(ctx context.Context, c *syncCommand) (reconcile.Summary, error) {
	r.screen.progress(0, 0)
	clients, err := open(ctx, r.cfg, "sync")
	if err != nil {
		return failedSummary, err
	}
	defer clients.Close()
	run := reconcile.Run{
		Settings: settings(r.cfg, c.Full, c.AllowMassDelete),
		Clients:  clients.Clients,
		Log:      r.log,
		Progress: r.screen.progress,
	}
	return run.Sync(ctx)
}

// await runs work to its end, or until it is given up, and finishes the run.
func (r *syncRun) await(ctx context.Context, work func() (reconcile.Summary, error)) error {
	type result struct {
		summary reconcile.Summary
		err     error
	}
	done := make(chan result, 1)
	go func() {
		end := result{summary: failedSummary}
		end.err = panics.Guard(func() (err error) {
			end.summary, err = work()
			return err
		})()
		done <- end
	}()
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(late) }) })
	select {
	case end := <-done:
		if end.err != nil && ctx.Err() != nil {
			end.err = stopped(context.Cause(ctx), end.err)
		}
		return r.finish(ctx, end.summary, end.err)
	case <-late:
		return r.finish(ctx, failedSummary, fmt.Errorf("stopped (%w), what was in flight is abandoned, the next run completes the work", context.Cause(ctx)))
	}
}

// stopped says that a run was interrupted, and once by what: err may say it as well.
func stopped(cause, err error) error {
	if strings.Contains(err.Error(), cause.Error()) {
		return fmt.Errorf("stopped, the next run completes the work: %w", err)
	}
	return fmt.Errorf("stopped (%w), the next run completes the work: %w", cause, err)
}

// finish logs why a run failed, if it did, and its last line.
func (r *syncRun) finish(ctx context.Context, s reconcile.Summary, err error) error {
	r.screen.close()
	ctx = context.WithoutCancel(ctx)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
		var attrs []slog.Attr
		if caught := (*panics.Error)(nil); errors.As(err, &caught) {
			attrs = append(attrs, slog.String("stack_trace", string(caught.Stack))) // the key that Error Reporting looks for
		}
		r.log.LogAttrs(ctx, level, "sync failed: "+whatToDo(err), attrs...)
	}
	r.log.LogAttrs(ctx, level, "sync finished", append(s.Attrs(),
		slog.Int64("duration_ms", time.Since(r.begin).Milliseconds()),
		slog.String("execution", r.cfg.Execution),
		slog.Int("task", r.cfg.Task))...)
	r.screen.seal()
	if err != nil {
		return &reportedError{err}
	}
	return nil
}

// settings are the run's part of the configuration.
func settings(cfg config.Config, full, allowMassDelete bool) reconcile.Settings {
	return reconcile.Settings{
		DataStore: cfg.Project + "/" + cfg.Location + "/" + cfg.DataStore,
		Execution: cfg.Execution, Version: version(),
		Query:     cfg.Query,
		Documents: document.Options{MIMETypes: cfg.MIMETypes, MaxBytes: cfg.MaxDocumentBytes},
		Full:      full, AllowMassDelete: allowMassDelete,
		ImportWait: cfg.ImportWait, FullSyncInterval: cfg.FullSyncInterval, RescanInterval: cfg.RescanInterval,
		MaxDeleteRatio: cfg.MaxDeleteRatio, MaxFailed: reconcile.Tolerance{Share: 0.01},
	}
}
