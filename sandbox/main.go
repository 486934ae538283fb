// The sandbox is everything that the job and its deployment touch, on this machine: a real PostgreSQL, and stand-ins for Cloud
// Storage, Vertex AI Search, Secret Manager, and the APIs that gcloud and Pulumi deploy with.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are the sandbox's commands, each in a file of its name.
type commands struct {
	Demo     demoCommand     `cmd:"" help:"See the system at work: deploy it, let its trigger fire, change the database, search."`
	Serve    serveCommand    `cmd:"" help:"Start everything, print the environment that points the job at it, and stay up until interrupted."`
	Switches switchesCommand `cmd:"" help:"List the behaviours of the services that serve --switch turns on."`
}

// exitInterrupted is what shells make of an interrupt.
const exitInterrupted = 130

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if dir, err := filepath.Abs(os.TempDir()); err == nil { // a relative one would be another for what runs in another folder
		_ = os.Setenv("TMPDIR", dir)
	}
	call := kong.Parse(&commands{}, kong.Name("sandbox"), kong.Description("Run the job's surroundings on this machine."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	err := call.Run()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "sandbox: interrupted") // what broke off for it is no news to who ended it
		os.Exit(exitInterrupted)
	}
	call.FatalIfErrorf(err)
}
