package main

import (
	"cmp"
	"time"

	"vertexmetadata/job/internal/refusal"
)

// answerTime is how long a person waits for what one of Google's services has to say.
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
