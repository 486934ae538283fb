// Command smoke proves a deployment in a real project, and leaves nothing behind: it deploys a stack of its own name with the
// settings of another, checks, runs, searches, previews, destroys, and writes a dated record. Start it in the folder of Pulumi.yaml;
// pulumi and gcloud have to be signed in.
//
//	go run ./infra/smoke -project MY-PROJECT -settings Pulumi.MINE.yaml
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	now := time.Now().UTC()
	flags := flag.NewFlagSet("smoke", flag.ContinueOnError)
	project := flags.String("project", "", "project to deploy into (required)")
	settings := flags.String("settings", "", "stack file whose settings are tried (required)")
	name := flags.String("name", now.Format("smoke-01021504"), "name of the stack and of all that it makes")
	query := flags.String("search", "a", "text to search for")
	out := flags.String("out", ".", "folder of the record")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	if *project == "" {
		return fmt.Errorf("command line: -project is not set; name the project to deploy into: make smoke PROJECT=MY-PROJECT")
	}
	if *settings == "" {
		return fmt.Errorf("command line: -settings is not set; name the stack file to try: make smoke PROJECT=%s STACK=MY-STACK", *project)
	}
	file, err := stackFile(*settings, *project, *name)
	if err != nil {
		return err
	}
	s := &smoke{name: *name, query: *query, record: record{project: *project, settings: *settings, began: now}}
	s.record.failure = s.try(ctx, file)
	path, err := s.record.write(*out)
	if err != nil {
		return err
	}
	fmt.Printf("\nThe record is in %s\n", path)
	return s.record.failure
}
