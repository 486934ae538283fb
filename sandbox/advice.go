package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/project"
)

// advice is what to do next, in another shell.
func (c *serveCommand) advice(s *served) string {
	shell := "paste the lines above into another shell"
	if c.Env != "" {
		shell = "in another shell: . " + dataplane.Quote(c.Env)
	}
	if s.project != nil {
		return shell + ", then\n" + c.projectAdvice()
	}
	if c.CloudSQL {
		return shell + ", then: bin/job check, bin/job sync"
	}
	return shell + `, then: bin/job plan, bin/job sync, psql "$DATABASE_URL" to change a row, bin/job sync again`
}

// projectAdvice is how to deploy into the project and see the deployed job run.
func (c *serveCommand) projectAdvice() string {
	lines := []string{
		"  the project is " + dataplane.Project + ", its number " + dataplane.ProjectNumber + ", region " + dataplane.Region + ", instance " + dataplane.Instance +
			", repository " + project.Repository,
		"  image, which stands for " + c.Job + ": " + project.Image,
		"  gcloud: gcloud run jobs list, gcloud scheduler jobs list --location " + dataplane.Region + ", gcloud logging read 'resource.type=cloud_run_job' --limit 20",
	}
	if c.Stack == "" {
		lines = append(lines, "  Pulumi: start again with --stack Pulumi.sandbox.yaml")
	} else {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(c.Stack), "Pulumi."), ".yaml")
		lines = append(lines, fmt.Sprintf("  Pulumi: pulumi stack init %s && pulumi up --stack %s", name, name))
	}
	return strings.Join(lines, "\n")
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
