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

	"github.com/lmittmann/tint"

	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/refusal"
)

// maxLogText is the longest text in a log line, in bytes. Cloud Logging refuses entries over 256 KB, and a row may have
// any text where its id should be.
const maxLogText = 8 << 10

// logger returns the logger of a sync with this name; the only sync of a job has none.
func (e environment) logger(sync, level string) *slog.Logger {
	var least slog.Level // info, unless level is one
	_ = least.UnmarshalText([]byte(level))
	log := newLogger(e.screen, e.screen.look, e.screen.terminal, least)
	if sync != "" {
		log = log.With("sync", sync)
	}
	return log
}

// report shows why a command other than sync failed, if it did and that was not shown yet.
func (e environment) report(ctx context.Context, command, sync string, err error) error {
	if shown := (*reportedError)(nil); err == nil || errors.As(err, &shown) {
		return err
	}
	e.screen.close()
	if e.screen.terminal {
		name := "job " + command
		if sync != "" {
			name += " of " + sync
		}
		fmt.Fprint(e.screen, explained(e.screen.look, name+" failed", err))
	} else {
		attrs := append([]slog.Attr{slog.String("command", command)}, whyFailed(err)...)
		e.logger(sync, "").LogAttrs(context.WithoutCancel(ctx), slog.LevelError, "command failed", attrs...)
	}
	return &reportedError{err}
}

// explained is a failure as a person reads it: what failed and why, and below that what to do.
func explained(l look, what string, err error) string {
	text, hint := advice(err)
	lines := l.paint(red, what+":") + " " + cutText(oneLine(text)) + "\n  " + l.paint(bold, cutText(oneLine(hint))) + "\n"
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
	if len(groups) == 0 && a.Key == slog.MessageKey {
		a.Key = "message"
	}
	if level, ok := a.Value.Any().(slog.Level); ok && len(groups) == 0 {
		return slog.String("severity", strings.Replace(level.String(), "WARN", "WARNING", 1))
	}
	return shortened(a)
}

// readable shows values as a person would write them. Of the name of an operation the last step tells it from others;
// whole, it fills three lines. tint writes escapes as they are, so none may be left.
func readable(_ []string, a slog.Attr) slog.Attr {
	a = shortened(a)
	switch value := a.Value.Any().(type) {
	case map[string]int64:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			parts = append(parts, fmt.Sprintf("%s %d", name, value[name]))
		}
		return slog.String(a.Key, visible(cutText(strings.Join(parts, ", "))))
	case string:
		if a.Key == "operation" {
			value = value[strings.LastIndexByte(value, '/')+1:]
		}
		return slog.String(a.Key, visible(value))
	}
	return a // times, numbers, levels
}

// shortened cuts texts that no reader wants whole. The reasons of failures are one text, and the hint of an error is an
// attribute of its own.
func shortened(a slog.Attr) slog.Attr {
	switch value := a.Value.Any().(type) {
	case string:
		return slog.String(a.Key, cutText(value))
	case error:
		text, hint := refusal.Split(value)
		if hint != "" { // a group without a name is written as its members
			return slog.Attr{Value: slog.GroupValue(slog.String(a.Key, text), slog.String("hint", hint))}
		}
		return slog.String(a.Key, cutText(text))
	case []failure.Group:
		parts := make([]string, len(value))
		for i, g := range value {
			parts[i] = fmt.Sprintf("%d: %s (%s)", g.Count, g.Reason, strings.Join(g.Examples, ", "))
		}
		return slog.String(a.Key, cutText(strings.Join(parts, "; ")))
	}
	return a
}

// cutText cuts a text to maxLogText.
func cutText(text string) string {
	if len(text) <= maxLogText {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:maxLogText], ""), len(text))
}
