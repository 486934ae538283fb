// Command job keeps Vertex AI Search in step with a PostgreSQL database. Cloud Scheduler runs it as a Cloud Run Job
// every few minutes; each run imports what changed since the last one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"vertexmetadata/job/internal/config"
)

// Exit codes.
const (
	exitDone          = 0 // done, nothing to do, another run active, or import pending
	exitFailure       = 1
	exitConfiguration = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], environment{getenv: os.Getenv, stdout: os.Stdout, stderr: os.Stderr}))
}

// environment is what the process was given.
type environment struct {
	getenv func(string) string
	stdout io.Writer // results of plan, check and search
	stderr *os.File  // logs and the progress bar
}

// cli is the command line.
type cli struct {
	Sync   syncCommand   `cmd:"" default:"withargs" help:"Bring the data store in step with the database (the default)."`
	Plan   planCommand   `cmd:"" help:"Show what a sync would change; nothing is written."`
	Check  checkCommand  `cmd:"" help:"Try every dependency in turn and say what to do about each that fails."`
	Search searchCommand `cmd:"" help:"Ask the data store, to see that it answers."`
}

// run parses args, runs a command and returns the exit code.
func run(ctx context.Context, args []string, env environment) int {
	var commands cli
	parser, err := kong.New(&commands,
		kong.Name("job"),
		kong.Description("Keeps Vertex AI Search in step with a PostgreSQL database.\n\nIt is configured by the environment:\n\n"+variablesHelp()),
		kong.Writers(env.stdout, env.stderr),
		kong.Exit(func(code int) { os.Exit(code) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		panic(err) // a mistake in the struct tags above
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(env.stderr, "job: %v; see job --help\n", err)
		return exitConfiguration
	}
	err = parsed.Run()
	var reported *reportedError
	if err != nil && !errors.As(err, &reported) {
		fmt.Fprintf(env.stderr, "job: %v\n", err)
	}
	return exitCode(err)
}

// reportedError wraps an error that was shown already.
type reportedError struct{ error }

func (e *reportedError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var configuration *config.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &configuration) || isSetting(err):
		return exitConfiguration
	}
	return exitFailure
}
