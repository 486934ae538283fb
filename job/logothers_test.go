package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/refusal"
)

// An error is logged with what to do about it, as an attribute of its own.
func TestErrorsAreLoggedWithTheirHint(t *testing.T) {
	err := fmt.Errorf("sync: %w", &refusal.Advice{Text: "no room", Remedy: "make room"})
	for terminal, want := range map[bool]string{false: `"error":"sync: no room","hint":"make room"`, true: `error="sync: no room" hint="make room"`} {
		var out bytes.Buffer
		newLogger(&out, look{}, terminal, slog.LevelInfo).Warn("cannot clean up", "error", err)
		if !strings.Contains(out.String(), want) {
			t.Errorf("got  %s\nwant %s", out.String(), want)
		}
	}
}

// Whatever a row, an object of the bucket or a service says: on a terminal nothing but the job's own colours is acted upon,
// and no line is larger than Cloud Logging takes.
func TestLogOfOthers(t *testing.T) {
	const limit = 256 << 10
	hostile := "\x1b]0;owned\x07\x1b[2J\r\u202e\u0085\u2028" + strings.Repeat("\x1b[31m", 20_000)
	groups := make([]failure.Group, 21)
	counts := map[string]int64{}
	for i := range groups {
		groups[i] = failure.Group{Reason: hostile, Count: 1, Examples: []string{hostile, hostile}}
		counts[hostile[:100+i]] = 1
	}
	for _, terminal := range []bool{false, true} {
		for name, value := range map[string]any{
			"text": hostile, "groups": groups, "counts": counts, "error": errors.New(hostile), "advice": &refusal.Advice{Text: hostile, Remedy: hostile},
		} {
			var out bytes.Buffer
			newLogger(&out, look{}, terminal, slog.LevelInfo).Warn("document refused", name, value)
			if out.Len() > limit {
				t.Errorf("terminal %v, %s: a line of %d bytes", terminal, name, out.Len())
			}
			line := strings.TrimSuffix(out.String(), "\n")
			if at := strings.IndexFunc(line, func(r rune) bool {
				return r < ' ' || terminal && unicode.IsControl(r) || terminal && unicode.Is(unicode.Bidi_Control, r)
			}); at >= 0 {
				t.Errorf("terminal %v, %s: %q is left", terminal, name, line[at:min(len(line), at+20)])
			}
			if !terminal && !json.Valid(out.Bytes()) {
				t.Errorf("%s: no JSON", name)
			}
		}
	}
}
