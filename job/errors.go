package main

import (
	"cmp"
	"time"

	"vertexmetadata/job/internal/refusal"
)

// answerTime is how long a person waits for what one of Google's services has to say.
const answerTime = 10 * time.Second

var errNoAnswer = &refusal.Advice{Text: "no answer in time", Remedy: "check the network, and that the service is up"}

// stoppedError is a run that was interrupted. Its remedy is not that of the failure that it met by this.
type stoppedError struct {
	refusal.Advice
	cause error
}

func (e *stoppedError) Unwrap() error { return e.cause }

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e *usageError) Error() string { return "command line: " + e.error.Error() }

// Hint says what to do.
func (e *usageError) Hint() string { return "see job --help" }

// What to do about an error that knows no remedy of its own.
const (
	hintCorrect = "correct what is named here: trying again does not help"
	hintWait    = "wait for the next run, which tries again; run job check if this stays"
)

// advice is what failed and why, and what to do.
func advice(err error) (text, hint string) {
	text, hint = refusal.Split(err)
	if exitCode(err) == exitConfiguration {
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
