package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lmittmann/tint"
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
	return newLogger(e.screen, e.screen.terminal, level)
}

// fail logs why a command other than sync failed.
func (e environment) fail(ctx context.Context, command string, err error) {
	e.logger().ErrorContext(context.WithoutCancel(ctx), command+" failed: "+whatToDo(err))
}

// newLogger logs JSON in Cloud Logging's form, or plain text on a terminal, to out.
func newLogger(out io.Writer, terminal bool, level slog.Level) *slog.Logger {
	if terminal {
		return slog.New(tint.NewHandler(out, &tint.Options{Level: level, TimeFormat: "15:04:05", ReplaceAttr: readable}))
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

// readable shows counts as a person would write them, where Go prints map[…].
func readable(groups []string, a slog.Attr) slog.Attr {
	counts, ok := a.Value.Any().(map[string]int64)
	if !ok {
		return shortened(groups, a)
	}
	parts := make([]string, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return shortened(groups, slog.String(a.Key, strings.Join(parts, ", ")))
}

// shortened cuts texts that no reader wants whole.
func shortened(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindString {
		return a
	}
	text := a.Value.String()
	if len(text) <= maxLogText {
		return a
	}
	end := maxLogText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return slog.String(a.Key, fmt.Sprintf("%s… (%d bytes)", text[:end], len(text)))
}

// severity is Cloud Logging's name of a level.
func severity(l slog.Level) string {
	if l == slog.LevelWarn {
		return "WARNING"
	}
	return strings.ToUpper(l.String())
}
