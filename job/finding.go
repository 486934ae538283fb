package main

import (
	"slices"

	"vertexmetadata/job/internal/refusal"
)

// finding is what became of one check.
type finding struct {
	Sync   string `json:"sync,omitempty"`
	Name   string `json:"name"`
	Status status `json:"status"`
	Text   string `json:"text"`             // what was found, or why it was not tried
	Remedy string `json:"remedy,omitempty"` // what to do
	err    error  // of a failure
}

// status is what became of a check, as JSON has it.
type status string

const (
	statusOK      status = "ok"
	statusWarning status = "warn" // a run would succeed, and yet somebody should look
	statusFailure status = "fail"
	statusUntried status = "skipped"
)

// statuses are how people see each status.
var statuses = map[status]struct{ word, color string }{
	statusOK: {"ok", green}, statusWarning: {"WARN", yellow}, statusFailure: {"FAIL", red}, statusUntried: {"-", faint},
}

func fine(name, text string) finding { return finding{Name: name, Status: statusOK, Text: text} }

func warning(name, text, remedy string) finding {
	return finding{Name: name, Status: statusWarning, Text: text, Remedy: remedy}
}

// untried is a check that needs another one first.
func untried(name, why string) finding { return finding{Name: name, Status: statusUntried, Text: why} }

func failed(name string, err error) finding {
	text, remedy := refusal.Split(err)
	return finding{Name: name, Status: statusFailure, Text: text, Remedy: remedy, err: err}
}

// tried is a check that failed if there is an error.
func tried(name, text string, err error) finding {
	if err != nil {
		return failed(name, err)
	}
	return fine(name, text)
}

// securityNames are the findings that say who else can read or change what the job does, in the order in which they are
// shown: docs/SECURITY-MODEL.md says what each holds.
var securityNames = []string{"encryption", "role", "row security", "writers", "sources", "stand-ins"}

// securityLast puts those findings together, behind the others.
func securityLast(found []finding) []finding {
	rank := func(f finding) int { return slices.Index(securityNames, f.Name) }
	slices.SortStableFunc(found, func(a, b finding) int { return rank(a) - rank(b) })
	return found
}
