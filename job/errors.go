package main

import (
	"errors"
	"time"

	"vertexmetadata/job/internal/refusal"
)

// answerTime is how long a person waits for what one of Google's services has to say.
const answerTime = 10 * time.Second

var errNoAnswer = errors.New("no answer in time: check the network")

// advisedError is what failed and, apart from that, what to do about it.
type advisedError struct{ text, hint string }

func (e *advisedError) Error() string { return e.text }

// Hint says what to do.
func (e *advisedError) Hint() string { return e.hint }

// whatToDo is an error with its remedy.
func whatToDo(err error) string {
	text, hint := refusal.Split(err)
	if hint == "" {
		return text
	}
	return text + ": " + hint
}
