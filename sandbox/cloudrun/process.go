package cloudrun

import (
	"os/exec"
	"runtime"
	"syscall"
)

// runLocked starts a process and waits for it on one thread: where a parent's death ends its children (see processGroup), the
// parent is the thread, not the process.
func runLocked(cmd *exec.Cmd, started, ended chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started <- err
	if err == nil {
		ended <- cmd.Wait()
	}
}

// killGroup ends what is left of a process and of those that it started.
func killGroup(cmd *exec.Cmd) {
	// There is mostly nothing left, and then nothing to do.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}
