package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// On a terminal the logs are for people, the bar stands below them while the run goes on, and nothing of it is left in
// the end.
func TestTerminal(t *testing.T) {
	t.Parallel()
	w := newDocs(t, database, 100)
	first, second := w.onTerminal(slowlyOnce), w.onTerminal(slowlyOnce)
	for _, tt := range []struct {
		name, output, bar string
	}{
		{"first run", first, `0 rows read`},
		{"run that knows how many to expect", second, `\d+ of about 100 rows read +\[[=>-]+\]`},
	} {
		if !regexp.MustCompile(tt.bar).MatchString(plain(tt.output)) {
			t.Errorf("%s: no bar like %s in %q", tt.name, tt.bar, tt.output)
		}
	}
	golden(t, "terminal.golden", shown(first))
	golden(t, "terminal-unchanged.golden", shown(second))
}

// slowlyOnce is a query that takes half a second, so that the bar is drawn a few times.
const slowlyOnce = `SYNC_QUERY=` + columns + ` FROM docs, LATERAL (SELECT pg_sleep(CASE id WHEN 'doc-0100' THEN 0.5 ELSE 0 END)) AS nap`

// onTerminal runs a sync on a terminal and returns what it wrote there.
func (w *world) onTerminal(changes ...variable) string {
	w.t.Helper()
	output, code := w.typed([]string{"sync"}, changes...)
	if code != 0 {
		w.t.Fatalf("exit %d\n%s", code, output)
	}
	return output
}

// typed runs the job as a person does, and returns what the terminal was sent, and the exit code.
func (w *world) typed(args []string, changes ...variable) (string, int) {
	w.t.Helper()
	cmd := w.command(args, append(changes, "TERM=xterm")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	terminal, end, err := pty.Open()
	if err != nil {
		w.t.Fatal(err)
	}
	defer terminal.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 40, Cols: 200}); err != nil {
		w.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = end, end
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	end.Close() // the process has its own
	kill := time.AfterFunc(processTime, func() { cmd.Process.Kill() })
	defer kill.Stop()
	output, err := io.ReadAll(terminal)
	if err != nil && !isEndOfTerminal(err) {
		w.t.Error(err)
	}
	_ = cmd.Wait() // the exit code says it
	inspect("terminal", output)
	return string(output), cmd.ProcessState.ExitCode()
}

// isEndOfTerminal reports that the last process that had the terminal open has closed it: Linux calls that an error.
func isEndOfTerminal(err error) bool {
	path, ok := err.(*os.PathError)
	return ok && path.Err == syscall.EIO
}

// escape is a terminal's control sequence: its number and its letter.
var escape = regexp.MustCompile(`^\x1b\[(\??[0-9;]*)([A-Za-z])`)

// plain is output without control sequences.
func plain(output string) string {
	return regexp.MustCompile(`\x1b\[\??[0-9;]*[A-Za-z]`).ReplaceAllString(output, "")
}

