// Package cloudrun runs the executions of declared Cloud Run jobs as processes of this machine: one process for each task, with
// the environment that the job declares, its secrets read with the grants of its account, retries, timeout and logs.
package cloudrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"vertexmetadata/sandbox/controlplane/api"
)

// Options say where the things are that a job declares by their names in the cloud.
type Options struct {
	// Image answers the local binary that an image reference stands for. Its error says why there is none.
	Image func(reference string) (binary string, err error)
	// Sockets are the PostgreSQL sockets (files) by Cloud SQL connection name, project:region:instance.
	Sockets map[string]string
	// Endpoints are the APIs that a job reaches. Each execution reaches them as its own service account.
	Endpoints Endpoints
	// Login answers the token with which an account logs in to the instances, which the metadata server of its executions hands
	// out. Without it they have no metadata server.
	Login func(account string) (token string, err error)
	// Env are further variables for every task, NAME=value. They win over what the job declares.
	Env []string
	// Grace is how long a task may go on after SIGTERM; default 10 seconds, as in the cloud.
	Grace time.Duration
}

// Runner runs executions for one control plane.
type Runner struct {
	plane   *api.Server
	options Options
}

var _ api.Runner = (*Runner)(nil)

// New makes a runner and gives it to the control plane.
func New(plane *api.Server, options Options) *Runner {
	if options.Grace == 0 {
		options.Grace = 10 * time.Second
	}
	r := &Runner{plane: plane, options: options}
	plane.SetRunner(r)
	return r
}

// Image says why an image cannot be run here; nil when it can.
func (r *Runner) Image(reference string) error {
	_, err := r.options.Image(reference)
	return err
}

// Run runs all tasks of an execution, at most Parallelism at once. No process of theirs is left when it returns.
func (r *Runner) Run(ctx context.Context, e api.Execution, record *api.Record) error {
	x, err := r.prepare(e, record)
	if err != nil {
		return err
	}
	defer x.close()
	parallelism := e.Parallelism
	if parallelism <= 0 || parallelism > e.Tasks {
		parallelism = e.Tasks
	}
	failures := make([]error, e.Tasks)
	slots := make(chan struct{}, parallelism)
	var tasks sync.WaitGroup
	for index := range e.Tasks {
		slots <- struct{}{}
		tasks.Go(func() {
			defer func() { <-slots }()
			failures[index] = x.task(ctx, index)
		})
	}
	tasks.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, failure := range failures {
		if failure != nil {
			return failure
		}
	}
	return nil
}

// execution is what the tasks of one execution share.
type execution struct {
	api.Execution
	record  *api.Record
	binary  string
	dir     string // working directory, and in it the folder of the sockets
	front   *front
	sockets string
	options Options
}

func (r *Runner) prepare(e api.Execution, record *api.Record) (_ *execution, err error) {
	x := &execution{Execution: e, record: record, options: r.options}
	if len(e.Secrets) > 0 {
		return nil, fmt.Errorf("mount secret at %s: the sandbox knows secrets in environment variables only", e.Secrets[0])
	}
	if x.binary, err = r.options.Image(e.Image); err != nil {
		return nil, words(fmt.Sprintf("Image '%s' not found: %v", e.Image, err))
	}
	if x.dir, err = os.MkdirTemp(tempDir(), "run"); err != nil {
		return nil, fmt.Errorf("make working directory: %w", err)
	}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	if err := x.mountSQL(r.plane); err != nil {
		return nil, err
	}
	token := r.plane.Token(member(e.Account))
	login := ""
	if r.options.Login != nil {
		if login, err = r.options.Login(e.Account); err != nil {
			return nil, fmt.Errorf("let %s log in to the instances: %w", e.Account, err)
		}
	}
	if x.front, err = openFront(r.options.Endpoints, token, metadata{e.Account, e.Project, login}); err != nil {
		return nil, err
	}
	return x, nil
}

// tempDir is the system's temporary folder, or /tmp where that is too long for the path of a socket in it.
func tempDir() string {
	if dir := os.TempDir(); len(dir) <= 24 {
		return dir
	}
	return "/tmp"
}

func (x *execution) close() {
	x.front.close()
	// What cannot be removed is in the system's temporary folder and small.
	_ = os.RemoveAll(x.dir)
}

func member(account string) string { return "serviceAccount:" + account }

// task runs one task: its first attempt and, while it fails, up to MaxRetries more.
func (x *execution) task(ctx context.Context, index int) error {
	for attempt := 0; ; attempt++ {
		x.record.TaskStarted(index, attempt)
		result, err := x.attempt(ctx, index, attempt)
		again := result.Message != "" && attempt < x.MaxRetries && ctx.Err() == nil && !errors.Is(err, errNotStarted)
		if again {
			x.record.AttemptEnded(index, result)
			continue
		}
		x.record.TaskEnded(index, result, ctx.Err() != nil)
		switch {
		case result.Message == "":
			return nil
		case errors.Is(err, errNotStarted):
			return words(result.Message)
		}
		return words(fmt.Sprintf("Task %s-task%d failed with message: %s", x.Name, index, result.Message))
	}
}
