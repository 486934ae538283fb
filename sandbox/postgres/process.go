package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	fastShutdown      = syscall.SIGINT  // ends sessions, writes a checkpoint
	immediateShutdown = syscall.SIGQUIT // drops everything, recovery at the next start
	// stopTimeout is how long a shutdown may take before it is forced.
	stopTimeout = 10 * time.Second
	// readyPoll is the pause between two attempts to connect to a server that is starting.
	readyPoll = 10 * time.Millisecond
)

// process is one life of the postmaster, from a start to its exit. A nil process is one that never ran.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed after the exit, when err is set
	err  error
}

// startProcess starts the postmaster and returns once it answers; ctx bounds the wait.
func startProcess(ctx context.Context, s *Server) (*process, error) {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own copy
	cmd := exec.Command(filepath.Join(s.options.BinDir, "postgres"), "-D", s.dataDir())
	s.as.prepare(cmd)
	cmd.Dir = s.dataDir()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := p.waitReady(ctx, s); err != nil {
		_ = p.stop(immediateShutdown)
		return nil, fmt.Errorf("%w; its log ends: %s", err, logTail(s.LogFile()))
	}
	return p, nil
}

// waitReady connects until the server answers. A refused password is an answer too: after the set-up the
// superuser's rule is SCRAM, and before it peer.
func (p *process) waitReady(ctx context.Context, s *Server) error {
	for {
		conn, err := pgx.Connect(ctx, s.adminURL("template1"))
		if err == nil {
			return conn.Close(ctx)
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code != cannotConnectNow {
			return err
		}
		select {
		case <-p.done:
			return fmt.Errorf("server exited: %v", p.err)
		case <-ctx.Done():
			return fmt.Errorf("wait until it answers: %w (last attempt: %v)", ctx.Err(), err)
		case <-time.After(readyPoll):
		}
	}
}

// cannotConnectNow is the SQLSTATE of a server that is still starting or recovering.
const cannotConnectNow = "57P03"

// stop ends the process with the given signal and waits until it is gone; a shutdown that takes too long is
// made harder step by step.
func (p *process) stop(first syscall.Signal) error {
	if p == nil {
		return nil
	}
	for _, signal := range []syscall.Signal{first, immediateShutdown, syscall.SIGKILL} {
		if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop PostgreSQL (process %d): %w", p.cmd.Process.Pid, err)
		}
		select {
		case <-p.done:
			return nil
		case <-time.After(stopTimeout):
		}
	}
	return fmt.Errorf("stop PostgreSQL (process %d): it survived SIGKILL for %v", p.cmd.Process.Pid, stopTimeout)
}

// logTail returns the end of the server's log on one line, for an error message.
func logTail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	const tail = 1000
	if info, err := file.Stat(); err == nil && info.Size() > tail {
		_, _ = file.Seek(-tail, io.SeekEnd)
	}
	text, _ := io.ReadAll(file)
	return strings.Join(strings.Fields(string(text)), " ")
}
