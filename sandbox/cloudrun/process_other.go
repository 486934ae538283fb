//go:build !linux

package cloudrun

import "syscall"

// processGroup gives a task a process group of its own.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
