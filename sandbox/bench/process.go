package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// outcome is what a run of the job says in its last line.
type outcome struct {
	Message   string `json:"message"`
	Outcome   string `json:"outcome"`
	Documents int64  `json:"documents"`
	Upserted  int64  `json:"upserted"`
	Bytes     int64  `json:"bytes"`
	Duration  int64  `json:"duration_ms"`
}

// usage is what a process took.
type usage struct {
	outcome
	Wall     time.Duration
	CPU      time.Duration // of the process itself
	Database time.Duration // processor time of PostgreSQL, in steps of 10 ms
	Services time.Duration // processor time of the stand-ins
	Peak     int64         // bytes; the greatest resident set
}

// runProcess runs a command to its end.
func runProcess(cmd *exec.Cmd) (usage, error) {
	var stderr bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &stderr
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	stop := make(chan struct{})
	peak := watchPeak(cmd.Process.Pid, stop)
	err := cmd.Wait()
	u := usage{Wall: time.Since(start)}
	close(stop)
	u.Peak = <-peak
	if err != nil {
		return u, fmt.Errorf("%s: %w: %s", cmd.Path, err, stderr.String())
	}
	u.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	for line := range bytes.Lines(stderr.Bytes()) {
		var o outcome
		if json.Unmarshal(line, &o) == nil && o.Message == "sync finished" {
			u.outcome = o
		}
	}
	return u, nil
}

// watchPeak follows the greatest resident set of a process, as the kernel keeps it, until stop is closed. What wait
// reports at the end is of no use here: it is never less than what this process had when it started the other.
func watchPeak(pid int, stop <-chan struct{}) <-chan int64 {
	result := make(chan int64, 1)
	go func() {
		var peak int64
		for tick := time.NewTicker(4 * time.Millisecond); ; {
			select {
			case <-tick.C:
				peak = max(peak, residentPeak(pid))
			case <-stop:
				tick.Stop()
				result <- peak
				return
			}
		}
	}()
	return result
}

func residentPeak(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // nothing to read when it has ended
	_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
	var kilobytes int64
	_, _ = fmt.Sscan(string(rest), &kilobytes)
	return kilobytes << 10
}

// job is how the job is run.
type job struct {
	path string
	env  []string
}

// with returns the job with further variables.
func (j job) with(env ...string) job {
	j.env = append(append([]string(nil), j.env...), env...)
	return j
}

func (j job) command(args ...string) *exec.Cmd {
	cmd := exec.Command(j.path, args...)
	cmd.Env = j.env
	return cmd
}

// sync does one sync.
func (j job) sync() (usage, error) { return j.run() }

// run does one sync with flags.
func (j job) run(args ...string) (usage, error) {
	return runProcess(j.command(append([]string{"sync"}, args...)...))
}

// childrenCPU returns the processor time of a process's children that have ended: for PostgreSQL's first process
// that of all sessions that are over.
func childrenCPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in brackets may hold blanks; cutime and cstime are the 16th and 17th field, in hundredths of a second.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int64
	for _, f := range fields[13:15] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read processor time of process %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// parentOf returns a process's parent.
func parentOf(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))[1])
}
