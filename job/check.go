package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/refusal"
)

// checkCommand is `job check`.
type checkCommand struct {
	JSON bool `name:"json" help:"Print JSON, one line for each finding."`
	selection
}

// checkTime bounds all checks of a sync together, which run side by side.
const checkTime = 10 * time.Second

// Run tries every dependency of every chosen sync.
func (c *checkCommand) Run(ctx context.Context, env environment) error {
	_, err := config.Load(env.getenv)
	var problems *config.Error
	if !errors.As(err, &problems) {
		return c.each(ctx, env, "check", c.JSON, func(cfg config.Config, out *printer) error {
			return c.report(out, cfg.Sync, check(ctx, env, cfg), nil)
		})
	}
	var found []finding
	for _, problem := range problems.Problems {
		found = append(found, finding{name: "config", err: problem})
	}
	return c.report(newPrinter(env), "", found, err)
}

// check tries every dependency, also after one has failed, as far as that makes sense.
func check(ctx context.Context, env environment, cfg config.Config) []finding {
	configured := finding{name: "config", detail: fmt.Sprintf("%d of %d variables set", countSet(env.getenv), len(config.Variables))}
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
				found[i] = []finding{{name: check.name, err: err}}
			}
		})
	}
	running.Wait()
	all := append([]finding{configured}, standIns(env.getenv)...)
	for _, f := range found {
		all = append(all, f...)
	}
	all = append(all, match.findings()...)
	return securityLast(append(all, match.contentBuckets(cfg)...))
}

// finding is what became of one check.
type finding struct {
	name    string
	detail  string // what was found, or why it was not tried
	remedy  string // of a warning: what to do
	err     error
	skipped bool // it was not tried
	warning bool // a run would succeed, and yet somebody should look
}

// untried is a check that needs another one first.
func untried(name, why string) finding { return finding{name: name, detail: why, skipped: true} }

// contentMatch is what two checks find out that must agree.
type contentMatch struct {
	columns []column.Column   // nil: not known
	store   datastore.Content // what the data store takes
	schema  map[string]datastore.Field
}

// findings compares the query's documents with those that the data store takes: any other would be refused one by one, at
// the end of an import.
func (m *contentMatch) findings() []finding {
	conflicts := append(schemaFindings(m.columns, m.schema), nameFindings(m.columns)...)
	if m.columns == nil || m.store == datastore.ContentUnknown {
		return conflicts
	}
	f := finding{name: "content", detail: "the query's documents are of the kind that the data store takes"}
	selected := slices.ContainsFunc(m.columns, func(c column.Column) bool { return c.Name == "content_uri" })
	switch {
	case selected && m.store == datastore.ContentNone:
		f.err = &advisedError{"the data store takes only documents without content (NO_CONTENT)", "leave content_uri and content_mime_type out of the query, or set DATA_STORE_ID to one for unstructured documents with metadata (CONTENT_REQUIRED)"}
	case !selected && m.store == datastore.ContentRequired:
		f.err = &advisedError{"the data store takes only documents with content (CONTENT_REQUIRED)", "select content_uri and content_mime_type, or set DATA_STORE_ID to one for structured documents (NO_CONTENT)"}
	}
	return append([]finding{f}, conflicts...)
}

// countSet counts the variables that are set.
func countSet(getenv func(string) string) (n int) {
	for _, v := range config.Variables {
		if getenv(v.Name) != "" {
			n++
		}
	}
	return n
}

// verdict is how a finding is shown: a word, its colour, what was found, and what to do about it.
func (f finding) verdict() (word, color, text, remedy string) {
	switch {
	case f.err != nil:
		text, remedy = refusal.Split(f.err)
		return "FAIL", red, text, remedy
	case f.skipped:
		return "-", faint, f.detail, ""
	case f.warning:
		return "WARN", yellow, f.detail, f.remedy
	}
	return "ok", green, f.detail, ""
}

// report prints every finding. Its error decides the exit code, which is a sync's: cause, or what failed.
func (c *checkCommand) report(out *printer, sync string, found []finding, cause error) error {
	var failed []error
	for _, f := range found {
		if f.err != nil {
			failed = append(failed, f.err)
		}
		if err := c.print(out, sync, f); err != nil {
			return err
		}
	}
	if err := out.flush(); err != nil {
		return err
	}
	if err := cmp.Or(cause, errors.Join(failed...)); err != nil {
		return &reportedError{err}
	}
	return nil
}

// remedyIndent is where remedies stand: below what they cure.
const remedyIndent = "                   "

func (c *checkCommand) print(out *printer, sync string, f finding) error {
	word, color, text, remedy := f.verdict()
	if c.JSON {
		status := strings.ToLower(word)
		if f.skipped {
			status = "skipped"
		}
		return out.json(struct {
			Sync   string `json:"sync,omitempty"`
			Name   string `json:"name"`
			Status string `json:"status"`
			Text   string `json:"text"`
			Remedy string `json:"remedy,omitempty"`
		}{sync, f.name, status, text, remedy})
	}
	out.printf("%s%s  %-11s  %s\n", out.paint(color, word), strings.Repeat(" ", max(4-len(word), 0)), f.name, oneLine(text))
	if remedy != "" {
		out.printf("%s%s\n", remedyIndent, out.paint(bold, oneLine(remedy)))
	}
	return nil
}
