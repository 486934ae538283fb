package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/reconcile"
	"vertexmetadata/job/internal/refusal"
)

// grace is how long a run may take to end after SIGTERM. Operators expect five seconds; Cloud Run kills it
// after ten.
const grace = 4 * time.Second

// failedSummary is that of a run that ended before it did anything, or of which nothing is known.
var failedSummary = reconcile.Summary{Outcome: reconcile.Failed}

// syncRun is one run of one sync.
type syncRun struct {
	begin  time.Time
	screen *screen
	log    *slog.Logger
	cfg    config.Config
}

func newSyncRun(env environment, cfg config.Config) *syncRun {
	return &syncRun{begin: time.Now(), screen: env.screen, log: env.logger(cfg.Sync.Name, cfg.LogLevel), cfg: cfg}
}

func (r *syncRun) sync(ctx context.Context, c *syncCommand) (reconcile.Summary, error) {
	if names := r.cfg.StandIns; len(names) > 0 {
		r.log.DebugContext(ctx, "stand-ins take the place of Google's services", "variables", strings.Join(names, ", "))
	}
	r.screen.reopen()
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
		Enter:    r.screen.enter,
	}
	return run.Sync(ctx)
}

// await runs work to its end, or until it is given up, and finishes the run. After SIGTERM no work begins: what an earlier sync
// had in flight may still be at it.
func (r *syncRun) await(ctx context.Context, work func() (reconcile.Summary, error)) error {
	if ctx.Err() != nil {
		return r.finish(ctx, failedSummary, stopped(context.Cause(ctx), errors.New("the sync was not started")))
	}
	done, summary := make(chan error, 1), failedSummary // which is that of a panic
	go func() {
		done <- panics.Guard(func() (err error) {
			summary, err = work()
			return err
		})()
	}()
	late := make(chan struct{})
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(late) }) })()
	select {
	case err := <-done:
		if err != nil && ctx.Err() != nil {
			err = stopped(context.Cause(ctx), err)
		}
		return r.finish(ctx, summary, err)
	case <-late:
		return r.finish(ctx, failedSummary, stopped(context.Cause(ctx), errors.New("what was in flight is abandoned")))
	}
}

// stopped says that a run was interrupted, and once by what: err may say it as well.
func stopped(cause, err error) error {
	text, _ := refusal.Split(err) // its remedy is that of another failure
	if !strings.Contains(text, cause.Error()) {
		text = cause.Error() + ": " + text
	}
	return &refusal.Advice{
		Text:   "stopped: " + text,
		Remedy: "wait for the next run, which completes the work; raise the timeout of the task if it ended this run",
		Causes: []error{err}, Config: isConfiguration(err),
	}
}

// finish says how a run ended: in sentences on a terminal, else why it failed, if it did, and its last line.
func (r *syncRun) finish(ctx context.Context, s reconcile.Summary, err error) error {
	r.screen.close()
	ctx, took, level := context.WithoutCancel(ctx), time.Since(r.begin), slog.LevelInfo
	if r.screen.terminal {
		fmt.Fprint(r.screen, sentences(r.screen.look, r.cfg.Sync.Name, s, took, err))
	} else {
		if err != nil {
			level = slog.LevelError
			r.log.LogAttrs(ctx, level, "sync failed", whyFailed(err)...)
		}
		r.log.LogAttrs(ctx, level, "sync finished", append(attrs(s),
			slog.Int64("duration_ms", took.Milliseconds()), slog.String("execution", r.cfg.Execution), slog.Int("task", r.cfg.Task), slog.String("version", version))...)
	}
	if err != nil {
		return &reportedError{err}
	}
	return nil
}

// whyFailed are the attributes of a failure: error, hint and, after a panic, where.
func whyFailed(err error) []slog.Attr {
	text, hint := advice(err)
	attrs := []slog.Attr{slog.String("error", text), slog.String("hint", hint)}
	if caught := (*panics.Error)(nil); errors.As(err, &caught) {
		attrs = append(attrs, slog.String("stack_trace", string(caught.Stack))) // the key that Error Reporting looks for
	}
	return attrs
}
