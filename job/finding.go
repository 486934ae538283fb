package main

import "vertexmetadata/job/internal/refusal"

// finding is what became of one check.
type finding struct {
	name   string
	status status
	text   string // what was found, or why it was not tried
	remedy string // what to do
	err    error  // of a failure
}

// status is how a finding is shown.
type status struct{ word, json, color string }

var (
	statusOK      = status{"ok", "ok", green}
	statusWarning = status{"WARN", "warn", yellow} // a run would succeed, and yet somebody should look
	statusFailure = status{"FAIL", "fail", red}
	statusUntried = status{"-", "skipped", faint}
)

func fine(name, text string) finding { return finding{name: name, status: statusOK, text: text} }

func warning(name, text, remedy string) finding {
	return finding{name: name, status: statusWarning, text: text, remedy: remedy}
}

// untried is a check that needs another one first.
func untried(name, why string) finding { return finding{name: name, status: statusUntried, text: why} }

func failed(name string, err error) finding {
	text, remedy := refusal.Split(err)
	return finding{name: name, status: statusFailure, text: text, remedy: remedy, err: err}
}

// tried is a check that failed if there is an error.
func tried(name, text string, err error) finding {
	if err != nil {
		return failed(name, err)
	}
	return fine(name, text)
}
