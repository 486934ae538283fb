package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// served is a project of `sandbox serve`, as a stranger has it on a laptop: what is tried here are the programs themselves, driven
// from outside.
type served struct {
	env    []string       // of a shell that has read the file of --env
	config map[string]any // of the stack file
	stack  string         // path of the stack file
}

// serve starts the sandbox's own program with a project, until the test ends.
func serve(t *testing.T) served {
	t.Helper()
	dir := t.TempDir()
	binary, env, stack := compile(t, "sandbox", "."), filepath.Join(dir, "env"), filepath.Join(dir, "stack.yaml")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	cmd := exec.CommandContext(ctx, binary, "serve", "--project", "--job", jobBinary(t), "--env", env, "--stack", stack)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	var log strings.Builder
	cmd.Stderr = &log
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		cmd.Wait() //nolint:errcheck // it is interrupted
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	for {
		if _, err := os.Stat(stack); err == nil {
			break
		}
		select {
		case <-ended:
			t.Fatalf("sandbox serve ended:\n%s", log.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	s := served{env: os.Environ(), stack: stack}
	text, err := os.ReadFile(env)
	must(t, err)
	for _, m := range regexp.MustCompile(`(?m)^export (\w+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		s.env = append(s.env, m[1]+"="+strings.Trim(m[2], `'"`))
	}
	s.env = append(s.env, "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=1")
	text, err = os.ReadFile(stack)
	must(t, err)
	var file struct{ Config map[string]any }
	must(t, yaml.Unmarshal(text, &file))
	s.config = file.Config
	return s
}

// compile builds a program of a module as the CLI would.
func compile(t *testing.T, module, pkg string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-w -s", "-o", binary, pkg)
	build.Dir = filepath.Join(repository, module)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s of %s: %v\n%s", pkg, module, err, out)
	}
	return binary
}

// projectOf makes a folder with a Pulumi.yaml whose program is compiled beforehand.
func projectOf(t *testing.T, pulumiYAML, program string) string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(pulumiYAML)
	must(t, err)
	compiled := regexp.MustCompile(`(?m)^runtime: go$`).ReplaceAllString(string(text), "runtime: {name: go, options: {binary: "+program+"}}")
	if compiled == string(text) {
		t.Fatalf("%s has no line runtime: go", pulumiYAML)
	}
	must(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(compiled), 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "infra"), 0o755)) // where the main program runs
	return dir
}

// run runs a program in a folder against the project and returns what it printed.
func (s served) run(t *testing.T, dir, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, s.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}
