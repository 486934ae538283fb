package main

import (
	"errors"
	"fmt"
	"testing"

	"vertexmetadata/job/internal/refusal"
)

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
