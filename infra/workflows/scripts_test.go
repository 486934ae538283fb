package workflows

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The scripts of .github/scripts run here with stand-ins for the programs that they call. A stand-in writes its arguments to the
// file "calls" and does what its part of a test says.
type stage struct {
	dir string
	env []string
}

func newStage(t *testing.T, programs map[string]string) stage {
	t.Helper()
	for _, needed := range []string{"bash", "jq", "awk", "sed"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("%s, which GitHub's runners have, is not installed", needed)
		}
	}
	s := stage{dir: t.TempDir()}
	for name, script := range programs {
		text := "#!/usr/bin/env bash\necho \"" + name + " $*\" >> \"$CALLS\"\n" + script + "\n"
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"), "CALLS="+filepath.Join(s.dir, "calls"))
	return s
}

// run runs a script and returns its exit code and what it printed.
func (s stage) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	script, err := filepath.Abs(filepath.Join(top, ".github/scripts", args[0]))
	if err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	cmd := exec.Command(script, args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, &out, &problems
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), problems.String()
}

func (s stage) calls(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "calls"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func TestPreview(t *testing.T) {
	const deployed = `if [ "$1 $2" = "stack output" ]; then echo host/x@sha256:1; fi; `
	for _, c := range []struct {
		name, pulumi, graph string
		wantCode            int
		want                []string
		wantCalls           string
	}{
		{
			"changes", deployed + `if [ "$1" = preview ]; then printf '    + gcp:run:Job create\n    ~ timeout: 1 => 2\n  - old\n'; fi`, `echo "graph TD"; echo "a-->b"`, 0,
			[]string{"## Preview of dev\n````diff\n+     gcp:run:Job create\n!     timeout: 1 => 2\n-   old\n", "```mermaid\ngraph TD\na-->b\n```"},
			"pulumi stack output image\npulumi config set image host/x@sha256:1\npulumi preview --diff --non-interactive --color never --suppress-progress --refresh\nmake --silent plan STACK=dev FORMAT=mermaid\n",
		},
		{
			"never deployed", `if [ "$1" = stack ]; then exit 1; fi`, `echo graph`, 0,
			[]string{"## Preview of dev\n````diff\n"},
			"pulumi stack output image\npulumi preview --diff --non-interactive --color never --suppress-progress --refresh\nmake --silent plan STACK=dev FORMAT=mermaid\n",
		},
		{
			"failed", deployed + `if [ "$1" = preview ]; then echo "error: no such bucket"; exit 3; fi`, `echo graph`, 3,
			[]string{"**The preview failed.**", "error: no such bucket", "graph"},
			"",
		},
		{"no graph", deployed, `echo "STACK dev has no file"; exit 1`, 0, []string{"The graph could not be drawn", "STACK dev has no file"}, ""},
		{
			"too long for a comment", deployed + `if [ "$1" = preview ]; then for i in $(seq 9000); do echo "line $i"; done; fi`, `echo graph`, 0,
			[]string{"Only the end is shown", "line 9000"},
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, map[string]string{"pulumi": c.pulumi, "make": c.graph})
			code, stdout, _ := s.run(t, "preview", "dev", "--refresh")
			if code != c.wantCode {
				t.Errorf("exit %d, want %d", code, c.wantCode)
			}
			for _, want := range c.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("does not print %q:\n%s", want, stdout)
				}
			}
			if len(stdout) > 60_000 {
				t.Errorf("%d characters do not fit into a comment", len(stdout))
			}
			if calls := s.calls(t); c.wantCalls != "" && calls != c.wantCalls {
				t.Errorf("calls:\n%swant:\n%s", calls, c.wantCalls)
			}
		})
	}
}

func TestRefuseStale(t *testing.T) {
	const shown = "update of 2026-11-25T10:00:00Z"
	for _, c := range []struct {
		name, newest, history string
		wantCode              int
		want                  string
	}{
		{"fresh", "7", `[{"kind":"update","startTime":"2026-11-25T10:00:00Z"}]`, 0, ""},
		{"main moved on", "8", `[{"kind":"update","startTime":"2026-11-25T10:00:00Z"}]`, 1, "main has moved on since this was approved. Approve its newest run: https://github.example/o/r/actions/runs/8"},
		{"deployed since", "7", `[{"kind":"update","startTime":"2026-11-25T11:00:00Z"}]`, 1, "The stack was changed (update of 2026-11-25T11:00:00Z) after its diff was shown (update of 2026-11-25T10:00:00Z)"},
		{"refreshed since", "7", `[{"kind":"refresh","startTime":"2026-11-25T11:00:00Z"}]`, 1, "The stack was changed (refresh of"},
		{"destroyed with its history", "7", `[]`, 1, "The stack was changed (none of never)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, map[string]string{"gh": "echo " + c.newest, "pulumi": "echo '" + c.history + "'"})
			s.env = append(s.env, "GITHUB_REPOSITORY=o/r", "GITHUB_REF_NAME=main", "GITHUB_RUN_ID=7", "GITHUB_SERVER_URL=https://github.example")
			code, stdout, stderr := s.run(t, "refuse-stale", shown)
			if code != c.wantCode || !strings.Contains(stdout, c.want) {
				t.Errorf("exit %d, want %d; printed %q%q, want %q", code, c.wantCode, stdout, stderr, c.want)
			}
		})
	}
}

