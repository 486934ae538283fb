package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/sample"
)

// serveCommand is `sandbox serve`.
type serveCommand struct {
	Env      string `help:"Write the environment to this file instead of standard output; it is removed at the end." type:"path" placeholder:"FILE"`
	CloudSQL bool   `name:"cloud-sql" help:"Connect as in the cloud: over the instance's socket, with the password from Secret Manager."`
	Location string `help:"Location of the data store." enum:"global,us,eu" default:"global"`
	Posts    int    `help:"Generate this many posts instead of loading the sample ones." placeholder:"N"`
	Seed     int64  `help:"Seed of the generated posts." default:"1"`
	Empty    bool   `help:"Make the tables, but no posts."`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context) (err error) {
	w, err := dataplane.Start(ctx, dataplane.Options{Location: c.Location, Posts: c.Posts, Seed: c.Seed, Empty: c.Empty})
	if err != nil {
		return fmt.Errorf("start sandbox: %w", err)
	}
	defer func() {
		if closeErr := w.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("stop sandbox: %w", closeErr)
		}
	}()
	exports := dataplane.Exports(w.Environment(c.CloudSQL))
	if c.Env == "" {
		fmt.Print(exports)
	} else {
		if err := writeWhole(c.Env, exports); err != nil {
			return fmt.Errorf("write environment: %w", err)
		}
		defer os.Remove(c.Env)
	}
	fmt.Fprintf(os.Stderr, "database: %s\n%s\nthe sandbox is up, end it with Ctrl-C\n", c.content(), c.advice())
	<-ctx.Done()
	return nil
}

func (c *serveCommand) content() string {
	switch {
	case c.Empty:
		return "no posts"
	case c.Posts > 0:
		return fmt.Sprintf("%d generated posts", c.Posts)
	}
	return fmt.Sprintf("%d sample posts, of which %d become documents", sample.Len(), sample.Documents())
}

// advice is what to do next, in another shell.
func (c *serveCommand) advice() string {
	shell := "paste the lines above into another shell"
	if c.Env != "" {
		shell = "in another shell: . " + c.Env
	}
	if c.CloudSQL {
		return shell + ", then: bin/job check, bin/job sync"
	}
	return shell + `, then: bin/job plan, bin/job sync, psql "$DATABASE_URL" to change a row, bin/job sync again`
}

// writeWhole makes a file appear with all its text at once, so that a script can wait for it. Only the user
// may read it: it holds the database's password.
func writeWhole(path, text string) error {
	part, err := os.CreateTemp(filepath.Dir(path), ".environment-")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // gone after the rename
	if _, err := part.WriteString(text); err != nil {
		part.Close()
		return err
	}
	if err := part.Close(); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}
