package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// limit bounds one step.
const limit = 30 * time.Minute

// smoke is one attempt.
type smoke struct {
	name, query string
	record      record
	kept        bool // something may be left in the project
}

// try goes through every step and ends with an empty project again, whatever failed, and also when it is interrupted.
func (s *smoke) try(ctx context.Context, file string) (err error) {
	defer func() {
		// Cleaning up is not interrupted with the rest.
		err = errors.Join(err, s.cleanUp(context.WithoutCancel(ctx), file))
	}()
	s.record.note("pulumi", s.output(ctx, "pulumi", "version"))
	s.record.note("gcloud", firstLine(s.output(ctx, "gcloud", "version")))
	s.record.note("revision", s.output(ctx, "git", "describe", "--always", "--dirty"))
	if err := s.step(ctx, "create the stack", "pulumi", "stack", "init", s.name); err != nil {
		return err
	}
	s.kept = true
	if err := s.step(ctx, "deploy", s.pulumi("up", "--yes", "--skip-preview")...); err != nil {
		return err
	}
	execute := strings.Fields(s.output(ctx, "pulumi", "stack", "output", "runCommand", "--stack", s.name))
	if len(execute) == 0 {
		return errors.New("read output runCommand: the stack has none; deploy it with this version of the program")
	}
	s.record.note("image", s.output(ctx, "pulumi", "stack", "output", "image", "--stack", s.name))
	for _, step := range []struct {
		what    string
		command []string
	}{
		{"check every dependency", append(execute, "--args=check")},
		{"sync", execute},
		{"sync again, with nothing to do", execute},
		{"search", append(execute, "--args=search,"+s.query)},
		{"compare with the cloud", s.pulumi("preview", "--refresh", "--expect-no-changes", "--diff")},
	} {
		if err := s.step(ctx, step.what, step.command...); err != nil {
			return err
		}
	}
	return nil
}

// cleanUp destroys what was deployed and removes the stack. The stack stays where that fails, for it knows what is left.
func (s *smoke) cleanUp(ctx context.Context, file string) error {
	if s.kept {
		if err := s.step(ctx, "destroy", s.pulumi("destroy", "--yes", "--skip-preview")...); err != nil {
			return fmt.Errorf("%w; what is left in the project is in the stack: pulumi destroy --stack %s", err, s.name)
		}
		if err := s.step(ctx, "remove the stack", "pulumi", "stack", "rm", "--yes", s.name); err != nil {
			return err
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove settings: %w", err)
	}
	return nil
}

// pulumi is a command on the stack.
func (s *smoke) pulumi(args ...string) []string {
	return append(append([]string{"pulumi"}, args...), "--non-interactive", "--suppress-progress", "--stack", s.name)
}

// step runs a command, shows what it prints, and records how it ended.
func (s *smoke) step(ctx context.Context, what string, command ...string) error {
	fmt.Printf("\n== %s: %s\n", what, strings.Join(command, " "))
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var printed bytes.Buffer
	cmd := s.command(ctx, command...)
	cmd.Stdout = io.MultiWriter(os.Stdout, &printed)
	cmd.Stderr = cmd.Stdout
	began := time.Now()
	err := cmd.Run()
	s.record.steps = append(s.record.steps, taken{what, time.Since(began), err, printed.String()})
	if err != nil {
		return fmt.Errorf("%s: %s: %w", what, command[0], err)
	}
	return nil
}

// output is what a command prints, or nothing where it fails.
func (s *smoke) output(ctx context.Context, command ...string) string {
	out, err := s.command(ctx, command...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// command makes a command that is asked to stop when the attempt is, so that Pulumi can finish what it is about to create. A new
// stack in a bucket or folder needs a passphrase: its settings hold no secret, so an empty one will do.
func (s *smoke) command(ctx context.Context, command ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 2 * time.Minute
	cmd.Env = os.Environ()
	if _, ok := os.LookupEnv("PULUMI_CONFIG_PASSPHRASE"); !ok && os.Getenv("PULUMI_CONFIG_PASSPHRASE_FILE") == "" {
		cmd.Env = append(cmd.Env, "PULUMI_CONFIG_PASSPHRASE=")
	}
	return cmd
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
