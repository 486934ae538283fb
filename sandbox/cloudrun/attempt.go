package cloudrun

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"vertexmetadata/sandbox/controlplane/api"
)

// errNotStarted marks an attempt whose container could not be made; another attempt would end the same.
var errNotStarted = errors.New("not started")

// maxLine is the longest log entry that Cloud Logging takes, in bytes.
const maxLine = 256 << 10

// attempt runs the task's process once. The result's message says why it failed.
func (x *execution) attempt(ctx context.Context, index, attempt int) (api.Result, error) {
	env, err := x.environment(index, attempt)
	if err != nil {
		x.record.System(index, attempt, "ERROR", err.Error())
		return api.Result{ExitCode: 1, Message: err.Error()}, errNotStarted
	}
	cmd := exec.Command(x.binary, x.arguments()...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = env, x.dir, processGroup()
	// A process that inherited the output and left the process group does not delay the attempt.
	cmd.WaitDelay = time.Second
	var output sync.WaitGroup
	var pipes []io.Closer
	for stream, to := range map[string]*io.Writer{"stdout": &cmd.Stdout, "stderr": &cmd.Stderr} {
		from, into := io.Pipe()
		*to = into
		pipes = append(pipes, into)
		output.Go(func() { x.lines(index, attempt, stream, from) })
	}
	err = x.supervise(ctx, cmd)
	for _, pipe := range pipes {
		// The writing end of an io.Pipe closes without error.
		_ = pipe.Close()
	}
	output.Wait()
	return x.judge(index, attempt, cmd, err)
}

// words are what Cloud Run itself says: sentences, unlike other errors, as an operator sees them in the cloud.
type words string

// Error is the sentence.
func (w words) Error() string { return string(w) }

// Why a process was asked to end.
const (
	errTimeout   words = "The configured timeout was reached."
	errCancelled words = "The execution was cancelled."
)

// supervise starts the process and waits for its end; at the timeout, or when the execution is cancelled, it sends SIGTERM and
// after the grace period SIGKILL. No process of the group is left when it returns.
func (x *execution) supervise(ctx context.Context, cmd *exec.Cmd) error {
	ended := make(chan error, 1)
	started := make(chan error, 1)
	go runLocked(cmd, started, ended)
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w: %w", x.binary, err, errNotStarted)
	}
	timeout := time.NewTimer(x.Timeout)
	defer timeout.Stop()
	var reason error
	select {
	case err := <-ended:
		killGroup(cmd)
		return err
	case <-timeout.C:
		reason = errTimeout
	case <-ctx.Done():
		reason = errCancelled
	}
	// The process may be gone by now, which the channel shows.
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
		killGroup(cmd)
	case <-time.After(x.options.Grace):
		killGroup(cmd)
		<-ended
	}
	return reason
}

func (x *execution) judge(index, attempt int, cmd *exec.Cmd, err error) (api.Result, error) {
	result := api.Result{}
	if cmd.ProcessState != nil {
		result.ExitCode = cmd.ProcessState.ExitCode()
	}
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return result, nil
	case errors.Is(err, errTimeout), errors.Is(err, errCancelled), errors.Is(err, errNotStarted):
		result.Message = err.Error()
		x.record.System(index, attempt, "ERROR", "Terminating task: "+err.Error())
	case errors.As(err, &exit) && !exit.Exited():
		signal := exit.Sys().(syscall.WaitStatus).Signal()
		result.Message = fmt.Sprintf("Container terminated on signal %d.", int(signal))
		x.record.System(index, attempt, "WARNING", result.Message)
	default:
		result.Message = "The container exited with an error."
		x.record.System(index, attempt, "WARNING", fmt.Sprintf("Container called exit(%d).", result.ExitCode))
	}
	return result, err
}

// arguments are the container's: its command's first word stands for the binary, whatever the image calls it.
func (x *execution) arguments() []string {
	args := x.Args
	if len(x.Command) > 1 {
		args = append(append([]string{}, x.Command[1:]...), args...)
	}
	return args
}

// lines hands over what the process wrote, line by line, to the end of the stream.
func (x *execution) lines(index, attempt int, stream string, from io.Reader) {
	reader := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := reader.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			x.record.Line(index, attempt, stream, line[:min(len(line), maxLine)])
		}
		if err != nil {
			return
		}
	}
}
