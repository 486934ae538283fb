package main

import (
	"cmp"
	"slices"
	"time"

	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/source"
)

// Exit codes.
const (
	exitDone          = 0 // done, nothing to do, another run active, or import pending
	exitFailure       = 1
	exitConfiguration = 2
)

// exitCode maps the error of a command.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case isConfiguration(err):
		return exitConfiguration
	}
	return exitFailure
}

// isConfiguration reports that trying again is useless until somebody changes a setting, the query for instance. Of several
// failures each must be of that kind: trying again may help the others.
func isConfiguration(err error) bool {
	switch e := err.(type) {
	case *source.Error:
		return e.Config
	case *refusal.Advice:
		return e.Config
	case interface{ Unwrap() error }:
		return isConfiguration(e.Unwrap())
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		return len(all) > 0 && !slices.ContainsFunc(all, func(one error) bool { return !isConfiguration(one) })
	}
	return false
}

// reportedError wraps an error that was shown already.
type reportedError struct{ error }

func (e *reportedError) Unwrap() error { return e.error }

// answerTime is how long a person waits for what a service or the database has to say.
const answerTime = 10 * time.Second

var errNoAnswer = &refusal.Advice{Text: "no answer in time", Remedy: "check the network, and that the service is up"}

// misused is a command line that makes no sense.
func misused(err error) error {
	return &refusal.Advice{Text: "command line: " + err.Error(), Remedy: "see job --help", Config: true}
}

// What to do about an error that knows no remedy of its own.
const (
	hintCorrect = "correct what is named here: trying again does not help"
	hintWait    = "wait for the next run, which tries again; run job check if this stays"
)

// advice is what failed and why, and what to do.
func advice(err error) (text, hint string) {
	text, hint = refusal.Split(err)
	if isConfiguration(err) {
		return text, cmp.Or(hint, hintCorrect)
	}
	return text, cmp.Or(hint, hintWait)
}

// whatToDo is an error with its remedy.
func whatToDo(err error) string {
	text, hint := refusal.Split(err)
	if hint == "" {
		return text
	}
	return text + ": " + hint
}
