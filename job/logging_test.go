package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

// What Cloud Logging needs of a line: its names of the severities, its keys, and a size that it takes.
func TestCloudLogging(t *testing.T) {
	long := strings.Repeat("あ", maxLogText)
	for name, tt := range map[string]struct {
		level slog.Level
		text  string
		want  string // severity
		id    string
	}{
		"debug":   {slog.LevelDebug, "x", "DEBUG", "x"},
		"info":    {slog.LevelInfo, "赤い花\n\x1b", "INFO", "赤い花\n\x1b"},
		"warning": {slog.LevelWarn, "x", "WARNING", "x"},
		"error":   {slog.LevelError, long, "ERROR", strings.Repeat("あ", maxLogText/3) + "… (24576 bytes)"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := newLogger(&out, look{}, false, slog.LevelDebug)
			log.Log(t.Context(), tt.level, "document refused", "id", tt.text, slog.Group("at", "message", tt.text))
			var line struct {
				Time, Severity, Message, ID string
				At                          struct{ Message string }
			}
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			if line.Time == "" || line.Severity != tt.want || line.Message != "document refused" || line.ID != tt.id || line.At.Message != tt.id {
				t.Errorf("line %.500s", out.String())
			}
		})
	}
}

func TestCountsOnATerminal(t *testing.T) {
	var out bytes.Buffer
	log := newLogger(&out, look{}, true, slog.LevelInfo)
	log.Info("rows skipped", "rows_by_type", map[string]int64{"image/gif": 3, "image/bmp": 12})
	if got, want := plain(out.String()), `INF rows skipped rows_by_type="image/bmp 12, image/gif 3"`+"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
