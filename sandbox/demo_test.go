package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// After Ctrl-C the demo does not list what broke off because of it.
func TestDemoInterrupted(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "demo", "--job", os.Args[0])
	cmd.Env = append(os.Environ(), asSandbox+"=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil { // it is about to start PostgreSQL
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("it ended with %v, want exit status %d", err, exitInterrupted)
	}
	if got, want := stderr.String(), "sandbox: interrupted\n"; got != want {
		t.Errorf("it said %q, want %q", got, want)
	}
}
