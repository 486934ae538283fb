package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/refusal"
)

// checkCommand is `job check`.
type checkCommand struct {
	report
}

// checkTime bounds all checks of a sync together, which run side by side.
const checkTime = 10 * time.Second

// Run tries every dependency of every chosen sync. Its exit code is that of a sync which meets what was found.
func (c *checkCommand) Run(ctx context.Context, env environment) error {
	_, err := config.Load(env.getenv)
	var problems *refusal.Advice
	if !errors.As(err, &problems) {
		return c.each(ctx, env, "check", func(cfg config.Config, out *printer) error {
			return c.print(out, cfg.Sync.Name, check(ctx, cfg))
		})
	}
	var found []finding
	for _, problem := range problems.Causes {
		found = append(found, failed("config", problem))
	}
	out := newPrinter(env)
	err = c.print(out, "", found)
	return errors.Join(err, env.report(ctx, "check", "", out.flush()))
}

// check tries every dependency, also after one has failed, as far as that makes sense.
func check(ctx context.Context, cfg config.Config) []finding {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, errNoAnswer)
	defer cancel()
	var match contentMatch
	checks := []struct {
		name string
		try  func(context.Context, config.Config) []finding
	}{{"database", match.checkSource}, {"bucket", checkBucket}, {"data store", match.checkStore}}
	found := make([][]finding, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() {
			err := panics.Guard(func() error {
				found[i] = check.try(ctx, cfg)
				return nil
			})()
			if err != nil {
				found[i] = []finding{failed(check.name, err)}
			}
		})
	}
	running.Wait()
	all := append([]finding{fine("config", "every variable is valid")}, slices.Concat(found...)...)
	if len(cfg.StandIns) > 0 { // anybody who may set the environment of a run can read what it sends there
		all = append(all, warning("stand-ins", strings.Join(cfg.StandIns, ", ")+" set: these are not Google's services, and nothing sent to them is encrypted",
			"unset them to use the real ones"))
	}
	all = append(all, match.findings()...)
	return securityLast(append(all, match.contentBuckets(cfg)...))
}

// print shows every finding. Its error are those that failed.
func (c *checkCommand) print(out *printer, sync string, found []finding) error {
	var failed []error
	for _, f := range found {
		if f.err != nil {
			failed = append(failed, &reportedError{f.err})
		}
		if c.JSON {
			f.Sync = sync
			out.json(f)
			continue
		}
		shown := statuses[f.Status]
		out.printf("%s  %-11s  %s\n", out.paint(shown.color, fmt.Sprintf("%-4s", shown.word)), f.Name, oneLine(f.Text))
		if f.Remedy != "" {
			out.printf("%19s%s\n", "", out.paint(bold, oneLine(f.Remedy)))
		}
	}
	return errors.Join(failed...)
}
