package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"time"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/project"
	"vertexmetadata/sandbox/sample"
	"vertexmetadata/sandbox/switches"
)

// serveCommand is `sandbox serve`.
type serveCommand struct {
	Env       string        `help:"Write the environment to this file instead of standard output; it is removed at the end." type:"path" placeholder:"FILE"`
	CloudSQL  bool          `name:"cloud-sql" help:"Connect as in the cloud: over the instance's socket, with the password from Secret Manager."`
	Location  string        `help:"Location of the data store." enum:"global,us,eu" default:"global"`
	Posts     int           `help:"Generate this many posts instead of loading the sample ones." placeholder:"N"`
	Seed      int64         `help:"Seed of the generated posts." default:"1"`
	Empty     bool          `help:"Make the tables, but no posts."`
	Content   string        `help:"Documents that the data store takes: required (with content), none, any; default: required, with DATABASE_URL any." enum:",required,none,any" default:"" placeholder:"KIND"`
	DataStore []string      `help:"Make a further data store, which takes documents of any kind, for one of SYNCS. Repeatable." placeholder:"ID"`
	Switch    []string      `help:"Turn on a behaviour of the services; see: sandbox switches. Repeatable." placeholder:"NAME=VALUE" sep:"none"`
	For       time.Duration `help:"Stop by itself after this time, for example 10m." placeholder:"TIME"`
	Project   bool          `help:"Serve a project too: the APIs that gcloud and Pulumi deploy with, Cloud Run and Cloud Scheduler. Its schedules run the deployed job."`
	Job       string        `help:"Binary that every image of the project stands for." type:"path" default:"bin/job"`
	Stack     string        `help:"Write a Pulumi stack file that deploys into the project; it is removed at the end." type:"path" placeholder:"FILE"`
}

// Help is what --help says beside the flags.
func (c *serveCommand) Help() string {
	return `With DATABASE_URL set, that database is used as it is, and no PostgreSQL is started. Nothing in it is changed.

Everything listens on 127.0.0.1 and is gone at the end.`
}

// served is what runs: the data plane alone, or in a project.
type served struct {
	data    *dataplane.Plane
	project *project.Project // nil without --project
	folder  string           // of settings and state of the tools
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context) (err error) {
	if c.Stack != "" && !c.Project {
		return errors.New("--stack needs a project to deploy into: add --project")
	}
	s, closers, err := c.start(ctx)
	defer func() {
		for i := len(closers) - 1; i >= 0; i-- {
			if closeErr := closers[i].Close(); err == nil && closeErr != nil {
				err = fmt.Errorf("stop sandbox: %w", closeErr)
			}
		}
	}()
	if err != nil {
		return err
	}
	exports, err := c.exports(s)
	if err != nil {
		return err
	}
	for _, file := range []struct{ path, what, text string }{{c.Env, "environment", exports}, {c.Stack, "stack file", s.stackFile()}} {
		if file.path == "" {
			continue
		}
		if err := writeWhole(file.path, file.text); err != nil {
			return fmt.Errorf("write %s: %w", file.what, err)
		}
		defer os.Remove(file.path)
	}
	if c.Env == "" {
		fmt.Print(exports)
	}
	fmt.Fprintf(os.Stderr, "database: %s\n%s\nthe sandbox is up, end it with Ctrl-C\n", c.content(s), c.advice(s))
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	if s.project != nil {
		s.project.Scheduler.Run(ctx)
	}
	<-ctx.Done()
	return nil
}

// start starts everything. What it returns is to be closed even after an error.
func (c *serveCommand) start(ctx context.Context) (s *served, closers []io.Closer, err error) {
	options := dataplane.Options{
		Location: c.Location, Posts: c.Posts, Seed: c.Seed, Empty: c.Empty, Content: c.Content, DatabaseURL: os.Getenv("DATABASE_URL"),
		DataStores: c.DataStore,
	}
	if options.DatabaseURL != "" && c.Content == "" {
		options.Content = "any" // one's own query makes documents of its own kind
	}
	if options.DatabaseURL != "" && (c.Empty || c.Posts > 0) {
		return nil, nil, errors.New("--empty and --posts fill a database of the sandbox's own: unset DATABASE_URL to have one")
	}
	if slices.Contains(c.DataStore, dataplane.DataStoreID) {
		return nil, nil, fmt.Errorf("--data-store %s: it is there already: name another one", dataplane.DataStoreID)
	}
	s = &served{}
	var known []switches.Switch
	if c.Project {
		if _, err := os.Stat(c.Job); err != nil {
			return nil, nil, fmt.Errorf("find the job: %w: build it with make bin/job, or name it with --job", err)
		}
		if s.project, err = project.Start(ctx, project.Options{Job: c.Job, Data: options, Logger: unknownRequests()}); err != nil {
			return nil, nil, fmt.Errorf("start sandbox: %w", err)
		}
		closers = append(closers, s.project)
		s.data, known = s.project.Data, s.project.Switches()
		if s.folder, err = os.MkdirTemp("", "sandbox-"); err != nil {
			return nil, closers, fmt.Errorf("make folder of settings: %w", err)
		}
		closers = append(closers, folder(s.folder))
	} else {
		if s.data, err = dataplane.Start(ctx, options); err != nil {
			return nil, nil, fmt.Errorf("start sandbox: %w", err)
		}
		closers = append(closers, s.data)
		known = s.data.Switches()
	}
	return s, closers, switches.Apply(known, c.Switch)
}

// unknownRequests logs what the sandbox was asked for and does not know, so that nobody looks for a fault of their own.
func unknownRequests() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// folder is a folder that ends with the sandbox.
type folder string

func (f folder) Close() error { return os.RemoveAll(string(f)) }

// exports are the lines that a shell reads to point the job, and with a project the tools, at what is served.
func (c *serveCommand) exports(s *served) (string, error) {
	if s.project == nil {
		return dataplane.Exports(s.data.Environment(c.CloudSQL)) + psqlPath(), nil
	}
	variables, err := s.project.Environment(s.folder, c.CloudSQL)
	if err != nil {
		return "", fmt.Errorf("write environment: %w", err)
	}
	return dataplane.Exports(variables) + psqlPath(), nil
}

// psqlPath is a line that adds psql to PATH where it lies only beside the server's programs, as with Homebrew and Postgres.app.
func psqlPath() string {
	if _, err := exec.LookPath("psql"); err == nil {
		return ""
	}
	dir, err := postgres.FindBinaries()
	if err != nil {
		return ""
	}
	return `export PATH="$PATH":` + dataplane.Quote(dir) + "\n"
}

func (s *served) stackFile() string {
	if s.project == nil {
		return ""
	}
	return s.project.StackFile()
}

func (c *serveCommand) content(s *served) string {
	switch {
	case s.data.Postgres == nil:
		return fmt.Sprintf("%s of DATABASE_URL, as it is", s.data.Source.Database)
	case c.Empty:
		return "no posts"
	case c.Posts > 0:
		return fmt.Sprintf("%d generated posts", c.Posts)
	}
	return fmt.Sprintf("%d sample posts, of which %d become documents", sample.Len(), sample.Documents())
}
