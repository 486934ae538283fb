package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// record is what is pasted into an issue or a release.
type record struct {
	project, settings string
	began             time.Time
	notes             [][2]string
	steps             []taken
	failure           error
}

// taken is a step that was gone through.
type taken struct {
	what   string
	took   time.Duration
	err    error
	output string
}

// shown is how many lines of a failed step the record has.
const shown = 40

func (r *record) note(name, value string) {
	if value == "" {
		value = "unknown"
	}
	r.notes = append(r.notes, [2]string{name, value})
}

// write writes the record as Markdown and returns its path.
func (r *record) write(dir string) (string, error) {
	path := filepath.Join(dir, "smoke-"+r.began.Format("20060102-150405")+".md")
	if err := os.WriteFile(path, []byte(r.text()), 0o644); err != nil {
		return "", fmt.Errorf("write record: %w", err)
	}
	return path, nil
}

func (r *record) text() string {
	var out strings.Builder
	outcome := "passed"
	if r.failure != nil {
		outcome = "failed"
	}
	fmt.Fprintf(&out, "# Smoke test of %s: %s\n\n", r.began.Format("2006-01-02 15:04 MST"), outcome)
	fmt.Fprintf(&out, "project `%s`, settings of `%s`\n\n", r.project, r.settings)
	if r.failure != nil {
		fmt.Fprintf(&out, "%v\n\n", r.failure)
	}
	for _, n := range r.notes {
		fmt.Fprintf(&out, "- %s: `%s`\n", n[0], n[1])
	}
	out.WriteString("\n| step | outcome | seconds |\n|---|---|---|\n")
	for _, s := range r.steps {
		ended := "ok"
		if s.err != nil {
			ended = "**failed**: " + s.err.Error()
		}
		fmt.Fprintf(&out, "| %s | %s | %.0f |\n", s.what, ended, s.took.Seconds())
	}
	for _, s := range r.steps {
		if s.err != nil {
			lines := strings.Split(strings.TrimSpace(s.output), "\n")
			fmt.Fprintf(&out, "\n%s:\n\n````\n%s\n````\n", s.what, strings.Join(lines[max(0, len(lines)-shown):], "\n"))
		}
	}
	return out.String()
}
