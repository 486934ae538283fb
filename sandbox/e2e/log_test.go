package e2e

import (
	"log/slog"
	"os"
	"testing"
)

// testLogger writes the control plane's requests to the test's output with -v, and the unknown ones always.
func testLogger(t *testing.T) *slog.Logger {
	level := slog.LevelError
	if testing.Verbose() {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("test", t.Name())
}
