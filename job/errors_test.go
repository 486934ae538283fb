package main

import (
	"errors"
	"fmt"
	"testing"

	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/source"
)

// Of several failures each must be the configuration's for exit 2, in whatever order they are: trying again may help the
// others.
func TestExitCode(t *testing.T) {
	query := &source.Error{Op: "prepare the query", Reason: "no such table", Config: true}
	setting := &refusal.Advice{Text: "GCS_BUCKET is not set", Config: true}
	down, lost := &source.Error{Op: "connect", Reason: "refused"}, errors.New("connection reset")
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"none":                           {nil, exitDone},
		"any other":                      {lost, exitFailure},
		"the query":                      {fmt.Errorf("sync: %w", query), exitConfiguration},
		"the database":                   {down, exitFailure},
		"a setting, shown already":       {&reportedError{setting}, exitConfiguration},
		"the query and a setting":        {errors.Join(query, &reportedError{setting}), exitConfiguration},
		"the query, then another":        {errors.Join(query, lost), exitFailure},
		"another, then a setting":        {errors.Join(&reportedError{lost}, &reportedError{setting}), exitFailure},
		"the query and a database":       {fmt.Errorf("%w; and %w", query, down), exitFailure},
		"several, deep":                  {fmt.Errorf("sync: %w", errors.Join(query, fmt.Errorf("check: %w", errors.Join(setting, lost)))), exitFailure},
		"none among those of a setting":  {errors.Join(nil, setting, nil), exitConfiguration},
		"stopped, a setting":             {stopped(lost, setting), exitConfiguration},
		"stopped, the query and another": {stopped(lost, errors.Join(query, down)), exitFailure},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%s: exit %d, want %d", name, got, tt.want)
		}
	}
}

// Every failure says what to do, also one that knows no remedy of its own.
func TestAdvice(t *testing.T) {
	for name, tt := range map[string]struct {
		err        error
		text, hint string
	}{
		"a remedy of its own": {fmt.Errorf("list: %w", errNoAnswer), "list: no answer in time", "check the network, and that the service is up"},
		"none, configuration": {&refusal.Advice{Text: "configuration: GCS_BUCKET is not set", Config: true}, "configuration: GCS_BUCKET is not set", hintCorrect},
		"none":                {errors.New("import failed: INTERNAL"), "import failed: INTERNAL", hintWait},
		"command line":        {misused(errors.New("unknown flag --ful")), "command line: unknown flag --ful", "see job --help"},
		"stopped": {
			stopped(errors.New("terminated signal received"), &refusal.Advice{Text: "connect: it was interrupted", Remedy: "check the host"}),
			"stopped: terminated signal received: connect: it was interrupted",
			"wait for the next run, which completes the work; raise the timeout of the task if it ended this run",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if text, hint := advice(tt.err); text != tt.text || hint != tt.hint {
				t.Errorf("got  %q, %q\nwant %q, %q", text, hint, tt.text, tt.hint)
			}
		})
	}
}
