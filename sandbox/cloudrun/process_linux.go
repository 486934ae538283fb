package cloudrun

import "syscall"

// processGroup gives a task a process group of its own, and ends it with the sandbox even when that is killed.
func processGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
