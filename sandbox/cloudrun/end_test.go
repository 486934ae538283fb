package cloudrun

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestGracefulEnd: at the timeout the process is asked to end, and what it then writes is kept.
func TestGracefulEnd(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "end at SIGTERM", Options{}, map[string]any{"timeout": "1s"})
	c.run()
	if diff := cmp.Diff([]string{"ready", "cleaned up"}, c.output("stdout")); diff != "" {
		t.Error(diff)
	}
}

// TestKill: a process that does not end is killed after its grace, with the processes that it started.
func TestKill(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "ignore SIGTERM", Options{Grace: 100 * time.Millisecond}, map[string]any{"timeout": "1s"})
	_, failure := c.run()
	if failure == nil || !strings.Contains(failure.Error(), "The configured timeout was reached.") {
		t.Errorf("failure %v", failure)
	}
	checkGone(t, c.output("stdout"))
}

// TestNothingLingers: what a task leaves running ends with it.
func TestNothingLingers(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "leave a child", Options{}, nil)
	if _, failure := c.run(); failure != nil {
		t.Error(failure)
	}
	checkGone(t, c.output("stdout"))
}

// checkGone finds the line "child PID" and waits until that process is no more; a killed child is init's to reap.
func checkGone(t *testing.T, lines []string) {
	t.Helper()
	var pid int
	for _, line := range lines {
		if _, err := fmt.Sscanf(line, "child %d", &pid); err == nil {
			break
		}
	}
	if pid == 0 {
		t.Fatalf("the task named no child: %q", lines)
	}
	for deadline := time.Now().Add(5 * time.Second); running(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still running", pid)
		}
	}
}

// running is false for a process that is gone or dead and waiting to be reaped.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "end at SIGTERM", Options{}, nil)
	name := c.start()
	waitFor(t, func() bool { return len(c.output("stdout")) > 0 })
	c.post("/run/v2/"+name+":cancel", nil)
	execution, failure := c.wait(name)
	if failure == nil || failure.Error() != "Execution was cancelled." || execution["cancelledCount"] != 1.0 {
		t.Errorf("failure %v of %v", failure, execution)
	}
}

// TestClose ends what runs when the sandbox ends.
func TestClose(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "end at SIGTERM", Options{}, nil)
	c.start()
	waitFor(t, func() bool { return len(c.output("stdout")) > 0 })
	c.Close()
	if diff := cmp.Diff([]string{"ready", "cleaned up"}, c.output("stdout")); diff != "" {
		t.Error(diff)
	}
}

func waitFor(t *testing.T, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in 20 seconds")
		}
	}
}