// A question that GitHub or the state does not answer is no yes.
func TestRefuseStaleWithoutAnAnswer(t *testing.T) {
	s := newStage(t, map[string]string{"gh": "exit 1", "pulumi": "echo '[]'"})
	s.env = append(s.env, "GITHUB_REPOSITORY=o/r", "GITHUB_REF_NAME=main", "GITHUB_RUN_ID=7", "GITHUB_SERVER_URL=https://github.example")
	if code, _, _ := s.run(t, "refuse-stale", "none of never"); code == 0 {
		t.Error("GitHub did not answer, and the approval was taken")
	}
	s = newStage(t, map[string]string{"gh": "echo 7", "pulumi": "exit 1"})
	s.env = append(s.env, "GITHUB_REPOSITORY=o/r", "GITHUB_REF_NAME=main", "GITHUB_RUN_ID=7", "GITHUB_SERVER_URL=https://github.example")
	if code, _, _ := s.run(t, "refuse-stale", "none of never"); code == 0 {
		t.Error("the state could not be read, and the approval was taken")
	}
}

func TestSmoke(t *testing.T) {
	const pulumi = `case "$*" in "stack output runCommand") echo "gcloud run jobs execute sync --wait";; "stack output logsUrl") echo https://logs.example;; `
	for _, c := range []struct {
		name, pulumi, gcloud string
		wantCode             int
		want, wantCalls      string
	}{
		{
			"works", "esac", "", 0, "",
			"pulumi stack output runCommand\ngcloud run jobs execute sync --wait --args=check\ngcloud run jobs execute sync --wait\npulumi preview --expect-no-changes --diff --non-interactive --suppress-progress\n",
		},
		{"check fails", "esac", `case "$*" in *check) exit 1;; esac`, 1, "job check failed in the stack that was just deployed. Read the log of the job: https://logs.example", ""},
		{"run fails", "esac", `case "$*" in *check) ;; *) exit 1;; esac`, 1, "The first run after the deployment failed.", ""},
		{"not as declared", "preview*) echo 1 change; exit 1;; esac", "", 1, "1 change", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, map[string]string{"pulumi": pulumi + c.pulumi, "gcloud": c.gcloud})
			code, stdout, _ := s.run(t, "smoke")
			if code != c.wantCode || !strings.Contains(stdout, c.want) {
				t.Errorf("exit %d, want %d; printed %q, want %q", code, c.wantCode, stdout, c.want)
			}
			if calls := s.calls(t); c.wantCalls != "" && calls != c.wantCalls {
				t.Errorf("calls:\n%swant:\n%s", calls, c.wantCalls)
			}
		})
	}
}

func TestChangelog(t *testing.T) {
	s := newStage(t, nil)
	text := "# Changes\n\n## [Unreleased]\n\n- soon\n\n## [1.10.0] - 2026-11-25\n\n### Added\n- ten\n\n## [1.1.0] - 2026-11-01\n\n- one\n\n## [1.0.0] - 2026-10-01\n\n"
	if err := os.WriteFile(filepath.Join(s.dir, "CHANGELOG.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{"v1.10.0": "\n### Added\n- ten\n\n", "v1.1.0": "\n- one\n\n"} {
		if code, stdout, stderr := s.run(t, "changelog", tag); code != 0 || stdout != want {
			t.Errorf("%s: exit %d, %q%q, want %q", tag, code, stdout, stderr, want)
		}
	}
	for _, tag := range []string{"v1.1.1", "v1.0.0", "v1x1.0", "v1.1"} {
		if code, _, stderr := s.run(t, "changelog", tag); code != 1 || !strings.Contains(stderr, "CHANGELOG.md has no section") {
			t.Errorf("%s: exit %d, %q, want 1 and what is missing", tag, code, stderr)
		}
	}
}