// shown is what stands on the screen in the end, after all that the program has written over: what a person sees. The
// times are masked.
func shown(output string) string {
	lines, row, column := []string{""}, 0, 0
	for len(output) > 0 {
		if m := escape.FindStringSubmatch(output); m != nil {
			output = output[len(m[0]):]
			n := 1
			if m[1] != "" && m[1][0] >= '1' && m[1][0] <= '9' {
				n = int(m[1][0] - '0')
			}
			switch m[2] {
			case "A":
				row = max(row-n, 0)
			case "F":
				row, column = max(row-n, 0), 0
			case "G":
				column = 0
			case "K":
				lines[row] = lines[row][:min(column, len(lines[row]))]
			case "J":
				lines = lines[:row+1]
				lines[row] = lines[row][:min(column, len(lines[row]))]
			}
			continue
		}
		switch c := output[0]; c {
		case '\r':
			column = 0
		case '\n':
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
		default:
			line := []byte(lines[row] + strings.Repeat(" ", max(column-len(lines[row]), 0)) + " ")
			line[column] = c
			lines[row] = strings.TrimSuffix(string(line), " ")
			if c == ' ' && column >= len(lines[row]) {
				lines[row] += " "
			}
			column++
		}
		output = output[1:]
	}
	text := strings.Join(lines, "\n")
	text = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d`).ReplaceAllString(text, "hh:mm:ss")
	text = regexp.MustCompile(`\((\d+ ms|\d+\.\d s)\)\n`).ReplaceAllString(text, "(0 ms)\n")
	return regexp.MustCompile(`duration_ms=\d+`).ReplaceAllString(text, "duration_ms=0")
}

// Lines that are written just before the bar goes must not go with it.
func TestScreenKeepsEveryLine(t *testing.T) {
	terminal, end, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	output := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(terminal)
		output <- string(text)
	}()
	const rounds = 50
	for range rounds {
		s := newScreen(end, func(string) string { return "" })
		s.progress(1, 0)
		if _, err := s.Write([]byte("before\n")); err != nil {
			t.Error(err)
		}
		s.close()
		s.progress(2, 0) // comes too late: no bar
		if _, err := s.Write([]byte("after\n")); err != nil {
			t.Error(err)
		}
		s.close()
		s.seal()
		if _, err := s.Write([]byte("after the last line\n")); err != nil {
			t.Error(err)
		}
	}
	end.Close()
	text := plain(<-output)
	for _, line := range []string{"before", "after"} {
		if n := strings.Count(text, line); n != rounds {
			t.Errorf("%d lines %q, want %d", n, line, rounds)
		}
	}
}

// The name alone, typed, is a question; where nobody types it is a sync, as jobs made by hand expect.
func TestNameAlone(t *testing.T) {
	t.Parallel()
	w := newDocs(t, database, 2)
	output, code := w.typed(nil)
	if code != exitConfiguration || !strings.HasPrefix(output, "Usage: job <command>") || !strings.Contains(output, "\nEnvironment (") {
		t.Errorf("exit %d, output\n%s", code, output)
	}
	if n := w.store.Len(); n != 0 {
		t.Errorf("%d documents were imported", n)
	}
	w.sync("imported")
}

// Colours are for terminals, and only where they are wanted.
func TestNoColor(t *testing.T) {
	t.Parallel()
	w := newDocs(t, database, 2)
	for _, args := range [][]string{{"check"}, {"plan"}, {"sync"}, {"history"}, {"show", "doc-0001"}} {
		coloured, _ := w.typed(args, "SYNC_MIME_TYPES=image/png,image/jpeg")
		if !strings.Contains(coloured, "\x1b[3") && !strings.Contains(coloured, "\x1b[1m") {
			t.Errorf("%v has no colour: %q", args, coloured)
		}
		for _, sequence := range escapes.FindAllStringSubmatch(first(w.typed(args, "NO_COLOR=1")), -1) {
			if sequence[2] == "m" {
				t.Errorf("%v has colour %q in spite of NO_COLOR", args, sequence[0])
			}
		}
		if r := w.run(args); strings.Contains(r.stdout+r.stderr, "\x1b") {
			t.Errorf("%v writes escapes into a pipe: %q", args, r.stdout+r.stderr)
		}
	}
}

func first(output string, _ int) string { return output }

var escapes = regexp.MustCompile(`\x1b\[(\??[0-9;]*)([A-Za-z])`)

// What is in a row is shown and not acted upon, whatever the command: escapes, C1 controls, overrides of the direction.
func TestTerminalDoesWhatWeSay(t *testing.T) {
	t.Parallel()
	const evil = `chr(27) || ']0;pwned' || chr(7) || chr(155) || '2J' || chr(8238) || chr(13)`
	w := newDocs(t, database, 2)
	w.env["MAX_FAILED"] = "10"
	w.env["SYNC_QUERY"] = `SELECT id, body || ` + evil + ` AS body, body || ` + evil + ` AS "odd` + "\u009b" + `name", 'gs://bucket/' || id AS content_uri, 'image/png' AS content_mime_type FROM docs
		UNION ALL SELECT 'bad' || ` + evil + `, 'x', 'y', 'gs://bucket/o', 'image/png' UNION ALL SELECT 'worse', 'x', 'y', 'gs://bucket/o', 'image/' || ` + evil
	w.sync("imported")
	w.exec(`UPDATE docs SET body = 'other'`)
	for _, args := range [][]string{
		{"plan"},
		{"plan", "--diff", "--all"},
		{"plan", "--json"},
		{"show", "doc-0001"},
		{"show", "worse"},
		{"show", "\u009b"},
		{"query"},
		{"query", "--json"},
		{"check"},
		{"search", "body"},
		{"search", "--all", "body"},
		{"search", "--json", "body"},
		{"sync", "--full"},
		{"history"},
	} {
		output, _ := w.typed(args)
		for _, r := range plain(output) {
			if acts(r) && r != '\r' && r != '\n' {
				t.Errorf("%v: %U reaches the terminal: %q", args, r, plain(output))
				break
			}
		}
	}
}
