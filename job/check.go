package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Run tries every dependency of every chosen sync.
func (c *checkCommand) Run(ctx context.Context, env environment) error {
	_, err := config.Load(env.getenv)
	var problems *refusal.Advice
	if !errors.As(err, &problems) {
		return c.each(ctx, env, "check", func(cfg config.Config, out *printer) error {
			return c.printAll(out, cfg.Sync.Name, check(ctx, cfg))
		})
	}
	var found []finding
	for _, problem := range problems.Causes {
		found = append(found, failed("config", problem))
	}
	return c.printAll(newPrinter(env), "", found)
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
	all := append([]finding{fine("config", "every variable is valid")}, standIns(cfg)...)
	all = append(all, slices.Concat(found...)...)
	all = append(all, match.findings()...)
	return securityLast(append(all, match.contentBuckets(cfg)...))
}

// printAll prints every finding. Its error decides the exit code, which is a sync's.
func (c *checkCommand) printAll(out *printer, sync string, found []finding) error {
	var failed []error
	for _, f := range found {
		failed = append(failed, f.err)
		if err := c.print(out, sync, f); err != nil {
			return err
		}
	}
	if err := out.flush(); err != nil {
		return err
	}
	if err := errors.Join(failed...); err != nil {
		return &reportedError{err}
	}
	return nil
}

func (c *checkCommand) print(out *printer, sync string, f finding) error {
	if c.JSON {
		return out.json(struct {
			Sync   string `json:"sync,omitempty"`
			Name   string `json:"name"`
			Status string `json:"status"`
			Text   string `json:"text"`
			Remedy string `json:"remedy,omitempty"`
		}{sync, f.name, f.status.json, f.text, f.remedy})
	}
	out.printf("%s  %-11s  %s\n", out.paint(f.status.color, fmt.Sprintf("%-4s", f.status.word)), f.name, oneLine(f.text))
	if f.remedy != "" {
		out.printf("%19s%s\n", "", out.paint(bold, oneLine(f.remedy)))
	}
	return nil
}
