package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lmittmann/tint"

	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/refusal"
)

// maxLogText is the longest text in a log line, in bytes. Cloud Logging refuses entries over 256 KB, and a row may have
// any text where its id should be.
const maxLogText = 8 << 10

// logger returns the process's logger.
func (e environment) logger() *slog.Logger {
	level := slog.LevelInfo
	if strings.TrimSpace(e.getenv("LOG_LEVEL")) == "debug" {
		level = slog.LevelDebug
	}
	return newLogger(e.screen, e.screen.look, e.screen.terminal, level)
}

// loggerOf is logger for a sync with this name; the only sync of a job has none.
func (e environment) loggerOf(sync string) *slog.Logger {
	if sync == "" {
		return e.logger()
	}
	return e.logger().With("sync", sync)
}

// fail reports why a command other than sync failed.
func (e environment) fail(ctx context.Context, command, sync string, err error) {
	e.screen.close()
	if e.screen.terminal {
		name := "job " + command
		if sync != "" {
			name += " of " + sync
		}
		fmt.Fprint(e.screen, explained(e.screen.look, name+" failed", err))
		return
	}
	attrs := []slog.Attr{slog.String("command", command)}
	if sync != "" {
		attrs = append(attrs, slog.String("sync", sync))
	}
	e.logger().LogAttrs(context.WithoutCancel(ctx), slog.LevelError, "command failed", append(attrs, whyFailed(err)...)...)
}

// explained is a failure as a person reads it: what failed and why, and below that what to do.
func explained(l look, what string, err error) string {
	text, hint := advice(err)
	lines := l.paint(red, what+":") + " " + shorten(oneLine(text), maxLogText) + "\n  " + l.paint(bold, shorten(oneLine(hint), maxLogText)) + "\n"
	if caught := (*panics.Error)(nil); errors.As(err, &caught) {
		lines += visibleLines(string(caught.Stack)) + "\n"
	}
	return lines
}

// newLogger logs JSON in Cloud Logging's form, or plain text on a terminal, to out.
func newLogger(out io.Writer, l look, terminal bool, level slog.Level) *slog.Logger {
	if terminal {
		return slog.New(tint.NewHandler(out, &tint.Options{Level: level, TimeFormat: "15:04:05", ReplaceAttr: readable, NoColor: !l.color}))
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: cloudLogging}))
}

// cloudLogging renames slog's keys to those that Cloud Logging reads:
// https://cloud.google.com/logging/docs/structured-logging
func cloudLogging(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return shortened(groups, a)
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			return slog.String("severity", severity(level))
		}
	}
	return shortened(groups, a)
}

// readable shows values as a person would write them, where Go prints map[…] or {…}. Of the name of an operation the last
// step tells it from others; whole, it fills three lines. tint writes escapes as they are, so none may be left.
func readable(groups []string, a slog.Attr) slog.Attr {
	var text string
	a = shortened(groups, a) // before it is made visible, which makes it longer
	switch value := a.Value.Any().(type) {
	case map[string]int64:
		parts := make([]string, 0, len(value))
		for _, name := range slices.Sorted(maps.Keys(value)) {
			parts = append(parts, fmt.Sprintf("%s %d", name, value[name]))
		}
		text = strings.Join(parts, ", ")
	case []failure.Group:
		parts := make([]string, len(value))
		for i, g := range value {
			parts[i] = fmt.Sprintf("%d: %s (%s)", g.Count, g.Reason, strings.Join(g.Examples, ", "))
		}
		text = strings.Join(parts, "; ")
	case []string:
		text = strings.Join(value, ", ")
	case string:
		text = value
		if a.Key == "operation" {
			text = value[strings.LastIndexByte(value, '/')+1:]
		}
	default:
		return a // times, numbers, levels
	}
	return shortened(groups, slog.String(a.Key, visible(text)))
}

// shortened cuts texts that no reader wants whole, and lists of them.
func shortened(_ []string, a slog.Attr) slog.Attr {
	switch value := a.Value.Any().(type) {
	case string:
		return slog.String(a.Key, cutText(value, maxLogText))
	case error:
		text, hint := refusal.Split(value)
		if hint != "" { // a group without a name is written as its members
			return slog.Attr{Value: slog.GroupValue(slog.String(a.Key, text), slog.String("hint", hint))}
		}
		return slog.String(a.Key, cutText(text, maxLogText))
	case []string:
		return slog.Any(a.Key, cutTexts(value, maxLogText))
	case []failure.Group:
		groups := make([]failure.Group, min(len(value), maxLogGroups))
		for i := range groups {
			g := value[i]
			groups[i] = failure.Group{Reason: cutText(g.Reason, maxLogPart), Count: g.Count, Examples: cutTexts(g.Examples, maxLogPart)}
		}
		return slog.Any(a.Key, groups)
	}
	return a
}

// maxLogGroups and maxLogPart bound the reasons of failures, which come back from the bucket: 32 KB in all.
const (
	maxLogGroups = 21
	maxLogPart   = 512
)

// cutTexts cuts a list to as many bytes.
func cutTexts(texts []string, most int) []string {
	var cut []string
	for _, text := range texts {
		if most <= 0 {
			return append(cut, "…")
		}
		cut = append(cut, cutText(text, most))
		most -= len(text) + 1
	}
	return cut
}

func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:end], len(text))
}

// severity is Cloud Logging's name of a level.
func severity(l slog.Level) string {
	if l == slog.LevelWarn {
		return "WARNING"
	}
	return strings.ToUpper(l.String())
}
