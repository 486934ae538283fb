package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compareWith says what is new against a commit: its program plans its own stack file, in a folder of its own. Where that cannot
// be, the plan says why, and stands all the same.
func (p *Plan) compareWith(projectDir, commit string) {
	hash, err := git(projectDir, "rev-parse", "--short", "--verify", "--quiet", commit+"^{commit}")
	if err != nil {
		return // no repository, or none with this branch: there is nothing to compare with
	}
	p.base = fmt.Sprintf("%s (%s)", commit, strings.TrimSpace(hash))
	before, err := planAt(projectDir, commit, p.Stack)
	if err != nil {
		p.changes = []string{"not compared: " + err.Error()}
		return
	}
	p.changes = difference(p, before)
}

// planAt plans a stack as a commit has it.
func planAt(projectDir, commit, stack string) (*Plan, error) {
	dir, err := os.MkdirTemp("", "plan")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in the temporary folder
	archive := filepath.Join(dir, "commit.tar")
	if _, err := git(projectDir, "archive", "--output", archive, commit); err != nil {
		return nil, err
	}
	if output, err := exec.Command("tar", "-x", "-f", archive, "-C", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("unpack %s: %w: %s", commit, err, bytes.TrimSpace(output))
	}
	if _, err := os.Stat(filepath.Join(dir, "Pulumi."+stack+".yaml")); err != nil {
		return nil, fmt.Errorf("it has no Pulumi.%s.yaml", stack)
	}
	cmd := exec.Command("go", "run", "./plan", "-json", "-stack", stack)
	cmd.Dir = filepath.Join(dir, "infra")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var output, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &problems
	if err := cmd.Run(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(problems.String()), "\n")
		return nil, fmt.Errorf("its own plan fails: %s", line)
	}
	var plan Plan
	if err := json.Unmarshal(output.Bytes(), &plan); err != nil {
		return nil, fmt.Errorf("read its plan: %w", err)
	}
	return &plan, nil
}

func git(dir string, args ...string) (string, error) {
	output, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) && len(failed.Stderr) > 0 {
			return "", fmt.Errorf("git %s: %s", args[0], bytes.TrimSpace(failed.Stderr))
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return string(output), nil
}
